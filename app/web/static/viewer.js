// @ts-check
/** <us-viewer>: stills, clips and pages of one case, from the links of its strip. */
import { Cine, Timing } from "./cine.js";
import { insert } from "./insert.js";
import { Measuring } from "./measure.js";
import { inEach, say, words } from "./say.js";
import { Stage } from "./stage.js";

const calm = matchMedia("(prefers-reduced-motion: reduce)");
const LIGHT_STEP = 10;
const PAN_STEP = 40;
const LOOK_AGAIN_MS = 2500;
const SPEEDS = [0.25, 0.5, 1, 2];
const QUIET_MS = 800;
const SEEN = ["", "preview", "exact"];

class UsViewer extends HTMLElement {
  strip = this.piece(".strip");
  links = /** @type {HTMLAnchorElement[]} */ ([...this.querySelectorAll(".strip a[data-key]")]);
  stageBox = this.piece(".stage");
  sheet = this.piece(".sheet");
  bar = this.piece(".cine");
  slider = /** @type {HTMLInputElement} */ (this.piece(".cine input"));
  caption = this.piece(".caption");
  stage = new Stage(this.stageBox, this.sheet, (by) => this.turn(by));
  cine = /** @type {Cine | null} */ (null);
  shown = -1;
  rate = 1;
  unsaid = /** @type {Record<string, string>} */ ({});
  saying = 0;
  measuring = new Measuring(this, this.stage, (frame) => this.cine?.show(frame - 1));

  /** The element is defined when the page stands, so that its parts are there from the first. */
  connectedCallback() {
    this.listen();
    const first = this.links.findIndex((link) => link.getAttribute("aria-current") === "true");
    if (first >= 0) this.open(first);
    if (!this.dataset.prior) this.stageBox.focus({ preventScroll: true });
  }

  /** @param {string} selector @returns {HTMLElement} */
  piece(selector) {
    return /** @type {HTMLElement} */ (this.querySelector(selector));
  }

  listen() {
    this.strip.addEventListener("click", (event) => {
      const at = this.links.findIndex((link) => link.contains(/** @type {Node} */ (event.target)));
      if (at < 0 || event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      this.open(at);
      this.stageBox.focus({ preventScroll: true });
    });
    this.stageBox.addEventListener("keydown", (event) => this.key(event));
    this.stageBox.addEventListener("tap", () => {
      this.stageBox.focus({ preventScroll: true });
      if (this.cine) this.act("play");
    });
    this.addEventListener("click", (event) => {
      const pressed = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest("[data-act], [data-tool]"));
      if (pressed?.dataset.act) this.act(pressed.dataset.act);
      if (pressed?.dataset.tool) this.take(pressed.dataset.tool);
    });
    this.piece(".cine select").addEventListener("change", () => this.setSpeed(Number(/** @type {HTMLSelectElement} */ (this.piece(".cine select")).value)));
    this.addEventListener("insert", (event) => insert(inEach((from, code) => `${/** @type {CustomEvent} */ (event).detail[code]} (${this.placeOf(from, code)})`)));
    this.slider.addEventListener("input", () => this.cine?.show(Number(this.slider.value) - 1));
    for (const range of /** @type {NodeListOf<HTMLInputElement>} */ (this.querySelectorAll("[data-light]"))) {
      range.addEventListener("input", () => this.stage.shine(/** @type {"brightness"} */ (range.dataset.light), Number(range.value)));
    }
    addEventListener("pagehide", () => this.noteSeen());
    new ResizeObserver(() => this.stage.draw()).observe(this.stageBox);
    document.addEventListener("visibilitychange", () => document.hidden && this.cine?.playing && this.cine.pause());
  }

  /** @param {number} by */
  turn(by) {
    const to = Math.min(this.links.length - 1, Math.max(0, this.shown + by));
    if (to !== this.shown && to >= 0) this.open(to);
  }

