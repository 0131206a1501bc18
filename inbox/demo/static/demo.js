// Small comforts of the demo pages; without this file every page still works by its forms.
"use strict";

document.documentElement.classList.add("js");

for (const select of document.querySelectorAll("select[data-auto]")) {
  select.addEventListener("change", () => select.form.requestSubmit());
}

for (const key of document.querySelectorAll("[data-key]")) {
  key.addEventListener("click", () => {
    key.form.elements.keys.value += key.dataset.key;
  });
}

for (const box of document.querySelectorAll("textarea[data-enter]")) {
  box.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    box.form.requestSubmit();
  });
}

for (const form of document.querySelectorAll("form[method=post]")) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) event.preventDefault(); // a second press while the first is on its way
    form.dataset.sent = "1";
  });
}

const chat = document.querySelector("inbox-chat[data-renew]");
if (chat) {
  chat.addEventListener("inbox-token-needed", async () => {
    const answer = await fetch(chat.dataset.renew, { cache: "no-store" });
    if (answer.ok) chat.setToken(await answer.text());
  });
}

function toEnd() {
  for (const list of document.querySelectorAll("[data-end]")) list.scrollTop = list.scrollHeight;
}

// Fetch the page anew and change the parts that live; what is typed elsewhere stays.
async function refresh() {
  const answer = await fetch(location.href, { cache: "no-store" });
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of document.querySelectorAll("[data-live]")) {
    const now = fresh.getElementById(part.id);
    if (now && now.innerHTML !== part.innerHTML) part.replaceChildren(...now.childNodes);
  }
  document.body.dataset.mark = fresh.body.dataset.mark;
  toEnd();
}

async function look() {
  try {
    const answer = await fetch("/demo/version", { cache: "no-store" });
    if (answer.ok && (await answer.text()) !== document.body.dataset.mark) await refresh();
  } catch {
    // The demo is restarting; the next look will tell.
  }
}

toEnd();
if (document.body.dataset.mark) setInterval(look, 800);
