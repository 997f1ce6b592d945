// @ts-check
/**
 * What waits leaves: texts, then small stills, then previews, then the rest, clips last. One drain over all tabs and the
 * worker; what fails steps aside and lets the others pass, and only the server's word makes anything sent.
 */

import { all, change, CLIP, dropEntry, dropFile, filesOf, get, listen, PREVIEW, put, tell } from "./kept.js";
import { opensIn } from "./night.js";
import { keyOf } from "./person.js";
import { isWhole, measured, send, unfinished } from "./pieces.js";
import { opening } from "./seal.js";
import { sourceOf } from "./source.js";

/** @import { Kept, KeptFile, Person } from "./kept.js" */

const AT_ONCE = 2;
const LONGEST_S = 300;
const AWAY = [0, 408, 425, 429, 502, 503, 504, 507];
const BUSY = [...AWAY, 409, 423, 460];
const TEXT = -1; // before any file
const PATIENCE_MS = 60_000;
const GOES = ["chosen", "waiting", "retry"];
const OVER_MS = 600_000; // in which a file that was chosen before it went may still come
const CUT = ["truncated", "slow"]; // what the line or a busy server did to it; other refusals are the file's own

/** @type {Map<string, {rank: number, done: Promise<void>}>} */
const moving = new Map();
const line = { tries: 0, until: 0 }; // of them all: it is the line that is down, not a file
/** @type {Map<string, AbortController>} */
const stops = new Map();
let woken = () => {};
let stirred = () => {};

listen((news) => {
  if (news.paused) for (const stop of stops.values()) stop.abort();
  stops.get(news.dropped)?.abort();
  if (news.wake) line.until = 0;
  if (!news.wake && !news.added) return;
  woken();
  stirred();
});

/** Until nothing can go now; when to look again. By lock, so that only one goes on at a time. @returns {Promise<number>} */
export async function drain() {
  await forget();
  for (;;) {
    const is_paused = Boolean(await get("settings", "paused"));
    const due = is_paused ? null : await next();
    if (due) {
      moving.set(due.id, { rank: due.rank, done: due.act().finally(() => moving.delete(due.id)) });
      continue;
    }
    if (!moving.size) return is_paused ? Infinity : await later();
    await Promise.race([...[...moving.values()].map((one) => one.done), new Promise((done) => (woken = () => done(undefined)))]);
  }
}

/** What went, with all that was chosen for it. */
async function forget() {
  for (const entry of /** @type {Kept[]} */ (await all("referrals"))) {
    if (entry.state === "placed" && entry.placed_at < Date.now() - OVER_MS && !(await filesOf(entry.id)).length) await dropEntry(entry.id);
  }
}

/** A text never waits for a file that is being sent, and no clip shares the line with a still. @returns {Promise<{id: string, rank: number, act: () => Promise<void>} | null>} */
async function next() {
  if (line.until > Date.now()) return null;
  const senders = await whoSends();
  const due = (/** @type {{id: string, next_at: number}} */ one) => !moving.has(one.id) && one.next_at <= Date.now();
  /** @type {Kept[]} */
  const entries = (await all("referrals")).filter((entry) => senders.has(entry.person_id));
  const text = entries.filter((entry) => entry.state === "queued" && due(entry)).sort((one, other) => one.written_at - other.written_at)[0];
  if (text) return { id: text.id, rank: TEXT, act: () => sendText(text, /** @type {Person} */ (senders.get(text.person_id))) };
  const gone = entries.find((entry) => entry.state === "discarded" && due(entry));
  if (gone) return { id: gone.id, rank: TEXT, act: () => tellGone(gone, /** @type {Person} */ (senders.get(gone.person_id))) };
  if (moving.size >= AT_ONCE) return null;
  const placed = new Map(entries.filter((entry) => entry.state === "placed").map((entry) => [entry.id, entry]));
  /** @type {KeptFile[]} */
  const files = await all("files");
  const making = previewsUntil(files.filter((file) => placed.has(file.entry_id))) > Date.now();
  const ready = files.filter((file) => GOES.includes(file.state) && placed.has(file.entry_id) && due(file) && sourceOf(file));
  const allowed = ready.filter((file) => file.rank <= PREVIEW || !(making || (file.rank === CLIP && opensIn(placed.get(file.entry_id)?.night))));
  const file = allowed.sort((one, other) => one.rank - other.rank || one.size - other.size)[0];
  if (!file || [...moving.values()].some((one) => one.rank < file.rank)) return null;
  const entry = /** @type {Kept} */ (placed.get(file.entry_id));
  return { id: file.id, rank: file.rank, act: () => sendFile(file, entry, /** @type {Person} */ (senders.get(entry.person_id))) };
}

