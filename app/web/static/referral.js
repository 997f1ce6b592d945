// @ts-check
/** The referral's page while it is open: its state and the state of its files in place; what would move things, on demand. */

import { counted, offer, put, watch } from "./watch.js";

const page = /** @type {HTMLElement} */ (document.querySelector("[data-look]"));
const words = /** @type {string[]} */ (JSON.parse(page.dataset.files ?? "[]"));
const known = () => /** @type {HTMLElement} */ (document.querySelector("[data-known]"));
let isOver = false;

watch(
  () => (isOver ? "" : (page.dataset.look ?? "")),
  (came) => {
    isOver = came.querySelector("[data-over]") !== null;
    put(document.querySelector("[data-state]"), came.querySelector("[data-state]"));
    const [news, files] = [came.querySelector("[data-news]")?.textContent ?? "", came.querySelector("[data-files]")];
    const count = files && !document.querySelector("[data-queue] > li") ? merge(files) : 0;
    if (news) offer(news, location.pathname);
    else offer(counted(words, count), () => show(/** @type {Element} */ (files)));
  },
);

/** Files that arrived say so where they stand; those that are new or ask for something are counted. @param {Element} fresh */
function merge(fresh) {
  const came = new Map([...fresh.querySelectorAll("[data-file]")].map((row) => [row.getAttribute("data-file"), row]));
  let count = 0;
  for (const row of /** @type {NodeListOf<HTMLElement>} */ (known().querySelectorAll("[data-file]"))) {
    const newer = came.get(row.dataset.file ?? "");
    came.delete(row.dataset.file ?? "");
    if (!newer) continue;
    if (asks(newer) && newer.querySelector(".acts")?.innerHTML !== row.querySelector(".acts")?.innerHTML) count += 1;
    else update(row, newer);
  }
  for (const each of known().querySelectorAll("[data-count]")) {
    const newer = fresh.querySelector(`[data-count="${each.getAttribute("data-count")}"]`);
    if (newer) put(each, newer);
    else /** @type {HTMLElement} */ (each).style.visibility = "hidden"; // its line stays free
  }
  return count + came.size;
}

/** @param {Element} row */
const asks = (row) => Boolean(row.querySelector(".acts form"));

/** A row never shrinks under the pointer. @param {HTMLElement} row @param {Element} newer */
function update(row, newer) {
  row.style.minBlockSize = `${row.offsetHeight}px`;
  for (const part of [".kind", ".state", ".acts"]) put(row.querySelector(part), newer.querySelector(part) ?? document.createElement("span"));
}

/** @param {Element} files */
function show(files) {
  const wasOpen = known().querySelector("details[data-arrived]")?.hasAttribute("open");
  known().replaceChildren(...[...files.childNodes].map((node) => document.importNode(node, true)));
  if (wasOpen) known().querySelector("details[data-arrived]")?.setAttribute("open", "");
  offer("", "");
  /** @type {HTMLElement | null} */ (document.getElementById("files-head"))?.focus();
}
