// @ts-check
/** A template's form: what is ticked as the server wants it, images by their number on the strip, numbers by one press. */

/** @typedef {{image: string, frame: number}} Spot */
/**
 * @typedef {object} Answer
 * @property {string | null} [choice] @property {string[]} [choices] @property {number[]} [numbers] @property {string} [text]
 * @property {boolean} [unclear] @property {Spot[]} [seen_on] @property {string[]} [measurement_ids]
 */
/** @typedef {{template: string, answers: Record<string, Answer>}} Ticked */
/** @typedef {{item?: string, fact?: string, is?: string[], at_least?: number}} Condition */

const UNCLEAR = "?";
const AXES = 3;
/** Into the unit of an item, from that of a measurement. @type {Record<string, number>} */
const FACTOR = { "mm>cm": 0.1, "cm>mm": 10, "mm2>cm2": 0.01, "cm2>mm2": 100, "cm/s>m/s": 0.01, "m/s>cm/s": 100 };

export class Sheet {
  changed = () => {};

  /** @param {HTMLFormElement} form also a copy that is on no page, to be read */
  constructor(form) {
    this.form = form;
    this.box = /** @type {HTMLElement | null} */ (form.querySelector("#form"));
    this.strip = this.field("strip")?.value.split(" ").filter(Boolean) ?? [];
    this.keys = /** @type {HTMLInputElement | null} */ (this.field("key_images"));
    this.facts = JSON.parse(this.box?.dataset.facts ?? "{}");
    this.focused = numberAt(document.activeElement);
  }

  /** @param {() => void} changed */
  listen(changed) {
    this.changed = changed;
    this.form.addEventListener("input", (event) => this.typed(/** @type {HTMLInputElement} */ (event.target)) && changed());
    this.form.addEventListener("focusin", (event) => (this.focused = numberAt(/** @type {Element} */ (event.target))));
    this.form.addEventListener("click", (event) => this.pressed(/** @type {HTMLElement} */ (event.target)) && changed());
    document.addEventListener("insert", (event) => {
      if (!this.take(/** @type {any} */ (event).item)) return;
      event.stopPropagation(); // it stands in its place, and not in the text too
      changed();
    }, true);
    this.arrange();
  }

  /** @param {string} name @returns {HTMLInputElement | HTMLSelectElement | null} */
  field(name) {
    const found = this.form.elements.namedItem(name);
    return found instanceof RadioNodeList ? null : /** @type {any} */ (found);
  }

  get items() {
    return /** @type {HTMLElement[]} */ ([...this.form.querySelectorAll(".item")]);
  }

  /** @returns {Ticked | null} null of a free report, as is one of which nothing is ticked and whose findings are one's own words: else what it requires is asked for */
  read() {
    /** @type {Record<string, Answer>} */
    const answers = {};
    for (const item of this.items) {
      const answer = this.answer(item);
      if (Object.keys(answer).length) answers[item.dataset.key ?? ""] = answer;
    }
    const template = this.field("template")?.value ?? "none";
    const isFree = template === "none" || (!Object.keys(answers).length && this.field("findings")?.value.trim());
    return isFree ? null : { template, answers };
  }

  /** @param {HTMLElement} item @returns {Answer} */
  answer(item) {
    const { key = "", kind } = item.dataset;
    const given = /** @type {HTMLInputElement[]} */ ([...item.querySelectorAll("[name^='c.'], [name^='l.'], [name^='n.'], [name^='x.']")])
      .filter((each) => (each.type !== "radio" && each.type !== "checkbox") || each.checked).map((each) => each.value.trim()).filter(Boolean);
    const values = given.filter((each) => each !== UNCLEAR);
    /** @type {Answer} */
    const answer = {};
    let text = this.field(`t.${key}`)?.value.trim() ?? "";
    if (kind === "choice" && values.length) answer.choice = values[0];
    else if (kind === "choices" && values.length) answer.choices = values;
    else if (kind === "text") text = values.join(" ");
    else if (kind === "number" || kind === "size") {
      const { numbers, rest } = numbersOf(values.join(" "));
      if (numbers.length) answer.numbers = numbers;
      if (rest) text = [text, rest].filter(Boolean).join(" ");
      const measured = this.field(`m.${key}`)?.value.split(" ").filter(Boolean).slice(0, AXES) ?? [];
      if (measured.length) answer.measurement_ids = measured;
    }
    if (given.includes(UNCLEAR)) answer.unclear = true;
    const spots = this.spots(this.field(`s.${key}`)?.value ?? "");
    if (spots.length) answer.seen_on = spots;
    if (text) answer.text = text;
    return answer;
  }