/** Until then some are being made. @param {KeptFile[]} files */
const previewsUntil = (files) => Math.max(0, ...files.map((file) => file.preview_until ?? 0));

/** @returns {Promise<Map<string, Person>>} */
async function whoSends() {
  /** @type {Person[]} */
  const people = await all("people");
  return new Map(people.filter((one) => one.token && !one.must_sign_in).map((one) => [one.id, one]));
}

/** In how many milliseconds something is due; Infinity where nothing waits. */
async function later() {
  const senders = await whoSends();
  const entries = (await all("referrals")).filter((entry) => senders.has(entry.person_id));
  const placed = new Map(entries.filter((entry) => entry.state === "placed").map((entry) => [entry.id, entry.night]));
  const times = entries.filter((entry) => ["queued", "discarded"].includes(entry.state)).map((entry) => entry.next_at);
  /** @type {KeptFile[]} */
  const files = await all("files");
  const made_at = previewsUntil(files.filter((file) => placed.has(file.entry_id)));
  for (const file of files) {
    if (!GOES.includes(file.state) || !placed.has(file.entry_id) || !sourceOf(file)) continue;
    times.push(Math.max(file.next_at, file.rank <= PREVIEW ? 0 : made_at, file.rank < CLIP ? 0 : Date.now() + opensIn(placed.get(file.entry_id))));
  }
  return times.length ? Math.max(200, Math.min(...times) - Date.now(), line.until - Date.now()) : Infinity;
}

/** @param {Kept} entry @param {Person} person */
async function sendText(entry, person) {
  const key = await keyOf(entry.key_of);
  if (typeof key === "string") return key === "away" ? lineIsDown() : ask(person);
  const fields = JSON.parse(new TextDecoder().decode(await (await opening(key, entry.e))(0, entry.text)));
  const headers = { Accept: "application/json", Authorization: `Bearer ${person.token}` };
  const answer = await fetch("/referrals/new", { method: "POST", body: new URLSearchParams(fields), headers, credentials: "omit", signal: AbortSignal.timeout(PATIENCE_MS) }).catch(() => null);
  const said = await answer?.json().catch(() => ({}));
  if (answer?.status === 201) {
    await change("referrals", entry.id, { state: "placed", referral_id: said.id, placed_at: Date.now() });
    line.tries = 0;
    return tell({ entry: entry.id, placed: said.id });
  }
  if (answer?.status === 401) return ask(person);
  if (!answer) return lineIsDown();
  if (BUSY.includes(answer.status) || answer.status >= 500) await change("referrals", entry.id, again(entry.tries, 0));
  else await change("referrals", entry.id, { state: "refused", wrong: (said.errors ?? []).map((/** @type {{field: string}} */ one) => one.field) });
  tell({ entry: entry.id });
}

/** Somebody took it away: its coordinator is told, not what was in it. @param {Kept} entry @param {Person} person */
async function tellGone(entry, person) {
  const body = { key: entry.id.slice(0, 100), ...entry.discarded, written_at: new Date(entry.written_at).toISOString(), referral_id: entry.referral_id || null };
  const headers = { "Content-Type": "application/json", Authorization: `Bearer ${person.token}` };
  const answer = await fetch("/api/v1/outbox/discards", { method: "POST", body: JSON.stringify(body), headers, credentials: "omit", signal: AbortSignal.timeout(PATIENCE_MS) }).catch(() => null);
  if (answer?.status === 401) return ask(person);
  if (!answer) return lineIsDown();
  if (answer.ok) await dropEntry(entry.id);
  else await change("referrals", entry.id, again(entry.tries, 0));
}

/** @param {KeptFile} file @param {Kept} entry @param {Person} person */
async function sendFile(file, entry, person) {
  const stop = new AbortController();
  stops.set(file.id, stop);
  try {
    const answer = await sent(file, entry, person, stop);
    if (answer) await settle(file, person, answer, stop);
  } catch {
    const refused = { state: "refused", sentence: "", why: "unreadable" }; // it went away meanwhile, or what was kept of it
    if (file.of) await dropFile(file.id);
    else await change("files", file.id, { state: "refused", sentence: "" });
    tell({ file: file.id, ...refused });
  }
  stops.delete(file.id);
}

