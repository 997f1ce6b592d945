// @ts-check
/** On every page of somebody who sends: what waits on this device says so and leaves by itself; signing out locks it. */

import { all, get, listen, tell } from "./kept.js";
import { lockAll, lockIdle, ready, signedIn } from "./person.js";

/** @import { Kept, KeptFile, Person } from "./kept.js" */

const line = document.getElementById("outbox");
/** @type {Record<string, string>} */
const words = JSON.parse(line?.dataset.sentences ?? "{}");

/** @param {string} name @param {Record<string, string | number>} values */
const say = (name, values) => (words[name] ?? "").replace(/\{(\w+)\}/g, (_, each) => String(values[each] ?? ""));

/** What is not sent yet, and whether somebody has to sign in for it. */
async function waiting() {
  /** @type {[Kept[], KeptFile[], Person[]]} */
  const [entries, files, people] = await Promise.all([all("referrals"), all("files"), all("people")]);
  const texts = entries.filter((one) => ["queued", "refused"].includes(one.state));
  const sent = new Set(entries.filter((one) => one.state !== "writing").map((one) => one.id));
  const behind = files.filter((one) => sent.has(one.entry_id));
  const asks = new Set(people.filter((one) => one.must_sign_in || !one.token).map((one) => one.id));
  return { paused: Boolean(await get("settings", "paused")), n: texts.length, m: behind.filter((one) => !one.of).length, bytes: behind.reduce((sum, one) => sum + one.size, 0), asks: entries.some((one) => one.state !== "writing" && asks.has(one.person_id) && (one.state !== "placed" || behind.some((file) => file.entry_id === one.id))) };
}

let isShown = false;

/** It stays where it stands once it was there: nothing jumps when the last file has gone. */
async function look() {
  const found = await waiting();
  if (!line || (!isShown && !found.n && !found.m)) return found;
  const size = `${(found.bytes / 1e6).toFixed(1)} MB`;
  const what = found.n ? (found.m ? "both" : "texts") : "files";
  const said = found.n || found.m ? say(what, { n: found.n, m: found.m, size }) + (found.asks ? ` ${say("asks", {})}` : "") + (found.paused ? ` ${say("paused", {})}` : "") : say("none", {});
  const text = /** @type {HTMLElement} */ (line.querySelector("[data-text]"));
  if (text.textContent !== said) text.textContent = said;
  if (!document.querySelector("[data-upload]:not([hidden]), [data-outbox]")) isShown = true; // those pages say it themselves
  line.hidden = !isShown;
  return found;
}

let isDraining = false;

/** Loaded only where something waits: most pages never need it. */
async function go() {
  const found = await look();
  const { length } = await all("referrals");
  if (isDraining || !(found.n || found.m || length)) return;
  isDraining = true;
  const { keepDraining } = await import("./drain.js");
  void keepDraining(() => void look());
}

/** It is locked before anybody else sits here. @param {SubmitEvent} event */
async function signOut(event) {
  const form = /** @type {HTMLFormElement} */ (event.target);
  if (!form.matches('[action="/sign-out"], [action="/account/sign-out-everywhere"]') || form.dataset.locked) return;
  event.preventDefault();
  form.dataset.locked = "yes";
  await lockAll().catch(() => null);
  form.requestSubmit();
}

async function work() {
  const { controller } = navigator.serviceWorker;
  const registered = await navigator.serviceWorker.register(`/worker.js?v=${document.documentElement.dataset.version}`, { type: "module" });
  if (!controller) await navigator.serviceWorker.ready;
  const found = await look();
  if (found.n || found.m) await /** @type {any} */ (registered).sync?.register("outbox").catch(() => null); // Chromium alone has it
}

async function begin() {
  if (!globalThis.indexedDB || !navigator.locks || !crypto.subtle) return;
  const id = signedIn();
  await lockIdle();
  document.addEventListener("submit", (event) => void signOut(event), true);
  listen((news) => {
    void look();
    if (news.added || news.wake) void go();
    if (id && news.signed_out === id) void ready(id); // the token alone is over, where the page is not
  });
  addEventListener("online", () => tell({ wake: true }));
  document.addEventListener("visibilitychange", () => document.hidden || (void lockIdle(), tell({ wake: true })));
  const known = /** @type {Person[]} */ (await all("people"));
  if (id && known.length) await ready(id); // another may have sat here before
  await go();
  if ("serviceWorker" in navigator) await work().catch(() => null);
}

void begin();
