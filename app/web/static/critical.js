// @ts-check
/** The record of a critical finding while one telephones: who has opened it, in place; what was said back, on demand. */
import { offer, put, watch } from "./watch.js";

const { look = "", closed = "" } = document.body.dataset;

watch(() => look, (came) => {
  for (const here of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-live]"))) {
    const newer = came.getElementById(here.id);
    put(here, newer);
    if (newer) here.hidden = newer.hidden;
  }
  const now = /** @type {HTMLElement} */ (came.querySelector("[data-closed]"));
  if (now.dataset.closed !== closed) offer(now.textContent ?? "", location.pathname);
});
