// @ts-check
/** The report's form until it is touched: only then its script comes, and what is typed before that lies on this device. */
import { listen } from "./macros.js";

const AGAIN_MS = [2000, 5000, 15000, 30000];
const PATIENCE_MS = 20_000;
const { review, person, alone } = document.body.dataset;
const form = /** @type {HTMLFormElement | null} */ (document.getElementById("write"));
const PARTS = ["draft", "sheet", "again", ...(form?.querySelector(".offers") ? ["offers"] : [])].map((name) => `./${name}.js`);
export const words = JSON.parse(document.getElementById("draft-words")?.textContent ?? "{}");
export const place = `sonopost.draft.${person}.${review}`;
/** What an earlier visit could not bring to the server is put into the form before anything is typed there. */
const isKept = kept() !== null;
let isHere = false;
let failures = 0;
/** @type {Promise<boolean> | null} */
let coming = null;
/** @type {EventTarget | null} */
let typedIn = null;

/** What lies on this device; null also where it keeps nothing. */
export function kept() {
  try {
    return JSON.parse(localStorage.getItem(place) ?? "null");
  } catch {
    return null;
  }
}

/** @param {string} name @param {Record<string, string>} [given] */
export function say(name, given = {}) {
  const line = document.getElementById("saved");
  if (!line) return;
  line.textContent = words[name].replace(/\{(\w+)\}/g, (/** @type {string} */ _all, /** @type {string} */ key) => given[key]);
  line.classList.toggle("kept", name !== "saved");
}

/** False where there is no line: it comes once there is one, and what was pressed is forgotten. */
const come = () => (coming ??= attempt());

/** A browser asks no second time for a module that failed to come: it is imported when all of it is known to be there. */
async function attempt() {
  try {
    await Promise.all(PARTS.map(arrived));
    const [draft] = await Promise.all(PARTS.map((name) => import(name)));
    await draft.ready;
  } catch {
    const pause = AGAIN_MS[Math.min(failures++, AGAIN_MS.length - 1)];
    new Promise((done) => {
      setTimeout(done, pause);
      addEventListener("online", done, { once: true });
    }).then(() => (coming = attempt()));
    return false;
  }
  isHere = true;
  if (isKept && form) form.inert = document.documentElement.hasAttribute("data-apart");
  for (const each of ["input", "change"]) typedIn?.dispatchEvent(new Event(each, { bubbles: true }));
  return true;
}

/** @param {string} name */
async function arrived(name) {
  const answer = await fetch(new URL(name, import.meta.url), { signal: AbortSignal.timeout(PATIENCE_MS) });
  if (!answer.ok || !(await answer.text())) throw new Error(name);
}

/** @param {HTMLFormElement} here */
function keep(here) {
  say(here.dataset.save ? "kept" : "unclaimed");
  if (isKept) return;
  try {
    localStorage.setItem(place, JSON.stringify({ raw: [...new FormData(here)], tag: here.dataset.tag }));
  } catch {
    addEventListener("beforeunload", (event) => isHere || event.preventDefault());
  }
}

/** What is pressed before it is here is pressed again. @param {HTMLFormElement} here */
function attend(here) {
  listen(here, JSON.parse(document.getElementById("macros")?.textContent ?? "{}"));
  for (const each of ["focusin", "pointerdown", "keydown", "change"]) here.addEventListener(each, come);
  here.addEventListener("input", (event) => {
    const field = /** @type {HTMLInputElement} */ (event.target);
    if (isHere || !field.name) return;
    typedIn = field;
    keep(here);
    come();
  });
  here.addEventListener("click", async (event) => {
    const pressed = /** @type {Element} */ (event.target).closest("button");
    const isItsOwn = pressed?.type !== "button" || pressed.dataset.word !== undefined;
    if (!isHere && !isItsOwn && (await come())) pressed?.click();
  });
  here.addEventListener("submit", async (event) => {
    const pressed = /** @type {HTMLButtonElement | null} */ (event.submitter);
    if (isHere || pressed?.name !== "then") return; // claiming takes the text along by itself
    event.preventDefault();
    if (await come()) here.requestSubmit(pressed);
  });
  here.addEventListener("keydown", (event) => {
    const isSigning = event.key === "Enter" && (event.ctrlKey || event.metaKey);
    if (isSigning) /** @type {HTMLElement | null} */ (here.querySelector("button[name=then][value=sign]"))?.click();
  });
  here.querySelector("[data-templates]")?.addEventListener("change", (event) => {
    const code = /** @type {HTMLSelectElement} */ (event.target).value;
    if (code) location.assign(`?template=${code}#write`);
  });
  document.addEventListener("insert", insertLater, true);
}

/** A measurement for the form; without a line it goes into the text. @param {Event} event */
async function insertLater(event) {
  if (isHere) return;
  const { target } = event;
  event.stopImmediatePropagation();
  await come();
  document.removeEventListener("insert", insertLater, true);
  target?.dispatchEvent(event);
}

/** As the form would look with its script. @param {HTMLFormElement} here */
function dress(here) {
  here.toggleAttribute("data-scripted", true);
  for (const each of /** @type {NodeListOf<HTMLElement>} */ (here.querySelectorAll("[data-off]"))) each.hidden = true;
  for (const each of /** @type {NodeListOf<HTMLElement>} */ (here.querySelectorAll("[data-next], [data-here], [data-key-here], [data-take]"))) each.hidden = false;
}

const isOpened = () => Boolean(document.getElementById(location.hash.slice(1))?.closest(".report"));

if (form?.hasAttribute("data-gone")) {
  if (isKept) come();
} else if (form && !form.hasAttribute("data-fixed")) {
  dress(form);
  attend(form);
  form.inert = isKept;
  addEventListener("hashchange", () => isOpened() && come());
  // What was typed before this script was here
  [...form.querySelectorAll("textarea")].find((each) => each.value !== each.defaultValue)?.dispatchEvent(new Event("input", { bubbles: true }));
  if (isKept || alone || isOpened() || !document.getElementById("both")?.hidden) come();
}