  /** @param {Ticked | null} ticked */
  fill(ticked) {
    for (const item of this.items) this.put(item, ticked?.answers[item.dataset.key ?? ""] ?? {});
    this.unfold();
    this.arrange();
  }

  /** @param {HTMLElement} item @param {Answer} answer */
  put(item, answer) {
    const { key = "" } = item.dataset;
    const chosen = [answer.choice, ...(answer.choices ?? []), answer.unclear ? UNCLEAR : ""].filter(Boolean);
    for (const one of /** @type {NodeListOf<HTMLInputElement>} */ (item.querySelectorAll("[type=radio], [type=checkbox]"))) {
      one.checked = one.value ? chosen.includes(one.value) : !chosen.length;
    }
    this.set(`n.${key}`, (answer.numbers ?? []).join(" × "));
    this.set(`m.${key}`, (answer.measurement_ids ?? []).join(" "));
    this.set(`x.${key}`, answer.text ?? "");
    this.set(`t.${key}`, answer.text ?? "");
    this.set(`s.${key}`, this.said(answer.seen_on ?? []));
  }

  /** @param {string} name @param {string} value */
  set(name, value) {
    const field = /** @type {HTMLInputElement | null} */ (this.form.querySelector(`[name="${name}"]:not([type=checkbox], [type=radio])`));
    if (field) field.value = value;
  }

  /** @returns {Spot[]} */
  get keyImages() {
    return this.spots(this.keys?.value ?? "");
  }

  /** '3, 5/12': image 3, and frame 12 of clip 5. @param {string} text @returns {Spot[]} */
  spots(text) {
    return [...text.matchAll(/(\d+)(?:\s*\/\s*(\d+))?/g)]
      .map(([, place, frame]) => ({ image: this.strip[Number(place) - 1], frame: Number(frame ?? 1) })).filter((spot) => spot.image && spot.frame > 0);
  }

  /** @param {Spot[]} spots */
  said(spots) {
    const isClip = (/** @type {string} */ image) => ["clip", "film"].includes(/** @type {HTMLElement | null} */ (document.querySelector(`.strip [data-key="${image}"]`))?.dataset.form ?? "");
    return spots.filter((spot) => this.strip.includes(spot.image))
      .map((spot) => `${this.strip.indexOf(spot.image) + 1}${spot.frame > 1 || isClip(spot.image) ? `/${spot.frame}` : ""}`).join(", ");
  }

  /** The image on the stage. @returns {Spot | null} */
  get here() {
    const viewer = /** @type {any} */ (document.querySelector("us-viewer:not(.prior)"));
    const key = /** @type {HTMLElement | null} */ (viewer?.querySelector(".strip [aria-current=true]"))?.dataset.key ?? "";
    return this.strip.includes(key) ? { image: key, frame: (viewer.cine?.frame ?? 0) + 1 } : null;
  }

  /** @param {HTMLInputElement} field */
  typed(field) {
    const item = field.closest(".item");
    if (!item) return field === this.keys;
    const isEmpty = /** @type {HTMLInputElement | null} */ (item.querySelector("[type=checkbox][value='?'], [type=radio][value='?']"));
    if (field.type === "checkbox" && field.checked && field.value !== UNCLEAR && isEmpty) isEmpty.checked = false;
    if (field.type === "checkbox" && field.checked && field.value === UNCLEAR) {
      for (const other of /** @type {NodeListOf<HTMLInputElement>} */ (item.querySelectorAll("[type=checkbox]"))) other.checked = other === field;
    }
    this.arrange();
    return true;
  }

  /** @param {HTMLElement} target */
  pressed(target) {
    const section = target.dataset.another;
    if (section) {
      const next = /** @type {HTMLElement | null} */ (this.form.querySelector(`.block[data-section="${section}"][hidden]`));
      if (next) next.hidden = false;
      this.arrange();
      next?.querySelector("input")?.focus();
    }
    const field = "keyHere" in target.dataset ? this.keys : "here" in target.dataset ? target.parentElement?.querySelector("input") ?? null : null;
    if (!field) return false;
    const here = this.here;
    if (!here) return false;
    const before = this.spots(field.value);
    const isThere = before.some((spot) => spot.image === here.image && spot.frame === here.frame);
    field.value = this.said(isThere ? before.filter((spot) => spot.image !== here.image || spot.frame !== here.frame) : [...before, here]);
    return true;
  }

