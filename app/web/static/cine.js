// @ts-check
/** A clip: motion from the film, and at rest the exact frame; the number told is that of the frame shown. */

/** When each frame begins, from the recorded rate or the uneven times. */
export class Timing {
  /** @param {number} frames @param {number | null} frameTimeMs @param {number[]} timesMs */
  constructor(frames, frameTimeMs, timesMs) {
    this.frames = frames;
    this.frameTimeMs = frameTimeMs;
    this.timesMs = timesMs.length === frames ? timesMs : [];
  }

  /** A film that says no rate: its frames are taken as even. @param {number} durationS */
  learn(durationS) {
    if (!this.frameTimeMs && this.frames > 1 && Number.isFinite(durationS)) this.frameTimeMs = (durationS * 1000) / this.frames;
  }

  /** The frame (from 0) that is shown at this time of the film. @param {number} timeS */
  frameAt(timeS) {
    const ms = timeS * 1000 + 0.5;
    if (this.timesMs.length) {
      const after = this.timesMs.findIndex((begin) => begin > ms);
      return after === -1 ? this.frames - 1 : Math.max(0, after - 1);
    }
    if (!this.frameTimeMs) return 0;
    return Math.min(this.frames - 1, Math.max(0, Math.floor(ms / this.frameTimeMs)));
  }

  /** @param {number} frame from 0 */
  beginOf(frame) {
    return this.timesMs[frame] ?? frame * (this.frameTimeMs ?? 0);
  }

  /** @param {number} frame from 0 */
  endOf(frame) {
    return this.timesMs[frame + 1] ?? this.beginOf(frame) + (this.frameTimeMs ?? 40);
  }

  /** A time (s) in the middle of the frame, which no rounding moves to a neighbour. @param {number} frame from 0 */
  middleOf(frame) {
    return (this.beginOf(frame) + this.endOf(frame)) / 2000;
  }

  get rate() {
    const ms = this.frameTimeMs;
    return ms ? Math.round(10000 / ms) / 10 : null;
  }
}

/**
 * @typedef {object} Shown
 * @property {number} frame from 0
 * @property {boolean} exact whether it is the recorded frame itself
 * @property {boolean} playing
 */

export class Cine {
  /**
   * @param {HTMLElement} sheet @param {string} source @param {Timing} timing
   * @param {boolean} hasFrames whether its frames can be had one by one; a film's cannot
   * @param {(shown: Shown) => void} tell
   */
  constructor(sheet, source, timing, hasFrames, tell) {
    this.source = source;
    this.timing = timing;
    this.hasFrames = hasFrames;
    this.tell = tell;
    this.frame = 0;
    this.wanted = 0;
    this.gone = false;
    /** The ends of a stretch that is played over and over, from 0. @type {number[]} */
    this.ends = [];
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.turning = undefined;
    this.still = document.createElement("img");
    this.still.alt = "";
    this.still.hidden = true;
    this.video = document.createElement("video");
    Object.assign(this.video, { muted: true, loop: true, playsInline: true, preload: "auto", disablePictureInPicture: true });
    this.video.tabIndex = -1;
    this.video.addEventListener("loadedmetadata", () => timing.learn(this.video.duration));
    this.video.addEventListener("seeked", () => this.arrived());
    sheet.append(this.video, this.still);
    this.hasFilm = false;
    this.watch();
  }

  get playing() {
    return this.hasFilm && !this.video.paused;
  }

  /** The film is there: show it and, unless motion is unwanted, play. @param {boolean} andPlay @returns {Promise<void>} */
  open(andPlay) {
    return new Promise((resolve, reject) => {
      this.video.addEventListener("error", () => reject(new Error("film")), { once: true });
      this.video.addEventListener("loadeddata", () => {
        this.hasFilm = true;
        if (andPlay) this.play();
        else this.show(this.wanted);
        resolve();
      }, { once: true });
      this.video.src = `${this.source}/proxy`;
    });
  }

  close() {
    this.gone = true;
    this.video.pause();
    this.video.removeAttribute("src");
    this.video.load();
    this.video.remove();
    this.still.remove();
  }

  play() {
    if (!this.hasFilm) return;
    this.still.hidden = true;
    this.video.play().catch(() => this.pause());
    this.say(false);
  }

  pause() {
    this.video.pause();
    const [first, last] = this.ends; // where the last frame that was told lies, whatever came since; none beyond a stretch
    this.show(last === undefined ? this.frame : Math.min(last, Math.max(first, this.frame)));
  }

  /** ¼ to 2. @param {number} rate */
  speed(rate) {
    this.video.playbackRate = this.video.defaultPlaybackRate = rate;
  }

  /** First where it begins, then where it ends, then the whole again; what is marked is answered. */
  mark() {
    if (this.ends.length === 2) this.ends = [];
    else this.ends = [...this.ends, this.frame].sort((one, two) => one - two);
    if (this.ends.length === 2 && this.ends[0] === this.ends[1]) this.ends = [];
    return this.ends;
  }

  /** @param {number} by */
  step(by) {
    if (this.playing) this.video.pause();
    const last = this.timing.frames;
    this.show((this.wanted + by + last) % last);
  }

  /** @param {number} frame from 0 */
  show(frame) {
    if (this.playing) this.video.pause();
    this.wanted = Math.min(this.timing.frames - 1, Math.max(0, frame));
    if (this.hasFilm) this.video.currentTime = this.timing.middleOf(this.wanted);
    if (this.hasFrames) this.fetchExact(this.wanted);
  }

  /** The film shows the wanted frame: it counts as shown until the exact one lies over it. */
  arrived() {
    if (this.gone || this.playing || this.timing.frameAt(this.video.currentTime) !== this.wanted) return;
    if (this.frame === this.wanted && !this.still.hidden) return;
    this.frame = this.wanted;
    this.still.hidden = true;
    this.say(!this.hasFrames);
  }

  /** @param {number} frame */
  async fetchExact(frame) {
    const next = new Image();
    next.src = `${this.source}/frames/${frame + 1}`;
    try {
      await next.decode();
    } catch {
      return; // the film's frame stays, and is told as such
    }
    if (this.gone || this.playing || this.wanted !== frame) return;
    next.alt = "";
    this.still.replaceWith(next);
    this.still = next;
    this.frame = frame;
    this.say(true);
  }

  /** While it plays, the number follows each frame that is put on the screen. */
  watch() {
    this.video.requestVideoFrameCallback((_now, shown) => {
      if (this.gone) return;
      if (!this.video.paused) { // it is called once more after a pause
        this.frame = this.wanted = this.timing.frameAt(shown.mediaTime);
        this.turn(shown.mediaTime);
        this.say(false);
      }
      this.watch();
    });
  }

  /** Back to where a stretch begins, as its last frame ends. @param {number} timeS of the frame that is shown */
  turn(timeS) {
    clearTimeout(this.turning);
    const [first, last] = this.ends;
    if (last === undefined || (first <= this.frame && this.frame < last)) return;
    const leftMs = this.frame === last ? (this.timing.endOf(last) - timeS * 1000) / this.video.playbackRate : 0;
    this.turning = setTimeout(() => {
      if (this.playing && this.ends[0] === first) this.video.currentTime = this.timing.middleOf(first);
    }, Math.max(0, leftMs - 8)); // 8 ms: half a picture of the screen, so that the next frame is not drawn
  }

  /** @param {boolean} exact */
  say(exact) {
    this.tell({ frame: this.frame, exact, playing: this.playing });
  }
}