  /** @param {number} at */
  open(at) {
    const link = this.links[at];
    this.cine?.close();
    this.cine = null;
    this.shown = at;
    this.links.forEach((each) => each.toggleAttribute("aria-current", false));
    link.setAttribute("aria-current", "true");
    link.scrollIntoView({ block: "nearest", inline: "nearest" });
    const download = /** @type {HTMLAnchorElement} */ (this.piece(".instead a"));
    download.href = `${link.dataset.source}/original`;
    this.piece(".instead").hidden = true;
    this.bar.hidden = true;
    this.stage.fit();
    const { form, state, reason, source = "" } = link.dataset;
    this.measuring.choose("");
    if (form === "page" || state === "none" || "ahead" in link.dataset) this.measuring.close(); // what is small is not measured
    else this.measuring.open(source);
    if (state === "none") this.refuse(reason ?? "");
    else if (form === "clip" || form === "film") this.openClip(at, link);
    else this.openStill(at, link);
  }

  /** The preview at once, the exact frame when it is there. @param {number} at @param {HTMLAnchorElement} link */
  async openStill(at, link) {
    const { form, source, page } = link.dataset;
    const isPage = form === "page";
    const name = isPage ? `${source}/pages/${page}` : `${source}/preview`;
    this.sheet.replaceChildren();
    this.tellImage(at, "loading");
    if (!(await this.put(at, name)) || isPage) {
      if (this.shown === at && isPage && this.sheet.firstElementChild) this.tellImage(at, "exact");
      return;
    }
    this.tellImage(at, "preview");
    if (!("ahead" in link.dataset) && (await this.put(at, `${source}/frames/1`, false))) {
      this.tellImage(at, "exact");
      const { naturalWidth, naturalHeight } = /** @type {HTMLImageElement} */ (this.sheet.firstElementChild);
      this.measuring.at(1, naturalWidth, naturalHeight);
    }
    this.ahead(at);
  }

  /** What comes next on the strip is fetched while this one is looked at. @param {number} at */
  ahead(at) {
    const next = this.links[at + 1];
    if (!next || next.dataset.state === "none") return;
    const { form, source, page } = next.dataset;
    new Image().src = form === "page" ? `${source}/pages/${page}` : `${source}/preview`;
    if (form === "image" && !("ahead" in next.dataset)) new Image().src = `${source}/frames/1`;
  }

  /** @param {number} at @param {string} address @param {boolean} first whether there is nothing to see without it */
  async put(at, address, first = true) {
    const picture = new Image();
    picture.alt = say("image", { n: at + 1, count: this.strip.dataset.count ?? "" });
    picture.className = "picture";
    picture.src = address;
    try {
      await picture.decode();
    } catch {
      if (first && this.shown === at) this.refuse(await why(address));
      return false;
    }
    if (this.shown !== at) return false;
    this.sheet.replaceChildren(picture);
    return true;
  }

  /** @param {number} at @param {HTMLAnchorElement} link */
  async openClip(at, link) {
    const { source = "", form, frames, frameTime, times } = link.dataset;
    const hasFrames = form === "clip";
    const timing = new Timing(Number(frames), frameTime ? Number(frameTime) : null, times ? times.split(" ").map(Number) : []);
    this.sheet.replaceChildren();
    if (hasFrames || link.dataset.state === "ready") {
      const poster = new Image();
      poster.alt = "";
      poster.src = `${source}/preview`;
      this.sheet.append(poster);
    }
    this.slider.max = String(Math.max(1, timing.frames));
    this.bar.hidden = false;
    this.piece(".loop").textContent = "";
    this.piece("[data-act=loop]").setAttribute("aria-pressed", "false");
    this.tellImage(at, "loading");
    const cine = (this.cine = new Cine(this.sheet, source, timing, hasFrames, (shown) => this.tellFrame(shown)));
    if (link.dataset.state === "pending" && !(await this.prepared(at, link))) return;
    if (this.cine !== cine) return;
    timing.frames = Math.max(timing.frames, Number(link.dataset.frames));
    this.slider.max = String(Math.max(1, timing.frames));
    try {
      cine.speed(this.rate);
      cine.video.addEventListener("canplaythrough", () => this.cine === cine && this.ahead(at), { once: true });
      await cine.open(!calm.matches);
      const said = "ahead" in link.dataset ? say("begun") : timing.rate ? say("rate", { n: timing.rate }) : "";
      this.caption.textContent = [this.nameOf(at), said].filter(Boolean).join(" · ");
    } catch {
      if (this.cine === cine) this.refuse(await why(`${source}/proxy`));
    }
  }