  /** A measurement, in the place that asks for it: the one with the caret, else by what was measured. @param {any} measured */
  take(measured) {
    if (measured?.value == null || "apart" in document.documentElement.dataset) return false; // the other window writes
    // Whoever writes freely goes on to: a measurement begins no form beside a text.
    const place = measured.kind === "machine" ? null : this.focused; // a list of the machine's is pressed from elsewhere
    if (!place && !this.read() && this.field("findings")?.value.trim()) return false;
    const name = measured.quantity.trim().toLowerCase();
    const fit = this.items.filter((item) => name && item.dataset.quantity?.toLowerCase() === name && !item.hidden && !item.closest("[hidden]"));
    const item = place ?? fit.find((one) => !this.answer(one).numbers) ?? fit[0];
    const factor = measured.unit === item?.dataset.unit ? 1 : FACTOR[`${measured.unit}>${item?.dataset.unit}`];
    if (!item || !factor) return false;
    const { key = "", kind } = item.dataset;
    const isFull = (this.answer(item).numbers?.length ?? 0) >= (kind === "size" ? AXES : 1);
    if (measured.kind === "machine" && isFull) return false; // what the reader found stays, and the machine's goes into the text
    const before = kind === "size" ? this.answer(item) : {};
    const numbers = [...(before.numbers ?? []), Number((measured.value * factor).toFixed(measured.unit ? 1 : 2))].slice(-AXES);
    this.set(`n.${key}`, numbers.join(" × "));
    const link = () => {
      if (measured.state === "failed") clearInterval(waiting);
      if (!measured.id) return;
      this.set(`m.${key}`, [...(before.measurement_ids ?? []), measured.id].slice(-AXES).join(" "));
      clearInterval(waiting);
      this.changed();
    };
    this.set(`m.${key}`, "");
    const waiting = setInterval(link, 250); // it is being kept yet
    link();
    item.scrollIntoView({ block: "nearest" });
    return true;
  }

  /** Hides what makes no sense by what is ticked, and offers a further repetition when this one is begun. */
  arrange() {
    const answers = Object.fromEntries(this.items.map((item) => [item.dataset.key, this.answer(item)]));
    for (const item of /** @type {NodeListOf<HTMLElement>} */ (this.form.querySelectorAll("[data-when]"))) {
      const n = item.dataset.key?.split("~")[1];
      item.hidden = !JSON.parse(item.dataset.when ?? "[]").every((/** @type {Condition} */ one) => this.holds(one, answers, n));
    }
    for (const block of /** @type {NodeListOf<HTMLElement>} */ (this.form.querySelectorAll("[data-counted][hidden]"))) {
      block.hidden = Number(block.dataset.n) > (answers[block.dataset.counted ?? ""]?.numbers?.[0] ?? 1);
    }
    for (const box of /** @type {NodeListOf<HTMLElement>} */ (this.form.querySelectorAll(".further"))) {
      const next = /** @type {HTMLElement | null} */ (box.nextElementSibling);
      const isBegun = /** @type {HTMLElement | null} */ (box.previousElementSibling)?.hidden === false;
      box.hidden = !isBegun || !next?.hidden;
    }
  }

  /** @param {Condition} one @param {Record<string, Answer>} answers @param {string | undefined} n */
  holds(one, answers, n) {
    if (one.fact) return (one.is ?? []).includes(this.facts[one.fact]);
    const isIts = (/** @type {string} */ key, /** @type {string | undefined} */ of) => key.split("~")[1] === of && key.split("~")[0].split(".")[0] === one.item;
    const isTold = (/** @type {[string, Answer]} */ [, answer]) => answer.choice || answer.choices || answer.numbers || answer.unclear;
    const told = Object.entries(answers).filter(isTold);
    const own = told.filter(([key]) => isIts(key, n));
    const found = own.length ? own : told.filter(([key]) => isIts(key, undefined));
    return found.length > 0 && found.every(([, answer]) => !answer.unclear
      && (!one.is?.length || one.is.includes(answer.choice ?? "") || (answer.choices ?? []).some((each) => one.is?.includes(each)))
      && (one.at_least == null || (answer.numbers?.[0] ?? -Infinity) >= one.at_least));
  }

