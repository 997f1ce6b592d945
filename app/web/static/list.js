// @ts-check
/** What waits on this device, a line each, to its author in words and to others by its size alone. */

import { all, change, CLIP, dropFile, get, listen, put, tell } from "./kept.js";
import { hours, opensIn } from "./night.js";
import { signedIn } from "./person.js";
import { size, words } from "./rows.js";
import { opening } from "./seal.js";

/** @import { Kept, KeptFile, Person } from "./kept.js" */

const find = (/** @type {string} */ name) => /** @type {HTMLElement} */ (document.querySelector(name));
const decode = (/** @type {ArrayBuffer} */ bytes) => JSON.parse(new TextDecoder().decode(bytes));
const language = document.documentElement.lang === "en" ? "en-GB" : document.documentElement.lang; // as the service writes it
const when = (/** @type {number} */ at) => new Date(at).toLocaleString(language, { dateStyle: "medium", timeStyle: "short" });
const ORDER = ["refused", "writing", "queued", "placed"];

/** @type {any} */
let prompt = null; // by which the browser offers to install it

/** @param {string} tag @param {string} text @param {Record<string, any>} [more] */
function made(tag, text, more = {}) {
  return Object.assign(document.createElement(tag), { textContent: text, ...more });
}

let drawn = "";

async function draw() {
  /** @type {[Kept[], KeptFile[], Person[], boolean]} */
  const [entries, files, people, paused] = await Promise.all([all("referrals"), all("files"), all("people"), get("settings", "paused")]);
  const shown = entries.filter((one) => ORDER.includes(one.state) && (one.state !== "placed" || files.some((file) => file.entry_id === one.id)));
  shown.sort((one, other) => ORDER.indexOf(one.state) - ORDER.indexOf(other.state) || one.written_at - other.written_at);
  const now = JSON.stringify([shown.map((one) => [one.id, one.state, one.person_id, opensIn(one.night) > 0]), files.map((one) => [one.id, one.state]), people.map((one) => [one.id, Boolean(one.open), one.must_sign_in]), paused]);
  if (now === drawn || find("[data-entries] details[open]")) return; // nothing is drawn anew under somebody's hands
  drawn = now;
  const lines = await Promise.all(shown.map((one) => lineOf(one, files.filter((file) => file.entry_id === one.id), people)));
  find("[data-entries]").replaceChildren(...lines);
  find("[data-empty]").hidden = shown.length > 0;
  find("[data-pause]").hidden = paused || !shown.length;
  find("[data-go-on]").hidden = !paused;
  find("[data-unsafe]").hidden = !shown.length || Boolean(await navigator.storage?.persisted?.());
}

/** @param {Kept} entry @param {KeptFile[]} files @param {Person[]} people */
async function lineOf(entry, files, people) {
  const owner = people.find((one) => one.id === entry.person_id);
  const key = people.find((one) => one.id === entry.key_of)?.open;
  const isMine = Boolean(key && entry.person_id && (signedIn() ? entry.person_id === signedIn() : owner?.is_here && entry.key_of));
  const line = document.createElement("li");
  const bytes = files.reduce((sum, one) => sum + one.size, 0);
  line.append(made("p", isMine ? await whom(entry, /** @type {CryptoKey} */ (key)) : words.say("by", { name: owner?.name || "–" }), { className: "strong" }));
  line.append(made("p", `${stateOf(entry, owner)} ${words.say("written", { time: when(entry.written_at) })}`));
  const whole = files.filter((one) => !one.of);
  if (files.length) line.append(made("p", words.say("behind", { n: whole.length, size: size(bytes) }), { className: "soft small" }));
  const isPutOff = waitsForNight(entry, files);
  if (entry.night && isPutOff) line.append(made("p", words.say("night_waits", hours(entry.night))));
  if (isMine) for (const file of files.filter((one) => one.state === "refused")) line.append(made("p", `${await nameOf(file, /** @type {CryptoKey} */ (key))}: ${file.sentence || words.say("refused")}`, { className: "wrong" }));
  line.append(acts(entry, isMine, isPutOff));
  return line;
}

