// @ts-check
/** The operator's own reading is shown when the server has the reader's impression. */

document.addEventListener("draft-saved", async (event) => {
  const place = /** @type {HTMLElement | null} */ (document.querySelector("[data-own]"));
  if (!place || !(/** @type {CustomEvent} */ (event).detail.impression ?? "").trim()) return;
  const answer = await fetch(place.dataset.own ?? "").catch(() => null);
  const box = document.getElementById("own");
  if (answer?.ok && box) box.innerHTML = await answer.text();
});

export {}; // a module: its types are its own
