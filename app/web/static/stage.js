// @ts-check
/** Zoom, pan, brightness and contrast of the sheet that lies on the stage. */

const LARGEST = 16;
const STEP = 1.25;
const PLAIN = 100;

/** @typedef {(event: PointerEvent) => void} Taker */

export class Stage {
  /** @param {HTMLElement} stage @param {HTMLElement} sheet @param {(by: number) => void} turn to the next image, by a swipe */
  constructor(stage, sheet, turn) {
    this.stage = stage;
    this.sheet = sheet;
    this.turn = turn;
    this.scale = 1;
    this.x = 0;
    this.y = 0;
    this.light = { brightness: PLAIN, contrast: PLAIN };
    /** @type {Map<number, {x: number, y: number}>} */
    this.fingers = new Map();
    this.moved = 0;
    /** What takes the pointer before the stage does. @type {{down: Taker, move: Taker, up: Taker, cancel: () => void} | null} */
    this.tool = null;
    /** After each change of place or size. */
    this.drawn = () => {};
    this.marks = /** @type {SVGElement | null} */ (stage.querySelector(".marks"));
    stage.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    stage.addEventListener("pointerdown", (event) => this.down(event));
    stage.addEventListener("pointermove", (event) => this.move(event));
    for (const end of ["pointerup", "pointercancel"]) stage.addEventListener(end, (event) => this.up(/** @type {PointerEvent} */ (event)));
    stage.addEventListener("dragstart", (event) => event.preventDefault()); // the browser would take the picture along
    stage.addEventListener("dblclick", (event) => this.tool || (this.scale > 1 ? this.fit() : this.zoomAt(2.5, event.clientX, event.clientY)));
  }

  fit() {
    this.scale = 1;
    this.x = this.y = 0;
    this.draw();
  }

  /** By the keys: towards the middle. @param {number} steps */
  zoom(steps) {
    const box = this.stage.getBoundingClientRect();
    this.zoomAt(this.scale * STEP ** steps, box.left + box.width / 2, box.top + box.height / 2);
  }

  /** What lies under the point stays there. @param {number} scale @param {number} clientX @param {number} clientY */
  zoomAt(scale, clientX, clientY) {
    const box = this.stage.getBoundingClientRect();
    const to = Math.min(LARGEST, Math.max(1, scale));
    const [px, py] = [clientX - box.left, clientY - box.top];
    this.x = px - ((px - this.x) / this.scale) * to;
    this.y = py - ((py - this.y) / this.scale) * to;
    this.scale = to;
    this.draw();
  }

  /** @param {number} dx @param {number} dy */
  pan(dx, dy) {
    this.x += dx;
    this.y += dy;
    this.draw();
  }

  /** @param {"brightness" | "contrast"} name @param {number} value in percent */
  shine(name, value) {
    this.light[name] = Math.min(250, Math.max(40, value));
    this.draw();
  }

  asItCame() {
    this.light = { brightness: PLAIN, contrast: PLAIN };
    this.draw();
  }

  draw() {
    const box = this.stage.getBoundingClientRect();
    this.x = Math.min(0, Math.max(box.width * (1 - this.scale), this.x));
    this.y = Math.min(0, Math.max(box.height * (1 - this.scale), this.y));
    this.sheet.style.transform = this.scale === 1 ? "" : `translate(${this.x}px, ${this.y}px) scale(${this.scale})`;
    if (this.marks) this.marks.style.transform = this.sheet.style.transform;
    const { brightness, contrast } = this.light;
    this.sheet.style.filter = brightness === PLAIN && contrast === PLAIN ? "" : `brightness(${brightness}%) contrast(${contrast}%)`;
    this.stage.classList.toggle("moved", this.scale > 1);
    this.stage.classList.toggle("near", this.scale >= 6);
    this.drawn();
  }

  /** How many pixels of the screen one of the picture's is. @param {number} columns @param {number} rows */
  fitted(columns, rows) {
    const box = this.stage.getBoundingClientRect();
    return Math.min(box.width / columns, box.height / rows) * this.scale || 1;
  }

  /** Where in the picture a point of the window lies. @param {number} clientX @param {number} clientY @param {number} columns @param {number} rows @returns {[number, number]} */
  toPicture(clientX, clientY, columns, rows) {
    const box = this.stage.getBoundingClientRect();
    const fit = Math.min(box.width / columns, box.height / rows);
    const [x, y] = [(clientX - box.left - this.x) / this.scale, (clientY - box.top - this.y) / this.scale];
    return [(x - (box.width - columns * fit) / 2) / fit, (y - (box.height - rows * fit) / 2) / fit];
  }

  /** @param {WheelEvent} event */
  wheel(event) {
    event.preventDefault();
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? event.deltaY * 33 : event.deltaY;
    this.zoomAt(this.scale * Math.exp(-Math.max(-200, Math.min(200, lines)) / 400), event.clientX, event.clientY);
  }

  /** @param {PointerEvent} event */
  down(event) {
    if (event.button !== 0 || /** @type {Element} */ (event.target).closest("a, button")) return;
    this.stage.setPointerCapture(event.pointerId);
    this.fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    if (this.fingers.size === 1) {
      this.start = { x: event.clientX, y: event.clientY };
      this.moved = 0;
      this.tool?.down(event);
    } else this.tool?.cancel();
    this.stage.classList.toggle("held", !this.tool);
  }

  /** @param {PointerEvent} event */
  move(event) {
    const last = this.fingers.get(event.pointerId);
    if (!last || (this.tool && this.fingers.size === 1)) this.tool?.move(event);
    if (!last) return;
    const other = [...this.fingers.entries()].find(([id]) => id !== event.pointerId)?.[1];
    const here = { x: event.clientX, y: event.clientY };
    if (other) {
      const factor = Math.hypot(here.x - other.x, here.y - other.y) / (Math.hypot(last.x - other.x, last.y - other.y) || 1);
      this.zoomAt(this.scale * factor, (here.x + other.x) / 2, (here.y + other.y) / 2);
      this.moved = Infinity;
    } else if (this.scale > 1 && !this.tool) this.pan(here.x - last.x, here.y - last.y);
    this.moved += Math.abs(here.x - last.x) + Math.abs(here.y - last.y);
    this.fingers.set(event.pointerId, here);
  }

  /** @param {PointerEvent} event */
  up(event) {
    if (!this.fingers.delete(event.pointerId) || this.fingers.size) return;
    this.stage.classList.remove("held");
    if (this.tool) return this.moved === Infinity || event.type === "pointercancel" ? this.tool.cancel() : this.tool.up(event);
    if (event.type === "pointercancel" || !this.start || this.moved === Infinity) return;
    const [dx, dy] = [event.clientX - this.start.x, event.clientY - this.start.y];
    if (event.pointerType !== "mouse" && this.scale === 1 && Math.abs(dx) > 50 && Math.abs(dx) > 2 * Math.abs(dy)) {
      this.turn(dx < 0 ? 1 : -1);
    } else if (this.moved < 6) this.stage.dispatchEvent(new CustomEvent("tap"));
  }
}
