// @ts-check
/** The referrer's list while it is open: each case's state in place; what came or moved to another group, on demand. */

import { counted, offer, put, watch } from "./watch.js";

const list = /** @type {HTMLElement} */ (document.querySelector("[data-look]"));
const group = (/** @type {Element} */ line) => line.closest("section")?.getAttribute("aria-labelledby");

/** The new words in the line's own height; those that would move the lines below wait. @param {HTMLElement} line @param {Element} newer */
function fits(line, newer) {
  const [state, height] = [/** @type {HTMLElement} */ (line.querySelector(".state")), line.offsetHeight];
  const before = [...state.childNodes];
  put(state, newer.querySelector(".state"));
  if (line.offsetHeight > height) state.replaceChildren(...before);
  line.style.minBlockSize = `${height}px`;
  return state.firstChild !== before[0] || state.textContent === newer.querySelector(".state")?.textContent;
}

watch(
  () => list.dataset.look ?? "",
  (came) => {
    const lines = new Map([...came.querySelectorAll("[data-line]")].map((line) => [line.getAttribute("data-line"), line]));
    let count = 0;
    for (const line of /** @type {NodeListOf<HTMLElement>} */ (list.querySelectorAll("[data-line]"))) {
      const newer = lines.get(line.getAttribute("data-line"));
      lines.delete(line.getAttribute("data-line"));
      if (!newer || !fits(line, newer) || group(newer) !== group(line)) count += 1;
    }
    offer(counted(JSON.parse(list.dataset.new ?? "[]"), count + lines.size), location.href);
  },
);
