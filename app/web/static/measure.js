// @ts-check
/** Measuring on the stage: by two clicks, by drag, by touch or by keys; the server finds each value again. */
import { AXES, distance, isSound, measured } from "./calibration.js";
import { draw } from "./marks.js";
import { inEach, quantity, say, words } from "./say.js";

/** @typedef {import("./calibration.js").Point} Point */
/**
 * @typedef {object} Item
 * @property {string} [id] @property {number} frame @property {string} kind @property {Point[]} points
 * @property {number | null} value @property {string} unit @property {boolean} [approximate] @property {string} text @property {string} quantity
 * @property {number | null} [cycles] @property {string} [fetus] @property {string} [side] @property {string} [site] @property {string | null} [confirmed_at]
 * @property {string} [reason_code] @property {Record<string, import("./calibration.js").Quantity>} more @property {"saving" | "failed" | ""} [state]
 * @property {Record<string, unknown>} [sent] @property {string} [why] @property {string | null} [corresponds_to] @property {string} [corresponds_by]
 */

/** @type {Record<string, number>} */
const POINTS = { length: 2, ellipse: 3, area: Infinity, angle: 3, "heart-rate": 2, velocity: 1, time: 2, text: 1, arrow: 2, scale: 2 };
/** What is asked for when the points are there. @type {Record<string, "text" | "millimetres" | "cycles">} */
const ASKS = { text: "text", scale: "millimetres", "heart-rate": "cycles" };
const FETAL = ["CRL", "BPD", "HC", "AC", "FL", "MSD"]; // of these a nearly true one counts only once it is confirmed
const DRAGGED_PX = 5; // on the screen; less is a click
const NEAR_PX = 12;
const LOUPE_PX = 110;

export class Measuring {
  source = "";
  ground = /** @type {import("./calibration.js").Ground | null} */ (null);
  items = /** @type {Item[]} */ ([]);
  undone = /** @type {Item[]} */ ([]);
  chosen = /** @type {Item | null} */ (null);
  /** Of the exact frame that is shown, from 1; 0: there is none. @type {number} */
  frame = 0;
  isUpright = false;
  kind = "";
  points = /** @type {Point[]} */ ([]);
  cursor = /** @type {Point | null} */ (null);
  press = /** @type {{x: number, y: number, isFirst: boolean} | null} */ (null);
  region = /** @type {number | null} */ (null);
  choices = /** @type {number[]} */ ([]); // regions that disagree
  isAsking = false;
  said = ""; // instead of the next hint

