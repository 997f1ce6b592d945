// @ts-check
/** Autosave: what is typed and ticked lies on this device until the server has it, and no text overwrites another unseen. */

import { signedInAgain } from "./again.js";
import { Sheet, same } from "./sheet.js";
import { kept, place, say, words } from "./touched.js";

const FIELDS = /** @type {const} */ (["findings", "impression", "recommendation"]);
const QUIET_MS = 1000;
const AGAIN_MS = [2000, 5000, 15000, 30000];
const form = /** @type {HTMLFormElement | null} */ (document.getElementById("write"));

/** @typedef {{findings: string, impression: string, recommendation: string, form?: import("./sheet.js").Ticked | null, key_images?: import("./sheet.js").Spot[]}} Text */

class Draft {
  /** @param {HTMLFormElement} form */
  constructor(form) {
    this.form = form;
    this.address = `/api/v1/reviews/${document.body.dataset.review}/report`;
    this.maySave = Boolean(form.dataset.save);
    this.tag = form.dataset.tag ?? "";
    this.sheet = new Sheet(form);
    this.sheet.listen(() => this.begin());
    this.onServer = this.tag ? textOf(copyOf(form)) : null; // the text that the server is known to have
    this.isOther = form.hasAttribute("data-other"); // the page's template than the draft's: a form, or none, is saved too
    this.failures = 0;
    this.conflict = !this.both.hidden;
    form.addEventListener("input", (event) => this.typed(event));
    form.addEventListener("submit", (event) => this.submit(event));
    this.area("language").addEventListener("change", () => {
      this.onServer = null; // what is ticked is said in another language
      this.changed();
    });
    this.both.addEventListener("click", (event) => this.settle(/** @type {HTMLElement} */ (event.target).dataset.keep));
    addEventListener("online", () => this.save());
    this.ready = form.querySelector(".offers") ? import("./offers.js").then(({ follow }) => follow(this)) : Promise.resolve();
    addEventListener("pagehide", () => this.keep());
    addEventListener("beforeunload", (event) => this.isUnsafe() && event.preventDefault());
    if (this.conflict) this.showConflict();
    else this.restore();
  }

  get both() {
    return /** @type {HTMLElement} */ (document.getElementById("both"));
  }

  /** @param {string} name */
  area(name) {
    return /** @type {HTMLTextAreaElement} */ (this.form.elements.namedItem(name));
  }

  text() {
    return textOf(this.form, this.sheet);
  }

  /** @param {Text} text */
  fill(text) {
    for (const name of FIELDS) this.area(name).value = text[name] ?? "";
    if (text.form) this.sheet.fill(text.form);
    if (text.key_images && this.sheet.keys) this.sheet.keys.value = this.sheet.said(text.key_images);
  }

  /** @param {Text | null} one @param {Text | null} other */
  same(one, other) {
    const isText = FIELDS.every((name) => (one?.[name] ?? "").trim() === (other?.[name] ?? "").trim());
    return isText && same(one?.form?.answers ?? {}, other?.form?.answers ?? {}) && same(spots(one), spots(other));
  }

  isUnsafe() {
    return this.isNew() && !this.keep();
  }

  isNew() {
    return !this.same(this.text(), this.onServer) || (this.onServer !== null && this.isOther);
  }

  /** On this device; false where it keeps nothing. */
  keep() {
    try {
      if (this.isNew()) localStorage.setItem(place, JSON.stringify({ ...this.text(), tag: this.tag }));
      else localStorage.removeItem(place);
      return true;
    } catch {
      return false;
    }
  }

  /** What an earlier visit could not bring to the server. */
  restore() {
    const here = keptText(this.form);
    if (!here) return;
    const theirs = this.text();
    if (this.same(here, theirs)) return localStorage.removeItem(place);
    this.fill(here);
    if (here.tag === this.tag || this.same(theirs, null)) this.changed();
    else this.differs(theirs, this.tag);
  }

