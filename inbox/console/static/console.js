// Keeps the marked part of a page fresh: the server says when something changed, the part is fetched and swapped.
// Without this file every page works; it only has to be reloaded by hand.
"use strict";

(() => {
  const part = document.querySelector("[data-fragment][data-live]");
  if (!part || !window.EventSource) return;

  let last = null;
  let running = false;
  let again = false;

  const swap = (html) => {
    const fresh = new DOMParser().parseFromString(html, "text/html");
    const open = new Set([...part.querySelectorAll("details[open][id]")].map((d) => d.id));
    const focused = part.contains(document.activeElement) ? document.activeElement : null;
    const key = focused && (focused.id ? `#${CSS.escape(focused.id)}` : focused.name ? `[name="${CSS.escape(focused.name)}"]` : focused.getAttribute("href") ? `a[href="${CSS.escape(focused.getAttribute("href"))}"]` : "");
    fresh.querySelectorAll("details[id]").forEach((d) => {
      if (open.has(d.id)) d.open = true;
    });
    part.replaceChildren(...fresh.body.childNodes);
    if (key) part.querySelector(key)?.focus({ preventScroll: true });
  };

  // Somebody choosing in a list must not have it pulled away.
  const isBusy = () => ["SELECT", "INPUT", "TEXTAREA"].includes(document.activeElement?.tagName) && part.contains(document.activeElement);

  const refresh = async () => {
    if (running) {
      again = true;
      return;
    }
    running = true;
    try {
      const response = await fetch(part.dataset.fragment, { credentials: "same-origin", redirect: "manual" });
      if (response.type === "opaqueredirect" || response.status === 403) {
        source.close();
        location.reload(); // logged out meanwhile
        return;
      }
      if (response.ok) {
        const html = await response.text();
        if (html !== last && !isBusy()) {
          swap(html);
          last = html;
        }
      }
    } catch {
      // the line is down; the next event tries again
    } finally {
      running = false;
    }
    if (again) {
      again = false;
      await refresh();
    }
  };

  const source = new EventSource(part.dataset.live);
  source.onmessage = refresh;
  source.onopen = refresh; // whatever happened while the line was down
  source.onerror = () => {
    if (source.readyState === EventSource.CLOSED) refresh(); // refused: most likely logged out meanwhile
  };
  window.addEventListener("pagehide", () => source.close());
})();