/** @param {KeptFile} file @param {Kept} entry @param {Person} person @param {AbortController} stop */
async function sent(file, entry, person, stop) {
  const read = await sourceOf(file)?.(entry.key_of);
  if (!read || typeof read === "string") return read === "signed_out" ? ask(person) : lineIsDown();
  const head = JSON.parse(new TextDecoder().decode(await read.head()));
  /** @type {Record<string, string>} */
  const named = { referral_id: entry.referral_id, filename: head.name, priority: String(head.of?.rank ?? file.rank) };
  if (head.type) named.filetype = head.type;
  if (head.sha256) named.sha256 = head.sha256;
  if (file.is_right) named.same_patient = "true";
  if (head.of) named.preview_of_size_bytes = String(head.of.size);
  if (head.of?.sha256) named.preview_of_sha256 = head.of.sha256;
  const url = file.url || (file.first ? "" : await begunBefore(entry, person, head, file.size));
  const way = { size: file.size, read: read.bytes, token: person.token, url, key: file.key, first: file.first, named, signal: stop.signal };
  tell({ file: file.id, state: "sending", sent: file.sent });
  const answer = await send(way, async (sent) => {
    if (!(await change("files", file.id, { url: way.url, key: way.key, first: way.first, sent }))) stop.abort(); // taken off meanwhile
    tell({ file: file.id, state: "sending", sent });
  });
  if (measured()) await put("settings", measured(), "rate");
  return answer;
}

/** @type {Map<string, ReturnType<typeof unfinished>>} */
const begun = new Map();

/** Where the server has a part of it already, of a browser that has forgotten. @param {Kept} entry @param {Person} person @param {{name: string, sha256: string}} head @param {number} size */
async function begunBefore(entry, person, head, size) {
  if (!entry.id.startsWith(entry.referral_id)) return ""; // it was placed from here, just now
  if (!begun.has(entry.id)) begun.set(entry.id, unfinished(entry.referral_id, person.token));
  const known = (await begun.get(entry.id))?.get(`${head.name}|${size}`);
  return known && (!head.sha256 || !known.sha256 || known.sha256 === head.sha256) ? known.url : "";
}

/** What the server said of it. @param {KeptFile} file @param {Person} person @param {import("./pieces.js").Answer} answer @param {AbortController} stop */
async function settle(file, person, answer, stop) {
  if (isWhole(answer, file.size)) {
    line.tries = 0;
    if (file.of) await previewed(file.id, file.of);
    await dropFile(file.id);
    return tell({ file: file.id, state: "done" });
  }
  if (stop.signal.aborted) return tell({ file: file.id, state: "waiting" });
  if (answer.status === 401) return ask(person);
  if (answer.status === 0) return lineIsDown(file);
  if (BUSY.includes(answer.status) || answer.status >= 500) {
    const next = again(file.tries, answer.wait_s);
    await change("files", file.id, { state: "retry", ...next });
    return tell({ file: file.id, state: "retry", why: "busy", seconds: Math.ceil((next.next_at - Date.now()) / 1000) });
  }
  if (file.of) return dropFile(file.id); // its file goes all the same
  const { detail = "", file_id = "", reason_code = "" } = answer.said;
  const refused = { state: "refused", sentence: detail, file_id, hopeless: answer.status === 413 || Boolean(reason_code && !CUT.includes(reason_code)) };
  await change("files", file.id, refused);
  tell({ file: file.id, ...refused });
}

/** Its file knows, also after this page is closed. @param {string} id @param {string} of */
async function previewed(id, of) {
  await change("files", of, { preview_url: (await get("files", id))?.url ?? "" });
  tell({ file: of, previewed: true });
}

/** Not all at one moment, when the line is back. @param {number} tries @param {number} asked_s */
function again(tries, asked_s) {
  const wait_s = Math.max(asked_s, Math.min(LONGEST_S, 2 ** tries) * (0.75 + Math.random() / 2));
  return { tries: tries + 1, next_at: Date.now() + wait_s * 1000 };
}

/** @param {KeptFile} [file] */
function lineIsDown(file) {
  const next = again(line.tries, 0);
  Object.assign(line, { tries: next.tries, until: next.next_at });
  const seconds = Math.ceil((line.until - Date.now()) / 1000);
  tell({ line: "down", seconds });
  if (file) tell({ file: file.id, state: "retry", why: "retry", seconds });
}

/** Their token is good no more: they sign in, and it goes on. @param {Person} person */
async function ask(person) {
  await change("people", person.id, { must_sign_in: true });
  tell({ signed_out: person.id });
}

/** In a tab: for as long as it is open. One waits in each for its turn. @param {() => void} [began] */
export async function keepDraining(began) {
  for (;;) {
    /** @type {Promise<void>} */
    const news = new Promise((done) => (stirred = done));
    const wait_ms = await navigator.locks.request("sonopost-drain", () => drain());
    began?.();
    const timer = Number.isFinite(wait_ms) ? new Promise((done) => setTimeout(done, wait_ms)) : new Promise(() => {});
    await Promise.race([news, timer]);
  }
}