  /** @param {Event} event */
  typed(event) {
    if (!FIELDS.includes(/** @type {any} */ (/** @type {HTMLTextAreaElement} */ (event.target).name))) return;
    this.begin();
  }

  begin() {
    const question = /** @type {HTMLDetailsElement | null} */ (document.getElementById("question"));
    if (question && !this.begun) question.open = false; // it stood open until the first word
    this.begun = true;
    this.changed();
  }

  changed() {
    this.keep();
    say(this.maySave ? "kept" : "unclaimed");
    clearTimeout(this.timer);
    if (this.maySave) this.timer = setTimeout(() => this.save(), QUIET_MS);
  }

  /** One at a time; true when the server has what stands in the fields. @returns {Promise<boolean>} */
  async save() {
    clearTimeout(this.timer);
    if (!this.maySave || this.conflict) return false;
    if (this.saving) await this.saving;
    if (!this.isNew()) {
      this.sayAt(new Date());
      return true;
    }
    this.saving = this.put(this.text());
    await this.saving;
    this.saving = null;
    return !this.conflict && !this.isNew();
  }

  /** @param {Text} text */
  async put(text) {
    const language = this.area("language").value;
    const headers = { "Content-Type": "application/json", ...(this.tag && { "If-Match": this.tag }) };
    const answer = await fetch(this.address, { method: "PUT", headers, body: JSON.stringify({ ...text, language }) }).catch(() => null);
    if (answer?.ok) {
      const draft = await answer.json();
      this.saved(text, answer.headers.get("ETag") ?? "", draft.updated_at);
      this.sheet.told(draft.form);
    } else if (answer?.status === 412) {
      this.differs((await answer.json()).current, answer.headers.get("ETag") ?? "");
    } else if (answer?.status === 428) { // the first save, and another window has made a draft
      const theirs = await fetch(this.address).catch(() => null);
      if (theirs?.ok) this.differs(await theirs.json(), theirs.headers.get("ETag") ?? "");
      else say("kept");
    } else if (answer?.status === 401) {
      say("kept");
      if (await signedInAgain()) this.timer = setTimeout(() => this.save(), 0);
    } else if (answer && answer.status < 500 && answer.status !== 429) {
      const problem = await answer.json().catch(() => ({}));
      say("refused", { reason: problem.detail ?? "" });
    } else {
      say("kept");
      this.timer = setTimeout(() => this.save(), AGAIN_MS[Math.min(this.failures++, AGAIN_MS.length - 1)]);
    }
  }

  /** @param {Text} text @param {string} tag @param {string} at */
  saved(text, tag, at) {
    this.failures = 0;
    this.onServer = text;
    this.isOther = false;
    this.setTag(tag);
    this.keep();
    document.dispatchEvent(new CustomEvent("draft-saved", { detail: text }));
    if (this.isNew()) this.timer = setTimeout(() => this.save(), QUIET_MS);
    else this.sayAt(new Date(at));
  }

  /** @param {Date} at when the server was known to have it */
  sayAt(at) {
    say("saved", { time: at.toLocaleTimeString("en-GB", this.zone()) });
  }

  /** The clock of the organization, as the server shows it. */
  zone() {
    return this.form.dataset.zone ? { timeZone: this.form.dataset.zone } : {};
  }

  /** @param {string} tag */
  setTag(tag) {
    this.tag = tag;
    this.area("tag").value = tag;
  }

  /** Somebody else, or another window, saved in between.
   * @param {Text & {answers?: Record<string, import("./sheet.js").Answer>}} theirs @param {string} tag */
  differs(theirs, tag) {
    this.setTag(tag);
    theirs.form = theirs.form ?? (theirs.answers && { template: "", answers: theirs.answers });
    this.onServer = theirs;
    this.isOther = true; // as far as is known
    if (this.same(theirs, this.text())) return this.changed();
    this.conflict = true;
    for (const quote of /** @type {NodeListOf<HTMLElement>} */ (this.form.querySelectorAll(".theirs"))) {
      const name = /** @type {"findings"} */ (quote.dataset.for);
      quote.textContent = theirs[name];
      quote.hidden = theirs[name] === this.area(name).value;
    }
    this.sheet.beside(theirs.form ?? null, words.theirs);
    this.keep();
    this.showConflict();
  }

