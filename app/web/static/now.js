// @ts-check
/** What changes while one reads: the time left, files that came, the question, whose it is. */
import { put, watch } from "./watch.js";

const now = document.getElementById("now");

watch(() => now?.dataset.look ?? "", (came) => put(now, came.body));

// What few cases or nobody needs at first is fetched when it is needed.
if (document.querySelector("[data-own]")) import("./own.js");
if (document.querySelector("[data-tools]")) addEventListener("load", () => setTimeout(() => import("./ahead.js"), 4000));
const apart = /** @type {HTMLButtonElement | null} */ (document.querySelector("[data-apart]"));
if (document.body.dataset.alone || sessionStorage.getItem("sonopost.pair")) import("./pair.js");
if (apart && "BroadcastChannel" in window) {
  apart.hidden = false;
  apart.addEventListener("click", async () => (await import("./pair.js")).part());
}