/** @param {Kept} entry @param {Person | undefined} owner */
function stateOf(entry, owner) {
  const waits = owner?.id && (owner.must_sign_in || !owner.token) ? words.say("must_sign_in", { name: owner.name || "" }) : "";
  if (entry.state === "queued" && !entry.person_id) return words.say("nobodys");
  return `${words.say(entry.state)} ${entry.state === "queued" || entry.state === "placed" ? waits : ""}`.trim();
}

/** @param {Kept} entry @param {CryptoKey} key */
async function whom(entry, key) {
  if (!entry.text.length) return "";
  const fields = new Map(decode(await (await opening(key, entry.e))(0, entry.text)));
  const name = ["family_name", "given_name", "name_local"].map((each) => fields.get(each)).filter(Boolean).join(" ");
  return name || words.say(fields.size ? "no_name" : "placed_before");
}

/** @param {KeptFile} file @param {CryptoKey} key */
const nameOf = async (file, key) => decode(await (await opening(key, file.e))(0, file.head)).name;

/** @param {Kept} entry @param {KeptFile[]} files */
const waitsForNight = (entry, files) => opensIn(entry.night) > 0 && files.some((one) => one.rank === CLIP);

/** @param {Kept} entry @param {boolean} isMine @param {boolean} isPutOff */
function acts(entry, isMine, isPutOff) {
  const all_acts = made("div", "", { className: "line" });
  const open = entry.state === "placed" ? `/referrals/${entry.referral_id}` : ["writing", "refused"].includes(entry.state) ? `/referrals/new?entry=${entry.id}` : "";
  if (isMine && open) all_acts.append(made("a", words.say(entry.state === "placed" ? "show" : "open"), { href: open, className: "button" }));
  if (isPutOff) {
    const now = made("button", words.say("night_now"));
    now.addEventListener("click", async () => {
      await change("referrals", entry.id, { night: null });
      tell({ added: true, night: true });
    });
    all_acts.append(now);
  }
  if (!entry.person_id && signedIn()) {
    const mine = made("button", words.say("mine"));
    mine.addEventListener("click", async () => {
      await change("referrals", entry.id, { person_id: signedIn() });
      tell({ added: true, wake: true });
    });
    all_acts.append(mine);
  }
  if (entry.person_id || signedIn()) all_acts.append(discarding(entry));
  return all_acts;
}

/** Typed, as there is no way back. @param {Kept} entry */
function discarding(entry) {
  const asked = /** @type {HTMLTemplateElement} */ (find("template[data-discard]")).content.cloneNode(true);
  const whole = /** @type {HTMLDetailsElement} */ (/** @type {DocumentFragment} */ (asked).firstElementChild);
  const field = /** @type {HTMLInputElement} */ (whole.querySelector("input"));
  whole.querySelector("form")?.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (field.value.trim().toLowerCase() !== words.say("word").toLowerCase()) return field.focus();
    await discard(entry);
    whole.open = false;
    await draw();
  });
  return whole;
}

/** What was in it goes at once; that it went is told when there is a line. @param {Kept} entry */
async function discard(entry) {
  /** @type {KeptFile[]} */
  const files = (await all("files")).filter((one) => one.entry_id === entry.id);
  for (const file of files) {
    await dropFile(file.id);
    tell({ dropped: file.id });
  }
  const discarded = { files: files.filter((one) => !one.of).length, size_bytes: files.reduce((sum, one) => sum + one.size, 0), discarded_at: new Date().toISOString() };
  await change("referrals", entry.id, { state: "discarded", person_id: entry.person_id || signedIn(), text: new Uint8Array(), next_at: 0, tries: 0, discarded });
  tell({ added: true, wake: true });
}

/** @param {boolean} paused */
async function pause(paused) {
  await put("settings", paused, "paused");
  tell(paused ? { paused: true } : { wake: true });
}

addEventListener("beforeinstallprompt", (event) => {
  event.preventDefault();
  prompt = event;
  find("[data-install]").hidden = false;
});

words.read(find("[data-words]").textContent ?? "{}");
find("[data-pause]").addEventListener("click", () => void pause(true));
find("[data-go-on]").addEventListener("click", () => void pause(false));
find("[data-install]").addEventListener("click", () => void prompt?.prompt());
listen(() => void draw());
void draw();