  /** @param {HTMLElement} viewer @param {import("./stage.js").Stage} stage @param {(frame: number) => void} go to a frame, from 1 */
  constructor(viewer, stage, go) {
    const part = (/** @type {string} */ name) => /** @type {HTMLElement} */ (viewer.querySelector(name));
    this.viewer = viewer;
    this.stage = stage;
    this.go = go;
    this.svg = /** @type {SVGSVGElement} */ (viewer.querySelector(".marks"));
    this.panel = part(".measuring");
    this.loupe = part(".loupe");
    this.hint = part(".measuring .hint-line");
    this.value = part(".measuring output");
    this.choice = part(".measuring .choice");
    this.list = part(".measured");
    this.note = part(".ground");
    this.field = /** @type {HTMLInputElement} */ (viewer.querySelector(".measuring [name=asked]"));
    this.name = /** @type {HTMLInputElement} */ (viewer.querySelector(".measuring [name=quantity]"));
    this.of = /** @type {HTMLInputElement[]} */ ([...viewer.querySelectorAll(".measuring [data-of]")]);
    this.form = /** @type {HTMLFormElement} */ (viewer.querySelector(".measuring"));
    this.close();
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.keep();
    });
    this.form.addEventListener("input", () => this.show());
    this.form.addEventListener("keydown", (event) => event.key === "Escape" && this.escape());
    this.choice.addEventListener("click", (event) => {
      this.region = Number(/** @type {HTMLElement} */ (event.target).dataset.region) || null;
      if (this.region) this.keep();
    });
    this.list.addEventListener("click", (event) => this.listed(/** @type {HTMLElement} */ (event.target)));
    stage.drawn = () => this.show();
  }

  /** Nothing is shown. */
  close() {
    this.source = this.kind = "";
    this.ground = this.chosen = null;
    this.items = [];
    this.undone = [];
    this.frame = 0;
    this.note.textContent = "";
    this.drop();
    this.tell();
  }

  /** What is known of the image, and what was measured on it. @param {string} source */
  async open(source) {
    this.close();
    this.source = source;
    const answer = await fetch(`${source}/measurements`).catch(() => null);
    if (this.source !== source || !answer?.ok) return;
    const { items, ignored, ...ground } = await answer.json();
    this.ground = ground;
    this.items = items;
    const ruler = ground.mm_per_pixel ? "ground_ruler" : "ground_none";
    this.note.textContent = [ground.areas.length ? "" : say(ruler), ignored.length ? say("ground_ignored") : ""].filter(Boolean).join(" ");
    this.tell();
    this.show();
  }

  /** The exact frame that is shown, from 1, with the size of its picture; 0 while none is. @param {number} frame @param {number} [width] @param {number} [height] */
  at(frame, width = 0, height = 0) {
    if (frame !== this.frame && this.points.length) this.drop();
    this.frame = frame;
    if (width) this.isUpright = width < height;
    this.show();
  }

  /** In pixels of the image, as it is shown: an older photograph may be noted unturned. @returns {[number, number]} */
  get size() {
    const { columns = 0, rows = 0 } = this.ground ?? {};
    return columns !== rows && this.isUpright !== columns < rows ? [rows, columns] : [columns, rows];
  }

  /** @param {string} kind "" puts the tool away */
  choose(kind) {
    this.kind = this.kind === kind ? "" : kind;
    this.drop();
    this.stage.tool = this.kind ? this : null;
    this.viewer.toggleAttribute("data-measures", Boolean(this.kind));
    for (const button of this.viewer.querySelectorAll("[data-tool]")) {
      button.setAttribute("aria-pressed", String(this.kind === button.getAttribute("data-tool")));
    }
    this.show();
  }

  /** What was begun is forgotten; the tool stays in hand. */
  drop() {
    this.points = [];
    this.choices = [];
    this.cursor = this.press = this.region = null;
    this.isAsking = false;
    this.said = "";
    this.show();
  }

  escape() {
    if (this.points.length) this.drop();
    else this.choose("");
    this.stage.stage.focus({ preventScroll: true });
  }

  get mayPlace() {
    return Boolean(this.kind && this.ground && this.frame) && !this.isAsking;
  }

  /** @param {PointerEvent} event @returns {Point} */
  pointOf(event) {
    const [columns, rows] = this.size;
    const [x, y] = this.stage.toPicture(event.clientX, event.clientY, columns, rows);
    return [Math.min(columns, Math.max(0, x)), Math.min(rows, Math.max(0, y))];
  }

  /** @param {PointerEvent} event */
  down(event) {
    if (!this.mayPlace) return;
    this.said = "";
    this.press = { x: event.clientX, y: event.clientY, isFirst: !this.points.length };
    this.cursor = this.pointOf(event);
    if (this.press.isFirst) this.points.push(this.cursor);
    this.show();
    this.magnify(event);
  }

  /** What lies under the finger, beside it. @param {PointerEvent} [event] none: it is lifted */
  magnify(event) {
    const picture = /** @type {HTMLImageElement | null} */ (this.viewer.querySelector(".sheet > img:not([hidden])"));
    this.loupe.hidden = event?.pointerType !== "touch" || !picture || !this.cursor;
    if (this.loupe.hidden || !event || !picture || !this.cursor) return;
    const [columns, rows] = this.size;
    const [zoom, half] = [2 * this.stage.fitted(columns, rows), LOUPE_PX / 2];
    const box = this.stage.stage.getBoundingClientRect();
    const left = Math.min(box.width - LOUPE_PX, Math.max(0, event.clientX - box.left - half));
    const above = event.clientY - box.top - LOUPE_PX - 32;
    Object.assign(this.loupe.style, {
      left: `${left}px`, top: `${above < 0 ? event.clientY - box.top + 48 : above}px`, backgroundImage: `url("${picture.src}")`,
      backgroundSize: `${columns * zoom}px ${rows * zoom}px`,
      backgroundPosition: `${half - this.cursor[0] * zoom}px ${half - this.cursor[1] * zoom}px`,
    });
  }

  /** @param {PointerEvent} event */
  move(event) {
    if (!this.mayPlace || (!this.points.length && !this.press)) return;
    this.cursor = this.pointOf(event);
    const isFar = distance(this.cursor, this.points[this.points.length - 1]) * this.stage.fitted(...this.size) > 4;
    if (this.kind === "area" && this.press && this.wasDragged(event) && isFar && this.points.length < 250) this.points.push(this.cursor);
    this.show();
    if (this.press) this.magnify(event);
  }

  /** @param {PointerEvent} event */
  up(event) {
    this.magnify();
    if (!this.press || !this.mayPlace) return;
    const { isFirst } = this.press;
    const dragged = this.wasDragged(event);
    this.press = null;
    if (this.kind === "area" && dragged) this.done();
    else if (!isFirst || dragged) this.place(this.pointOf(event));
    else if (POINTS[this.kind] === 1) this.done();
  }

  /** A second finger came: it is a pinch. */
  cancel() {
    if (this.press?.isFirst) this.points = [];
    this.press = null;
    this.magnify();
    this.show();
  }

  /** @param {PointerEvent} event */
  wasDragged(event) {
    return Boolean(this.press) && Math.hypot(event.clientX - (this.press?.x ?? 0), event.clientY - (this.press?.y ?? 0)) > DRAGGED_PX;
  }

  /** @param {Point} point */
  place(point) {
    const isClosing = this.kind === "area" && this.points.length > 2 && distance(point, this.points[0]) * this.stage.fitted(...this.size) < NEAR_PX;
    if (!isClosing) this.points.push(point);
    this.cursor = point;
    if (isClosing || this.points.length >= POINTS[this.kind]) this.done();
    else this.show();
  }

  /** By the keys: the arrows move the cross, Enter sets the point. @param {KeyboardEvent} event @returns {boolean} whether it was for this */
  key(event) {
    const by = event.shiftKey ? 10 : 1;
    const steps = /** @type {Record<string, Point>} */ ({ ArrowLeft: [-by, 0], ArrowRight: [by, 0], ArrowUp: [0, -by], ArrowDown: [0, by] });
    if (event.key === "Escape") this.escape();
    else if (!this.mayPlace) return false;
    else if (event.key === "Backspace" && this.points.length) this.points.pop();
    else if (event.key === "Enter") {
      const at = this.cursor ?? this.middle();
      const last = this.points[this.points.length - 1];
      if (this.kind === "area" && last && distance(at, last) < 1) this.done();
      else this.place(at);
    } else if (event.key in steps) {
      const [x, y] = this.cursor ?? this.middle();
      this.cursor = [Math.min(this.size[0], Math.max(0, x + steps[event.key][0])), Math.min(this.size[1], Math.max(0, y + steps[event.key][1]))];
    } else return false;
    this.show();
    return true;
  }

  /** @returns {Point} */
  middle() {
    const box = this.stage.stage.getBoundingClientRect();
    return this.stage.toPicture(box.left + box.width / 2, box.top + box.height / 2, this.size[0], this.size[1]);
  }

  /** The points of what is being drawn, the moving one included. @param {boolean} [isDone] @returns {Point[]} */
  shape(isDone = false) {
    const moving = isDone || this.isAsking || !this.cursor || this.points.length >= POINTS[this.kind] ? [] : [this.cursor];
    const all = [...this.points, ...moving];
    return this.kind === "ellipse" && all.length > 1 ? oval(all) : all;
  }

  /** @returns {import("./calibration.js").Given} */
  get given() {
    return { quantity: this.name.value, region: this.region, ...(this.kind === "heart-rate" && { cycles: Number(this.field.value) || 1 }) };
  }

  /** The points are there. */
  done() {
    if (!isSound(this.kind, this.shape(true))) {
      this.drop();
      return this.tellOnce(say("unsound"));
    }
    const asks = ASKS[this.kind];
    if (!asks) return this.keep();
    this.isAsking = true;
    this.field.value = asks === "cycles" ? "1" : "";
    this.show();
    this.field.focus();
    this.field.select();
  }

  /** To the server, which finds the value again. */
  keep() {
    if (!this.ground || !this.points.length || (this.isAsking && !this.form.reportValidity())) return;
    const { kind, frame } = this;
    const points = this.shape(true);
    const found = measured(this.ground, kind, points, this.given);
    if (found.reason === "choose" && !this.region) {
      this.isAsking = true;
      this.choices = found.choices;
      return this.show();
    }
    const asks = ASKS[kind];
    const extra = asks ? { [asks]: asks === "text" ? this.field.value : Number(this.field.value) } : {};
    const shown = kind === "scale" ? { value: Number(this.field.value), unit: "mm" } : { value: found.value, unit: found.unit };
    const of = Object.fromEntries(this.of.filter((one) => one.value).map((one) => [one.name, one.value]));
    const sent = { kind, frame, points, quantity: this.name.value, ...of, ...(this.region && { region: this.region }), ...extra, ...(shown.value !== null && shown) };
    const key = [...crypto.getRandomValues(new Uint32Array(4))].join("-");
    /** @type {Item} */
    const item = { kind, frame, points, quantity: this.name.value, ...of, text: asks === "text" ? this.field.value : "", more: found.more, ...shown, approximate: found.approximate, reason_code: found.reason, state: "saving", sent: { ...sent, key } };
    this.undone = [];
    this.drop();
    this.stage.stage.focus({ preventScroll: true });
    this.post(item);
  }

  /** @param {Item} item */
  async post(item) {
    const source = this.source;
    if (!this.items.includes(item)) this.items.push(item);
    item.state = "saving";
    this.chosen = item;
    this.tell();
    const { key, ...body } = item.sent ?? {};
    const headers = { "Content-Type": "application/json", "Idempotency-Key": String(key) };
    const answer = await fetch(`${source}/measurements`, { method: "POST", headers, body: JSON.stringify(body) }).catch(() => null);
    const said = await answer?.json().catch(() => null);
    if (answer?.ok) Object.assign(item, said, { state: "" });
    else Object.assign(item, { state: "failed", why: said?.detail ?? say("no_answer") });
    if (this.source !== source) return;
    if (answer?.ok && item.kind === "scale") return this.again(item.frame);
    this.tell();
    if (answer?.ok) this.viewer.dispatchEvent(new Event("measured", { bubbles: true }));
  }

  /** A nearly true one counts from now on. @param {Item} item */
  async confirm(item) {
    const answer = await fetch(`${this.source}/measurements/${item.id}/confirm`, { method: "POST" }).catch(() => null);
    const said = await answer?.json().catch(() => null);
    if (!answer?.ok) return this.tellOnce(said?.detail ?? say("no_answer"));
    Object.assign(item, said);
    this.tell();
    this.viewer.dispatchEvent(new Event("measured", { bubbles: true }));
  }

  /** A ruler came or went: what is measured from here on rests on it. @param {number} frame */
  async again(frame) {
    this.choose("");
    await this.open(this.source);
    this.at(frame);
  }

  /** @param {Item} item */
  async remove(item) {
    if (item.id) {
      const answer = await fetch(`${this.source}/measurements/${item.id}`, { method: "DELETE" }).catch(() => null);
      if (!answer?.ok) {
        return this.tellOnce((await answer?.json().catch(() => null))?.detail ?? say("no_answer"));
      }
    }
    this.items = this.items.filter((one) => one !== item);
    this.undone.push(item);
    if (item.kind === "scale") return this.again(item.frame);
    this.chosen = null;
    this.tell();
    this.viewer.dispatchEvent(new Event("measured", { bubbles: true }));
    this.stage.stage.focus({ preventScroll: true });
  }

  /** @param {string} words instead of the next hint */
  tellOnce(words) {
    this.said = words;
    this.show();
  }

  undo() {
    const last = this.items.filter((one) => one.sent).pop(); // of this visit
    if (this.points.length) this.drop();
    else if (last) this.remove(last);
  }

  redo() {
    const item = this.undone.pop();
    if (!item?.sent) return;
    delete item.id;
    item.sent.key = [...crypto.getRandomValues(new Uint32Array(4))].join("-");
    this.post(item);
  }

  removeChosen() {
    if (this.chosen) this.remove(this.chosen);
  }

  /** @param {HTMLElement} target of a click in the list */
  listed(target) {
    const button = target.closest("button");
    const item = this.items[Number(button?.closest("li")?.dataset.at)];
    if (!button || !item) return;
    if (button.name === "remove") this.remove(item);
    else if (button.name === "again") this.post(item);
    else if (button.name === "confirm") this.confirm(item);
    else if (button.name === "insert") this.viewer.dispatchEvent(Object.assign(new CustomEvent("insert", { bubbles: true, detail: inEach((from) => this.lineOf(item, from)) }), { item }));
    else {
      this.chosen = item;
      if (item.frame !== this.frame) this.go(item.frame);
      this.tell();
    }
  }

  /** @param {Item} item */
  lineOf(item, from = words) {
    const of = [item.fetus && say("of_fetus", { name: item.fetus }, from), item.side && say(`of_${item.side}`, {}, from), item.site];
    const name = [item.quantity || say(`kind_${item.kind}`, {}, from), ...of].filter(Boolean).join(" ");
    const more = Object.entries(item.more).map(([key, one]) => `${say(`more_${key}`, {}, from)} ${quantity({ ...one, approximate: item.approximate }, from)}`);
    const [weeks, days] = item.corresponds_to?.match(/\d+/g) ?? [];
    const size = weeks ? [say("corresponds", { age: say("age", { weeks, days }, from), by: item.corresponds_by ?? "" }, from)] : [];
    const beats = item.kind === "heart-rate" && item.cycles ? `, ${say(item.cycles === 1 ? "beats_one" : "beats", { n: item.cycles }, from)}` : "";
    return [`${name} ${item.text || quantity(item, from)}${beats}`.trim(), ...more, ...size].join(" · ");
  }

  /** The list beside the picture, which is read aloud as it changes. */
  tell() {
    const lines = this.items.map((item, at) => this.line(item, at));
    lines.forEach((line, at) => {
      const here = this.list.children[at];
      if (!here) this.list.append(line);
      else if (here.outerHTML !== line.outerHTML) here.replaceWith(line); // what stays is not read again
    });
    while (this.list.children.length > lines.length) this.list.lastElementChild?.remove();
    this.list.hidden = !this.items.length;
    this.show();
  }

  /** @param {Item} item @param {number} at */
  line(item, at) {
    const line = document.createElement("li");
    line.dataset.at = String(at);
    line.toggleAttribute("data-chosen", item === this.chosen);
    const reason = item.state === "failed" ? `${say("unsaved")} ${item.why}` : say(`reason_${item.reason_code ?? ""}`);
    line.append(button("choose", `${at + 1}. ${this.lineOf(item)}`, say("frame_only", { n: item.frame })));
    if (item.state === "saving") line.append(` ${say("saving")}`);
    if (reason) line.append(note(reason));
    if (item.state === "failed") line.append(button("again", say("again")));
    else if (item.kind !== "scale") line.append(button("insert", say("insert")));
    if (item.approximate && item.id && FETAL.includes(item.quantity.trim().toUpperCase()) && !item.confirmed_at) line.append(button("confirm", say("confirm")));
    line.append(button("remove", "×", say("remove")));
    return line;
  }

  show() {
    const choices = this.ground?.areas.filter((one) => this.choices.includes(one.number)) ?? [];
    const [columns, rows] = this.size;
    this.panel.hidden = !this.kind && !this.said;
    if (columns) this.svg.setAttribute("viewBox", `0 0 ${columns} ${rows}`);
    const pixel = columns ? 1 / this.stage.fitted(columns, rows) : 1;
    const marks = this.items.filter((item) => item.frame === this.frame).map((item) => ({
      kind: item.kind, points: item.points, chosen: item === this.chosen, label: `${this.items.indexOf(item) + 1}  ${item.text || quantity(item)}`,
    }));
    const points = this.kind && this.frame ? this.shape() : [];
    const isWhole = points.length >= (this.kind === "ellipse" ? 4 : Math.min(3, POINTS[this.kind] || 1));
    const found = this.ground && isWhole && isSound(this.kind, points) ? measured(this.ground, this.kind, points, this.given) : null;
    if (points.length) marks.push({ kind: this.kind, points, chosen: true, label: "" });
    marks.push(...choices.map((area, at) => ({ kind: "region", points: corners(area, at), chosen: false, label: String(area.number) })));
    draw(this.svg, marks, pixel);
    const asks = this.isAsking && !choices.length ? ASKS[this.kind] : "";
    this.field.parentElement?.toggleAttribute("hidden", !asks);
    this.field.type = asks === "text" ? "text" : "number";
    this.field.required = Boolean(asks);
    if (this.field.previousElementSibling) this.field.previousElementSibling.textContent = say(`ask_${asks}`);
    this.choice.hidden = !choices.length;
    this.choice.replaceChildren(...choices.map((area) => button("region", say("region", { n: area.number, scale: scaleOf(area) }))));
    for (const [at, one] of [...this.choice.children].entries()) /** @type {HTMLElement} */ (one).dataset.region = String(choices[at].number);
    this.value.textContent = found ? [quantity(found), say(`reason_${found.reason}`)].filter(Boolean).join(" · ") : "";
    this.hint.textContent = this.said || say(this.hintName(asks));
  }

  /** @param {string} asks */
  hintName(asks) {
    if (!this.frame) return "hint_exact";
    if (this.choices.length) return "reason_choose";
    if (asks) return "hint_asked";
    if (this.kind === "area") return this.points.length ? "hint_close" : "hint_trace";
    if (this.kind === "ellipse" && this.points.length === 2) return "hint_width";
    return this.points.length ? "hint_next" : "hint_first";
  }
}

