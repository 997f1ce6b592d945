// @ts-check
/** The row of a file that waits or goes: what it is, where it is, in words, and what can be done about it. */

/**
 * @typedef {object} Item
 * @property {string} id
 * @property {string} name with the folders it lies in
 * @property {number} modified
 * @property {number} size
 * @property {"chosen" | "waiting" | "asks" | "retry" | "refused" | "sending" | "checking" | "signed_out" | "gone" | "done"} state
 * @property {string} sentence
 * @property {number} sent share of it, 0 to 1
 * @property {string} known the server's id of a refused file
 * @property {boolean} hopeless the same bytes would be refused again
 * @property {number} rank
 * @property {string} sha256 "" of a large one
 * @property {import("./before.js").Says | null} says
 * @property {boolean} isKept all of it is on this device
 * @property {boolean} isPreviewed something small of it is at the server
 * @property {boolean} isRight somebody said so, whatever the file says
 * @property {HTMLLIElement} row
 */

/** @typedef {Record<string, (item: Item) => void>} Acts by the names of their words */

/** What can be done about a file in this state. @type {Partial<Record<Item["state"], string[]>>} */
const OFFERED = {
  chosen: ["remove"], waiting: ["remove"], retry: ["remove"], signed_out: ["remove"], gone: ["remove"], asks: ["right", "remove"],
  refused: ["again", "remove"],
};

/** What is said of a file in this state once a preview of it is there. @type {Partial<Record<Item["state"], string>>} */
const PREVIEWED = { waiting: "previewed", sending: "sending_previewed" };

/** @type {Record<string, string>} */
let given = {};

export const words = {
  /** @param {string} text */
  read(text) {
    given = JSON.parse(text);
  },
  /** @param {string} name @param {Record<string, string | number>} [values] */
  say: (name, values = {}) => (given[name] ?? "").replace(/\{(\w+)\}/g, (_, each) => String(values[each] ?? "")),
};

/** @param {Item} item @param {Acts} acts @returns {HTMLLIElement} */
export function row(item, acts) {
  const template = /** @type {HTMLTemplateElement} */ (document.querySelector("template[data-row]"));
  const made = /** @type {HTMLLIElement} */ (/** @type {DocumentFragment} */ (template.content.cloneNode(true)).firstElementChild);
  const part = (/** @type {string} */ name) => /** @type {HTMLElement} */ (made.querySelector(name));
  part(".kind").textContent = /\.(\w{2,5})$/.exec(item.name)?.[1] ?? words.say("file");
  part(".name").textContent = item.name;
  part(".size").textContent = size(item.size);
  part("progress").setAttribute("aria-label", words.say("progress_of", { name: item.name }));
  part(".acts").append(...Object.keys(acts).map((name) => button(item, name, acts[name])));
  return made;
}

/** @param {Item} item @param {string} name @param {(item: Item) => void} act */
function button(item, name, act) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = "quiet";
  made.dataset.act = name;
  made.textContent = words.say(name);
  made.setAttribute("aria-label", `${words.say(name)} ${item.name}`);
  made.addEventListener("click", () => act(item));
  return made;
}

/** @param {Item} item */
export function show(item) {
  const line = /** @type {HTMLElement} */ (item.row.querySelector(".state"));
  item.row.toggleAttribute("data-unkept", !item.isKept);
  const is = item.state === "chosen" && !item.isKept ? "keeping" : (item.isPreviewed && PREVIEWED[item.state]) || item.state;
  line.textContent = item.sentence || words.say(is, { percent: `${Math.floor(item.sent * 100)} %` });
  line.classList.toggle("wrong", ["refused", "gone", "asks"].includes(item.state));
  const bar = /** @type {HTMLProgressElement} */ (item.row.querySelector("progress"));
  bar.hidden = !["sending", "checking"].includes(item.state);
  bar.value = item.sent;
  const offered = (OFFERED[item.state] ?? []).filter((name) => name !== "again" || !item.hopeless);
  for (const each of /** @type {NodeListOf<HTMLElement>} */ (item.row.querySelectorAll("[data-act]"))) each.hidden = !offered.includes(each.dataset.act ?? "");
  /** @type {HTMLElement} */ (item.row.querySelector(".acts")).hidden = !offered.length;
}

/** @param {number} bytes */
export function size(bytes) {
  const units = ["B", "kB", "MB", "GB"];
  const step = bytes ? Math.min(3, Math.floor(Math.log10(bytes) / 3)) : 0;
  return `${new Intl.NumberFormat(document.documentElement.lang, { maximumFractionDigits: step ? 1 : 0 }).format(bytes / 1000 ** step)} ${units[step]}`;
}
