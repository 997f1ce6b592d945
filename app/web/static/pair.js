// @ts-check
/** Picture and report in two windows that keep in step: the case that one opens is the other's too. */
import { insert } from "./insert.js";

const PLACE = "sonopost.pair"; // of this tab alone: {id, is}
const { review, alone } = document.body.dataset;
const form = document.getElementById("write");

/** @returns {{id: string, is: "picture" | "report"} | null} */
function known() {
  if (alone && location.hash.startsWith("#pair=")) return { id: location.hash.slice(6), is: "report" };
  return JSON.parse(sessionStorage.getItem(PLACE) ?? "null");
}

class Pair {
  /** @param {{id: string, is: "picture" | "report"}} pair */
  constructor(pair) {
    this.is = pair.is;
    this.channel = new BroadcastChannel(`sonopost.pair.${pair.id}`);
    this.channel.onmessage = (event) => this.hear(event.data);
    sessionStorage.setItem(PLACE, JSON.stringify(pair));
    this.tell({ at: review });
    addEventListener("pagehide", () => this.tell({ left: true }));
    document.addEventListener("insert-apart", (event) => this.tell({ insert: /** @type {CustomEvent} */ (event).detail }));
  }

  /** @param {Record<string, unknown>} what */
  tell(what) {
    this.channel.postMessage({ is: this.is, ...what });
  }

  /** @param {{is: string, at?: string, here?: string, left?: boolean, insert?: Record<string, string>}} said */
  hear(said) {
    if (said.is === this.is) return;
    if (said.insert && this.is === "report") insert(said.insert);
    if (said.at && said.at !== review) location.assign(`/reviews/${said.at}${this.is === "report" ? "?window=report" : ""}`);
    else if (said.at) this.tell({ here: review });
    if (this.is !== "picture") return;
    if (said.at === review || said.here === review) this.apart(true);
    // The other window may only be on its way to the next page.
    clearTimeout(this.gone);
    if (said.left) this.gone = setTimeout(() => this.back(), 3000);
  }

  /** The text is written in one place at a time. @param {boolean} is */
  apart(is) {
    document.documentElement.toggleAttribute("data-apart", is);
    form?.toggleAttribute("inert", is);
    const note = document.getElementById("apart");
    if (note) note.hidden = !is;
  }

  /** With the text as the other window has left it; where that one only signs, it is heard of again. */
  back() {
    location.reload();
  }
}

/** The report goes into a window of its own. */
export function part() {
  const pair = { id: crypto.randomUUID(), is: /** @type {const} */ ("picture") };
  if (window.open(`/reviews/${review}?window=report#pair=${pair.id}`, "_blank", "popup,width=560,height=900")) new Pair(pair);
}

const pair = known();
if (pair?.is === "report" && !alone) location.replace(`/reviews/${review}?window=report`);
else if (pair) new Pair(pair);