/** @typedef {import("./calibration.js").Area} Area */
/** Where its number stands is last: of regions that share a corner each has its own. @param {Area} area @param {number} at @returns {Point[]} */
function corners({ left, top, right, bottom }, at) {
  const all = /** @type {Point[]} */ ([[left, top], [right, top], [right, bottom], [left, bottom]]);
  return [...all.slice(at % 4 + 1), ...all.slice(0, at % 4 + 1)];
}

/** What a pixel is: '0.3 mm', '5 ms × 0.8 cm/s'. @param {Area} area */
function scaleOf(area) {
  const along = (/** @type {string} */ unit, /** @type {number} */ by) => `${Number((Math.abs(by) * AXES[unit][1]).toPrecision(4))} ${AXES[unit][2]}`;
  return [...new Set([along(area.x_unit, area.dx), along(area.y_unit, area.dy)])].join(" × ").replaceAll(".", words.decimal ?? ".");
}

/** The ends of both axes, of the ends of one and a point on the outline. @param {Point[]} all @returns {Point[]} */
function oval([a, b, c]) {
  const [dx, dy] = [b[0] - a[0], b[1] - a[1]];
  const length = Math.hypot(dx, dy) || 1;
  const half = c ? Math.abs(dx * (c[1] - a[1]) - dy * (c[0] - a[0])) / length : length / 3;
  const [x, y] = [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
  const [nx, ny] = [(-dy / length) * half, (dx / length) * half];
  return [a, b, [x - nx, y - ny], [x + nx, y + ny]];
}

/** @param {string} name @param {string} text @param {string} [title] */
function button(name, text, title = "") {
  const made = document.createElement("button");
  Object.assign(made, { type: "button", name, textContent: text, title });
  if (text === "×") made.setAttribute("aria-label", title);
  return made;
}

/** @param {string} text */
function note(text) {
  const made = document.createElement("span");
  made.className = "why";
  made.textContent = text;
  return made;
}