  /** A clip whose film is being made: its frames can be stepped through until it is ready. @param {number} at @param {HTMLAnchorElement} link */
  async prepared(at, link) {
    const isFilm = link.dataset.form === "film";
    this.caption.textContent = say(isFilm ? "preparing_film" : "preparing");
    if (!isFilm) this.cine?.show(0);
    while (this.shown === at && this.isConnected) {
      const answer = await fetch(link.dataset.source ?? "").catch(() => null);
      const instance = answer?.ok ? await answer.json() : { preview: "pending" };
      if (instance.preview !== "pending") {
        Object.assign(link.dataset, { state: instance.preview, frames: String(instance.number_of_frames), reason: instance.preview_reason });
        if (instance.preview === "none") this.refuse(instance.preview_reason);
        return instance.preview === "ready";
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
    }
    return false;
  }

  /** @param {string} reason */
  refuse(reason) {
    this.cine?.close();
    this.cine = null;
    this.bar.hidden = true;
    this.sheet.replaceChildren();
    this.piece(".instead").hidden = false;
    this.piece(".why").textContent = say("cannot", { reason });
    this.caption.textContent = this.nameOf(this.shown);
    this.rest();
  }

  /** @param {number} at */
  nameOf(at, from = words) {
    return say("image", { n: at + 1, count: this.strip.dataset.count ?? "" }, from);
  }

  /** Where a line of the report was measured. @param {import("./say.js").Words} from @param {string} code */
  placeOf(from, code) {
    const image = [JSON.parse(this.dataset.prior ?? "{}")[code], this.nameOf(this.shown, from)].filter(Boolean).join(" · ");
    return this.cine ? `${image}, ${say("frame_only", { n: this.cine.frame + 1 }, from)}` : image;
  }

  /** @param {number} at @param {string} state */
  tellImage(at, state) {
    const isAhead = state === "preview" && "ahead" in this.links[at].dataset;
    this.caption.textContent = `${this.nameOf(at)} · ${say(isAhead ? "ahead" : state)}`;
    this.saw(at, state);
  }

  /** The page comes with the beginning of a long strip; the rest when the first image is there. */
  async rest() {
    const address = this.strip.dataset.rest;
    if (!address) return;
    delete this.strip.dataset.rest;
    const answer = await fetch(address, { headers: { Accept: "text/html" } }).catch(() => null);
    if (!answer?.ok) return;
    const came = /** @type {HTMLAnchorElement[]} */ ([...new DOMParser().parseFromString(await answer.text(), "text/html").querySelectorAll("a[data-key]")]);
    if (this.links.some((link, at) => link.dataset.key !== came[at]?.dataset.key)) return; // images came or went: the page says so
    this.strip.querySelector(".rest")?.remove();
    this.strip.append(...came.slice(this.links.length).map((link) => document.importNode(/** @type {Element} */ (link.closest("li")), true)));
    this.links = [...this.strip.querySelectorAll("a[data-key]")].map((link) => /** @type {HTMLAnchorElement} */ (link));
  }

  /** What was seen of an image, and how, stands on the strip. @param {number} at @param {string} state */
  saw(at, state) {
    if (state !== "loading") this.rest();
    const link = this.links[at];
    if (SEEN.indexOf(state) <= SEEN.indexOf(link.dataset.seen ?? "")) return;
    link.dataset.seen = state;
    const told = link.querySelector(".seen");
    if (told) told.textContent = say(state);
    if (this.dataset.prior || !("tools" in this.dataset)) return; // only what its reader saw of the case itself is kept
    this.unsaid[link.dataset.key ?? ""] = state;
    clearTimeout(this.saying);
    this.saying = setTimeout(() => this.noteSeen(), QUIET_MS);
  }

  /** To the server, some at a time; what it did not take goes with the next. */
  async noteSeen() {
    const seen = this.unsaid;
    this.unsaid = {};
    if (!Object.keys(seen).length) return;
    const request = { method: "PUT", keepalive: true, headers: { "Content-Type": "application/json" }, body: JSON.stringify({ seen }) };
    const answer = await fetch(`/api/v1/reviews/${document.body.dataset.review}/seen`, request).catch(() => null);
    if (!answer || answer.status >= 500) this.unsaid = { ...seen, ...this.unsaid };
  }

  /** @param {import("./cine.js").Shown} shown */
  tellFrame({ frame, exact: isRecorded, playing }) {
    if (!this.cine) return;
    const exact = isRecorded && !("ahead" in this.links[this.shown].dataset);
    const count = this.cine.timing.frames;
    const number = say("frame", { n: frame + 1, count });
    this.slider.value = String(frame + 1);
    this.slider.setAttribute("aria-valuetext", number);
    this.saw(this.shown, exact ? "exact" : "preview");
    const { videoWidth, videoHeight } = this.cine.video;
    this.measuring.at(exact && !playing ? frame + 1 : 0, videoWidth || this.cine.still.naturalWidth, videoHeight || this.cine.still.naturalHeight);
    this.piece(".frame").textContent = playing ? number : `${number} · ${say(exact ? "exact" : "preview")}`;
    this.piece("[data-icon]").textContent = playing ? "❚❚" : "▶";
    this.piece("[data-word]").textContent = say(playing ? "pause" : "play");
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (event.altKey || event.target !== this.stageBox) return;
    if (event.ctrlKey || event.metaKey) return this.again(event);
    if (this.measuring.kind && this.measuring.key(event)) return event.preventDefault();
    const tool = TOOLS[event.key.toLowerCase()];
    if (tool && !event.shiftKey) {
      event.preventDefault();
      return this.take(tool);
    }
    const act = event.shiftKey && event.key.startsWith("Arrow") ? `pan${event.key}` : KEYS[event.key];
    if (!act) return;
    event.preventDefault();
    this.act(act);
  }

  /** @param {KeyboardEvent} event */
  again(event) {
    if (event.key !== "z" && event.key !== "y") return;
    event.preventDefault();
    if (event.key === "z") this.measuring.undo();
    else this.measuring.redo();
  }

  /** Measuring stops the clip: a number is of one frame. @param {string} tool */
  take(tool) {
    const button = this.querySelector(`[data-tool="${tool}"]`);
    if (!button) return;
    if (this.cine?.playing) this.cine.pause();
    button.closest("details")?.removeAttribute("open");
    this.measuring.choose(tool);
    this.stageBox.focus({ preventScroll: true });
  }

  /** @param {number} rate */
  setSpeed(rate) {
    this.rate = rate;
    this.cine?.speed(rate);
    /** @type {HTMLSelectElement} */ (this.piece(".cine select")).value = String(rate);
  }

  /** A stretch of the clip, played over and over. */
  markLoop() {
    if (!this.cine) return;
    const ends = this.cine.mark().map((frame) => frame + 1);
    const button = this.piece("[data-act=loop]");
    button.setAttribute("aria-pressed", String(ends.length === 2));
    this.piece(".loop").textContent = ends.length ? say(ends.length === 1 ? "loop_begun" : "loop", { a: ends[0], b: ends[1] ?? "" }) : "";
  }

  /** @param {string} act */
  act(act) {
    ACTS[act]?.(this);
  }

  toggleFullScreen() {
    if (document.fullscreenElement) document.exitFullscreen();
    else this.requestFullscreen?.();
  }

  /** @param {"brightness" | "contrast"} name @param {number} by */
  shine(name, by) {
    this.stage.shine(name, this.stage.light[name] + by);
    this.showLight();
  }

  showLight() {
    for (const range of /** @type {NodeListOf<HTMLInputElement>} */ (this.querySelectorAll("[data-light]"))) {
      range.value = String(this.stage.light[/** @type {"brightness"} */ (range.dataset.light)]);
    }
  }
}

/** @type {Record<string, string>} */
const TOOLS = { d: "length", l: "length", e: "ellipse", a: "area", g: "angle", h: "heart-rate", v: "velocity", i: "time", t: "text", o: "arrow", k: "scale" };

/** @type {Record<string, string>} */
const KEYS = {
  p: "prior", P: "prior", s: "slower", S: "faster", j: "loop", J: "loop", Backspace: "erase", Delete: "erase",
  " ": "play", ArrowLeft: "back", ArrowRight: "on", ArrowUp: "before", ArrowDown: "after", PageUp: "before", PageDown: "after",
  Home: "first", End: "last", "+": "in", "-": "out", "−": "out", "=": "fit", b: "brighter", B: "darker", n: "harder", N: "softer",
  0: "plain", f: "full", F: "full", "?": "keys", r: "report", R: "report", w: "write", W: "write", c: "speed", C: "claim", m: "mark", M: "mark",
};

/** @type {Record<string, (viewer: UsViewer) => void>} */
const ACTS = {
  play: (v) => (v.cine?.playing ? v.cine.pause() : v.cine?.play()),
  back: (v) => v.cine?.step(-1),
  on: (v) => v.cine?.step(1),
  before: (v) => v.turn(-1),
  after: (v) => v.turn(1),
  first: (v) => v.turn(-Infinity),
  last: (v) => v.turn(Infinity),
  in: (v) => v.stage.zoom(1),
  out: (v) => v.stage.zoom(-1),
  fit: (v) => v.stage.fit(),
  panArrowLeft: (v) => v.stage.pan(PAN_STEP, 0),
  panArrowRight: (v) => v.stage.pan(-PAN_STEP, 0),
  panArrowUp: (v) => v.stage.pan(0, PAN_STEP),
  panArrowDown: (v) => v.stage.pan(0, -PAN_STEP),
  brighter: (v) => v.shine("brightness", LIGHT_STEP),
  darker: (v) => v.shine("brightness", -LIGHT_STEP),
  harder: (v) => v.shine("contrast", LIGHT_STEP),
  softer: (v) => v.shine("contrast", -LIGHT_STEP),
  plain: (v) => {
    v.stage.asItCame();
    v.showLight();
  },
  slower: (v) => v.setSpeed(SPEEDS[Math.max(0, SPEEDS.indexOf(v.rate) - 1)]),
  faster: (v) => v.setSpeed(SPEEDS[Math.min(SPEEDS.length - 1, SPEEDS.indexOf(v.rate) + 1)]),
  speed: (v) => v.setSpeed(SPEEDS[(SPEEDS.indexOf(v.rate) + 1) % SPEEDS.length]),
  loop: (v) => v.markLoop(),
  erase: (v) => v.measuring.removeChosen(),
  full: (v) => v.toggleFullScreen(),
  keys: () => /** @type {HTMLDialogElement} */ (document.getElementById("keysheet")).showModal(),
  prior: () => /** @type {HTMLAnchorElement | null} */ (document.querySelector(".prior .of a, a.beside"))?.click(),
  report: () => showReport(document.documentElement.dataset.report === "closed"),
  write: () => {
    showReport(true);
    if (matchMedia("(width < 800px)").matches) location.hash = "report";
    document.getElementById("findings")?.focus();
  },
  mark: () => /** @type {HTMLButtonElement | null} */ (document.querySelector("[data-key-here]"))?.click(),
  claim: () => /** @type {HTMLButtonElement | null} */ (document.querySelector("button[data-act=claim]"))?.click(),
};

/** @param {boolean} open */
function showReport(open) {
  document.documentElement.dataset.report = open ? "open" : "closed";
  document.querySelector("[aria-controls=report]")?.setAttribute("aria-expanded", String(open));
}

/** The sentence of the refusal. @param {string} address */
async function why(address) {
  const answer = await fetch(address, { headers: { Accept: "application/problem+json", Range: "bytes=0-0" } }).catch(() => null);
  const problem = answer && !answer.ok ? await answer.json().catch(() => null) : null;
  return problem?.detail ?? words.no_answer;
}

customElements.define("us-viewer", UsViewer);
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !/** @type {Element} */ (event.target).closest(".report")) return;
  if (location.hash === "#report") location.hash = "stage";
  document.getElementById("stage")?.focus({ preventScroll: true });
});