  /** What the server made of it. @param {any} form of its answer */
  told(form) {
    for (const item of this.items) {
      const wrong = /** @type {HTMLElement} */ (item.querySelector(".wrong"));
      const lacks = (form?.lacks ?? []).filter((/** @type {any} */ one) => one.key === item.dataset.key && one.why !== "missing");
      wrong.textContent = lacks.map((/** @type {any} */ one) => one.detail).join(" ");
      wrong.hidden = !lacks.length;
    }
    this.form.dispatchEvent(new CustomEvent("told", { detail: form }));
    const asSigned = document.getElementById("as-signed");
    if (asSigned && form) asSigned.textContent = form.findings;
    const added = document.getElementById("added");
    added?.replaceChildren(...(form?.advice ?? []).map((/** @type {string} */ each) => Object.assign(document.createElement("li"), { textContent: each })));
    added?.parentElement?.toggleAttribute("hidden", !form?.advice?.length);
  }

  /** Where another window ticked otherwise, its answer stands beside. @param {Ticked | null} theirs @param {string} words */
  beside(theirs, words) {
    for (const item of this.items) {
      item.querySelector(".theirs-tick")?.remove();
      const other = theirs?.answers[item.dataset.key ?? ""] ?? {};
      if (same(other, this.answer(item))) continue;
      const told = Object.assign(document.createElement("p"), { className: "theirs-tick" });
      told.textContent = words.replace("{answer}", this.words(item, other));
      item.append(told);
    }
  }

  /** An answer in the words of its options. @param {HTMLElement} item @param {Answer} answer */
  words(item, answer) {
    const chosen = [answer.choice ?? (answer.choices || answer.numbers || answer.text ? null : ""), ...(answer.choices ?? []), answer.unclear ? UNCLEAR : null];
    const labels = chosen.map((value) => item.querySelector(`[value="${value}"] + span`)?.textContent).filter(Boolean);
    return [...labels, answer.numbers ? `${answer.numbers.join(" × ")} ${item.dataset.unit ?? ""}`.trim() : "", answer.text, this.said(answer.seen_on ?? [])].filter(Boolean).join(", ") || "–";
  }

  /** Mine where I have ticked, theirs where I have not. @param {Ticked | null} theirs */
  join(theirs) {
    for (const item of this.items) {
      const other = theirs?.answers[item.dataset.key ?? ""];
      if (other && !Object.keys(this.answer(item)).length) this.put(item, other);
    }
    this.unfold();
    this.arrange();
  }

  /** What was put in by none of the reader's own presses is in sight. */
  unfold() {
    for (const item of this.items) {
      const fold = /** @type {HTMLDetailsElement | null} */ (item.closest(".fold"));
      if (fold && Object.keys(this.answer(item)).length) fold.open = true;
    }
  }

  settled() {
    this.form.querySelectorAll(".theirs-tick").forEach((each) => each.remove());
  }
}

/** @param {Element | null} place @returns {HTMLElement | null} the item whose number is typed there */
const numberAt = (place) => place?.closest("[data-kind=number], [data-kind=size]") ?? null;

/** As the server keeps them: sorted, without what says nothing. @param {unknown} one @param {unknown} other */
export function same(one, other) {
  return JSON.stringify(plain(one)) === JSON.stringify(plain(other));
}

/** @param {any} value @returns {any} */
function plain(value) {
  if (Array.isArray(value)) return value.map(plain);
  if (!value || typeof value !== "object") return value;
  const told = Object.entries(value).filter(([key, each]) => each != null && each !== "" && each !== false && !(Array.isArray(each) && !each.length) && !(key === "frame" && each === 1));
  return Object.fromEntries(told.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, each]) => [key, plain(each)]));
}

/** '4,2' is 4.2 and '42 × 18' are two; what is no number stays as a remark. @param {string} text */
function numbersOf(text) {
  const parts = text.split(/[\s×x*;/]+/).filter(Boolean);
  if (parts.length > AXES || !parts.every((each) => /^[-−]?\d+([.,]\d+)?$/.test(each))) return { numbers: [], rest: text };
  return { numbers: parts.map((each) => Number(each.replace(",", ".").replace("−", "-"))), rest: "" };
}
