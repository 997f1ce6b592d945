// @ts-check
/** The worklist by keyboard, and its refresh that never moves a row under the pointer. */

import { counted, offer, watch } from "./watch.js";

const desk = /** @type {HTMLElement} */ (document.getElementById("desk"));
const list = () => /** @type {HTMLElement} */ (document.getElementById("list"));
const rows = () => /** @type {HTMLTableRowElement[]} */ ([...document.querySelectorAll("#rows tr[id]")]);
const search = /** @type {HTMLInputElement} */ (document.getElementById("q"));

/** @param {Element | null | undefined} row */
const focusRow = (row) => /** @type {HTMLElement | null | undefined} */ (row?.querySelector("a.open"))?.focus();
const rowInFocus = () => /** @type {HTMLTableRowElement | null} */ (document.activeElement?.closest("#rows tr[id]") ?? null);

/** @param {number} by */
function move(by) {
  const all = rows();
  const row = rowInFocus();
  focusRow(all[row ? Math.min(all.length - 1, Math.max(0, all.indexOf(row) + by)) : 0]);
}

/** @type {Record<string, () => void>} */
const KEYS = {
  j: () => move(1), ArrowDown: () => move(1), k: () => move(-1), ArrowUp: () => move(-1),
  c: () => /** @type {HTMLElement | null | undefined} */ (rowInFocus()?.querySelector("button.claim"))?.click(),
  "/": () => search.focus(),
};

desk.addEventListener("keydown", (event) => {
  const target = /** @type {HTMLElement} */ (event.target);
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (target === search && event.key === "Escape") focusRow(rows()[0]);
  if (target.matches("input, select, textarea")) return;
  const act = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!act) return;
  event.preventDefault();
  act();
});

/** What came by the refresh is written into the rows that stand there. @param {Document} fresh */
function merge(fresh) {
  const came = new Map([...fresh.querySelectorAll("#rows tr[id]")].map((row) => [row.id, row]));
  const isWhole = !fresh.querySelector("#rows tr.more");
  const waiting = new Set(came.keys());
  rows().forEach((row) => {
    const newer = came.get(row.id);
    waiting.delete(row.id);
    if (newer) update(row, newer);
    else if (isWhole) leave(row);
  });
  document.querySelectorAll(".tabs a").forEach((tab, at) => {
    const newer = fresh.querySelectorAll(".tabs a")[at];
    const [count, next] = [tab.querySelector("b"), newer?.querySelector("b")];
    if (count && next && count.textContent !== next.textContent) count.textContent = next.textContent;
  });
  recount(fresh.getElementById("list"));
  const last = rows().at(-1);
  const count = isWhole || !last ? waiting.size : [...waiting].filter((id) => before(came, id, last.id)).length;
  offer(counted(JSON.parse(list().dataset.new ?? "[]"), count), list().dataset.look ?? "");
}

/** How many each choice has, beside it. @param {Element | null | undefined} from */
function recount(from) {
  const counts = JSON.parse(/** @type {HTMLElement | null | undefined} */ (from)?.dataset.counts ?? "{}");
  for (const choice of /** @type {NodeListOf<HTMLOptionElement>} */ (document.querySelectorAll("option[data-name]"))) {
    const words = `${choice.dataset.name} (${counts[choice.value] ?? 0})`;
    if (choice.textContent !== words) choice.textContent = words;
  }
}

/** Whether a new row stands above the last one that is shown. @param {Map<string, Element>} came @param {string} id @param {string} last */
function before(came, id, last) {
  const order = [...came.keys()];
  return !order.includes(last) || order.indexOf(id) < order.indexOf(last);
}

/** @param {HTMLTableRowElement} row @param {Element} newer */
function update(row, newer) {
  row.classList.remove("gone");
  [...newer.children].forEach((cell, at) => {
    const here = row.cells[at];
    if (!here || here.innerHTML === cell.innerHTML) return;
    if (here.contains(document.activeElement)) focusRow(row); // the button that was pressed may be gone
    here.className = cell.className;
    if (here.contains(document.activeElement)) return; // the code, which never changes
    here.replaceChildren(...[...cell.childNodes].map((node) => document.importNode(node, true)));
    /** @type {any} */ (window).htmx?.process(here);
  });
}

/** It ended, or somebody took it: it is said, and the row stays where it is. @param {HTMLTableRowElement} row */
function leave(row) {
  if (row.classList.contains("gone")) return;
  row.classList.add("gone");
  const act = /** @type {HTMLElement} */ (row.querySelector(".act"));
  if (act.contains(document.activeElement)) focusRow(row);
  act.textContent = list().dataset.gone ?? "";
}

watch(() => list().dataset.look ?? "", merge);

let shown = list().dataset.look;

document.addEventListener("htmx:after:swap", () => {
  if (list().dataset.look !== shown) offer("", ""); // of another list
  shown = list().dataset.look;
  recount(list());
  const said = /** @type {HTMLElement | null} */ (document.querySelector("#rows tr[data-said]"));
  if (!said) return;
  const line = /** @type {HTMLElement} */ (document.getElementById("said"));
  line.textContent = `${said.querySelector(".code")?.textContent}: ${said.dataset.said}`;
  said.removeAttribute("data-said");
  if (!document.activeElement || document.activeElement === document.body) focusRow(said);
});

if (document.activeElement === document.body && matchMedia("(hover: hover)").matches) (rows()[0] ? focusRow(rows()[0]) : desk.focus());
