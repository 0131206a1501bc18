// Reloads the page when something changed, unless somebody is typing; the page works without it.
"use strict";

const body = document.body;

function isTyping() {
  const field = document.activeElement;
  if (field && ["TEXTAREA", "INPUT", "SELECT"].includes(field.tagName)) return true;
  return [...document.querySelectorAll("textarea, .menu[open] input[name=text]")].some((f) => f.value !== f.defaultValue);
}

async function look() {
  try {
    const answer = await fetch(body.dataset.url, { cache: "no-store" });
    const version = (await answer.text()).trim();
    if (answer.ok && version !== body.dataset.version && !isTyping()) window.location.reload();
  } catch {
    // The demo is restarting; the next look will tell.
  }
}

document.querySelectorAll("select[data-auto]").forEach((s) => s.addEventListener("change", () => s.form.requestSubmit()));
document.querySelectorAll("select[data-live]").forEach((s) =>
  s.addEventListener("change", () => s.form.requestSubmit(s.form.querySelector("button[name=_choose]"))),
);
const first = document.querySelector(".modal textarea, .modal select, .modal button");
if (first) first.focus();
setInterval(look, 1500);