  showConflict() {
    this.both.hidden = false;
    this.both.querySelectorAll("button").forEach((button) => (button.hidden = false));
    say("kept");
    this.both.scrollIntoView({ block: "nearest" });
  }

  /** @param {string | undefined} choice mine, theirs or both */
  settle(choice) {
    if (!choice) return;
    for (const quote of /** @type {NodeListOf<HTMLElement>} */ (this.form.querySelectorAll(".theirs:not([hidden])"))) {
      const area = this.area(quote.dataset.for ?? "");
      if (choice === "theirs") area.value = quote.textContent ?? "";
      if (choice === "both") area.value = [area.value, quote.textContent].filter(Boolean).join("\n\n");
      quote.hidden = true;
    }
    const theirs = this.onServer?.form ?? null;
    if (choice === "theirs") this.sheet.fill(theirs);
    if (choice === "both") this.sheet.join(theirs);
    this.sheet.settled();
    this.both.hidden = true;
    this.conflict = false;
    this.changed();
    this.save();
  }

  /** @param {SubmitEvent} event */
  async submit(event) {
    const pressed = /** @type {HTMLButtonElement | null} */ (event.submitter);
    this.keep();
    if (pressed?.name !== "then") return; // claiming takes the text along by itself
    event.preventDefault();
    if ((await this.save()) && pressed.value === "sign") location.assign(`/reviews/${document.body.dataset.review}/sign?images=${this.area("images").value}`);
  }
}

/** @param {Text | null} text */
const spots = (text) => (text?.key_images ?? []).map(({ image, frame }) => ({ image, frame }));

/** @param {HTMLFormElement} form @returns {Text} */
function textOf(form, sheet = new Sheet(form)) {
  const typed = Object.fromEntries(FIELDS.map((name) => [name, /** @type {HTMLTextAreaElement} */ (form.elements.namedItem(name)).value]));
  return /** @type {Text} */ ({ ...typed, form: sheet.read(), key_images: sheet.keyImages });
}

/** The form as it came from the server, whatever was typed into it since. @param {HTMLFormElement} form */
function copyOf(form) {
  const copy = /** @type {HTMLFormElement} */ (form.cloneNode(true));
  copy.reset();
  return copy;
}

/** What lies on this device; `raw` are the fields as they were typed before this script was there, with the numbers that images had then.
 * @param {HTMLFormElement} form @returns {Text & {tag: string} | null} */
function keptText(form) {
  const here = kept();
  if (!here?.raw) return here;
  const copy = copyOf(form);
  for (const field of /** @type {Iterable<HTMLInputElement>} */ (copy.elements)) {
    const values = here.raw.filter((/** @type {string[]} */ [name]) => name === field.name).map((/** @type {string[]} */ [, value]) => value);
    if (["radio", "checkbox"].includes(field.type)) field.checked = values.includes(field.value);
    else if (values.length) field.value = values[0];
  }
  return { ...textOf(copy), tag: here.tag };
}

/** Of a case that was cancelled or declined: what was typed and not saved is shown, and stays on this device.
 * @param {HTMLFormElement} form */
function showKept(form) {
  const here = keptText(form);
  if (!here) return;
  for (const name of FIELDS) {
    const area = /** @type {HTMLTextAreaElement} */ (form.elements.namedItem(name));
    area.value = here[name] ?? area.value;
  }
  if (here.form) new Sheet(form).fill(here.form);
  form.hidden = false;
  /** @type {HTMLElement} */ (document.getElementById("kept")).hidden = false;
}

if (form?.hasAttribute("data-gone")) showKept(form);
/** When all that a press needs is here. */
export const ready = form && !form.hasAttribute("data-gone") ? new Draft(form).ready : Promise.resolve();
