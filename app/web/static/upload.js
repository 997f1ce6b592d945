// @ts-check
/**
 * Files of a referral as they are chosen, kept and sent: the row of each says where it is. They are kept on this device
 * at once and leave by themselves; one counts as received only by the server's word.
 */

import { look, named, namesAnother, whoseHere } from "./before.js";
import { all, change, CLIP, dropFile, get, listen, OTHER, PREVIEW, previewKey, STILL, tell } from "./kept.js";
import { filesIn, isWanted, nameOf } from "./chosen.js";
import { end, lineOf } from "./pieces.js";
import { writer } from "./person.js";
import { nightHere, showPlan } from "./plan.js";
import { row, show, words } from "./rows.js";
import { opening } from "./seal.js";
import { begin as beginFile, hold, keep } from "./source.js";
import { entryFor, follow, written } from "./writing.js";

/** @import { Kept, KeptFile, Person } from "./kept.js" */
/** @import { Item } from "./rows.js" */

const DIGEST_BYTES = 64 * 2 ** 20; // larger ones are not held in memory for it
const SMALL_BYTES = 2 ** 20;
const PREVIEWED_BYTES = 300_000; // what is smaller goes itself
const PREVIEW_MS = 30_000; // in which it is made, or its file goes without
const CLIPS = /\.(mp4|mov|avi|m4v|webm)$/i;
const PREVIEWED = /^(image\/(jpeg|png)|video\/mp4)$/;

/** @type {Map<string, Item>} */
const items = new Map();
/** @type {Promise<Person>} */
let person;
let referral = "";
let left = 0; // rows taken off the list once the server shows them

const find = (/** @type {string} */ name) => /** @type {HTMLElement | null} */ (document.querySelector(name));

/** Show the place for files, and take over from the form without script. */
async function begin() {
  const panel = find("[data-upload]");
  if (!panel || !navigator.locks || !crypto.subtle || !globalThis.indexedDB) return; // the form without script serves
  words.read(find("[data-words]")?.textContent ?? "{}");
  referral = panel.dataset.upload ?? "";
  panel.hidden = false;
  for (const each of document.querySelectorAll("[data-without-script]")) /** @type {HTMLElement} */ (each).hidden = true;
  for (const each of panel.querySelectorAll("[data-pick]")) each.addEventListener("change", picked);
  const drop = panel.querySelector("[data-drop]");
  drop?.addEventListener("dragover", over);
  drop?.addEventListener("dragleave", () => drop.classList.remove("over"));
  drop?.addEventListener("drop", (event) => void dropped(/** @type {DragEvent} */ (event)));
  for (const item of items.values()) draw(item);
  person = writer();
  form()?.addEventListener("change", () => {
    void askAgain();
    planSoon();
  });
  if (!referral) await follow(await person, { announce, turned, declare });
  await load();
  tidy();
}

/** What this person keeps on this device of the referral of this page. @returns {Promise<Kept[]>} */
async function entriesHere() {
  const { id } = await person;
  return (await all("referrals")).filter((entry) => (referral ? entry.referral_id === referral : entry.id === written()) && entry.person_id === id);
}

/** What waits for this referral here, from before. */
async function load() {
  for (const entry of await entriesHere()) {
    /** @type {Person | undefined} */
    const owner = await get("people", entry.key_of);
    for (const file of /** @type {KeptFile[]} */ (await all("files")).filter((one) => one.entry_id === entry.id && !one.of && !items.has(one.id))) {
      if (!owner?.open) continue;
      const head = JSON.parse(new TextDecoder().decode(await (await opening(owner.open, file.e))(0, file.head)));
      const item = itemOf(file.id, head, file.size, !file.is_whole ? "gone" : referral && file.state === "chosen" ? "waiting" : file.state);
      Object.assign(item, { rank: file.rank, sent: file.size ? file.sent / file.size : 0, known: file.file_id, hopeless: file.hopeless, says: head.says, isRight: Boolean(file.is_right), isPreviewed: Boolean(file.preview_url) });
      draw(item, item.state === "asks" && item.says ? words.say("asks", { patient: named(item.says) }) : file.sentence);
    }
  }
}

/** @param {string} id @param {{name: string, modified: number}} head @param {number} size @param {Item["state"]} state */
function itemOf(id, head, size, state) {
  const item = /** @type {Item} */ ({ id, name: head.name, modified: head.modified, size, state, rank: 1, says: null, sha256: "", isRight: false, isKept: true, isPreviewed: false, sent: 0, known: "", hopeless: false, sentence: "" });
  items.set(id, item);
  return item;
}

/** @param {Event} event */
function picked(event) {
  const input = /** @type {HTMLInputElement} */ (event.target);
  void add([...(input.files ?? [])]);
  input.value = "";
}

/** @param {Event} event */
function over(event) {
  event.preventDefault();
  /** @type {HTMLElement} */ (event.currentTarget).classList.add("over");
}

/** @param {DragEvent} event */
async function dropped(event) {
  event.preventDefault();
  /** @type {HTMLElement} */ (event.currentTarget).classList.remove("over");
  await add(await filesIn(event.dataTransfer));
}

/** Each has its row at once, is on its way as soon as it is known here, and is kept behind that. @param {File[]} files */
async function add(files) {
  const wanted = files.filter(isWanted);
  if (!wanted.length) return announce(words.say("nothing"));
  const fresh = wanted.flatMap((file) => {
    const same = [...items.values()].find((one) => one.name === nameOf(file) && one.size === file.size && one.modified === file.lastModified);
    if (same?.state === "refused") again(same);
    if (same?.state === "gone") remove(same);
    if (same && same.state !== "gone") return [];
    const item = itemOf(newKey(), { name: nameOf(file), modified: file.lastModified }, file.size, referral ? "waiting" : "chosen");
    item.isKept = false;
    draw(item);
    return [{ item, file }];
  });
  declare();
  void navigator.storage?.persist?.();
  const owner = await person;
  const entry = await entryFor(owner, referral);
  const keeping = [];
  for (const { item, file } of fresh.sort((one, other) => one.file.size - other.file.size)) keeping.push(await known(owner, entry, item, file));
  for (const each of keeping) await each?.();
  for (const { item, file } of fresh) if (item.rank === CLIP && wantsPreview(file)) await preview(owner, item, file); // these take their own time
}

/** @param {Person} owner @param {string} entry_id @param {Item} item @param {File} chosen */
async function known(owner, entry_id, item, chosen) {
  item.says = await look(chosen);
  item.rank = rankOf(chosen, item.says);
  planSoon();
  ask(item);
  const sha256 = await digestOf(chosen);
  if (sha256 === null) return void mark(item, "refused", words.say("unreadable"));
  if (!items.has(item.id)) return undefined; // taken off meanwhile
  item.sha256 = sha256;
  const head = { name: item.name, type: chosen.type, sha256, modified: item.modified, says: item.says };
  const state = /** @type {KeptFile["state"]} */ (item.state === "chosen" && referral ? "waiting" : item.state);
  const preview_until = wantsPreview(chosen) ? Date.now() + PREVIEW_MS : 0;
  const { file, seal } = await beginFile(owner, { id: item.id, entry_id, key: item.id, size: chosen.size, state, rank: item.rank, is_right: item.isRight, preview_until, head });
  hold(file, chosen);
  tell({ added: true });
  return async () => {
    await keep(file, chosen, seal).then(() => kept(item), () => announce(words.say("no_room")));
    if (preview_until && item.rank !== CLIP) await preview(owner, item, chosen);
  };
}

/** Its file waits for it a moment, and goes then, whatever became of it. @param {Person} owner @param {Item} item @param {File} chosen */
async function preview(owner, item, chosen) {
  const { previewOf } = await import("./preview.js").catch(() => ({ previewOf: async () => null }));
  const made = await previewOf(chosen, item.rank === CLIP);
  /** @type {KeptFile | undefined} */
  const its = await get("files", item.id);
  if (made && its) {
    const of = { size: chosen.size, sha256: item.sha256, rank: item.rank };
    const head = { name: item.name, type: made.type, sha256: await digestOf(made), of };
    const { file, seal } = await beginFile(owner, { id: previewKey(item.id), entry_id: its.entry_id, key: newKey(), size: made.size, state: its.state, rank: PREVIEW, of: item.id, head });
    hold(file, made);
    await keep(file, made, seal).catch(() => dropFile(file.id));
  }
  await change("files", item.id, { preview_until: 0 });
  tell({ added: true });
}

/** @param {File} file */
const wantsPreview = (file) => file.size > PREVIEWED_BYTES && PREVIEWED.test(file.type);

/** @param {Item} item */
function kept(item) {
  item.isKept = true;
  show(item);
}

/** Small stills, other files, clips; a photograph is behind its preview. @param {File} file @param {import("./before.js").Says | null} says */
const rankOf = (file, says) => (CLIPS.test(file.name) || file.type.startsWith("video/") || (says?.frames ?? 1) > 1 ? CLIP : file.size <= SMALL_BYTES && !wantsPreview(file) ? STILL : OTHER);

/** A file that names somebody else stays until somebody says that it is the right one. @param {Item} item */
function ask(item) {
  const another = item.says && !item.isRight && namesAnother(item.says, whoseHere(find("[data-upload]"), form()));
  if (another) mark(item, "asks", words.say("asks", { patient: named(/** @type {import("./before.js").Says} */ (item.says)) }));
  else if (item.state === "asks") mark(item, referral ? "waiting" : "chosen");
  else return false;
  return true;
}

/** Of whom the form is, when a file was last asked about. */
let asked = "";
const whoseNow = () => JSON.stringify(whoseHere(find("[data-upload]"), form()));

/** The name in the form was changed: what was said of another counts no more. */
async function askAgain() {
  const before = asked;
  asked = whoseNow();
  for (const item of items.values()) {
    if (!["chosen", "asks"].includes(item.state)) continue;
    const wasRight = item.isRight;
    if (asked !== before) item.isRight = false;
    if (ask(item) || wasRight !== item.isRight) await change("files", item.id, { state: item.state, is_right: item.isRight });
  }
}

/** @param {Item} item */
async function right(item) {
  item.isRight = true;
  asked = whoseNow();
  ask(item);
  await change("files", item.id, { state: item.state, is_right: true });
  tell({ added: true });
}

const form = () => /** @type {HTMLFormElement | null} */ (find("#referral-form"));

const newKey = () => [...crypto.getRandomValues(new Uint8Array(16))].map((each) => each.toString(16).padStart(2, "0")).join("");

/** In hex; "" where its size forbids it, null where the file is gone. @param {Blob} file */
async function digestOf(file) {
  if (file.size > DIGEST_BYTES) return "";
  try {
    const sum = new Uint8Array(await crypto.subtle.digest("SHA-256", await file.arrayBuffer()));
    return [...sum].map((each) => each.toString(16).padStart(2, "0")).join("");
  } catch {
    return null;
  }
}

/** The form says how many files are going to come. */
function declare() {
  const field = /** @type {HTMLInputElement | null} */ (find("#referral-form input[name=files]"));
  if (field) field.value = JSON.stringify([...items.values()].map((item) => ({ name: item.name, size_bytes: item.size })));
}

/** @param {Item} item @param {string} [sentence] */
function draw(item, sentence = "") {
  item.row = row(item, { again, right: (one) => void right(one), remove: (one) => void remove(one) });
  find("[data-queue]")?.append(item.row);
  mark(item, item.state, sentence);
}

/** @param {Item} item @param {Item["state"]} state @param {string} [sentence] */
function mark(item, state, sentence = "") {
  Object.assign(item, { state, sentence });
  show(item);
  planSoon();
}

let planning = 0;

function planSoon() {
  clearTimeout(planning);
  planning = setTimeout(async () => {
    await showPlan([...items.values()].filter(isOpen), entriesHere, nightHere(await person));
  }, 200);
}

/** @param {Item} item */
async function again(item) {
  mark(item, "waiting");
  await change("files", item.id, { state: "waiting", key: newKey(), url: "", first: 0, sent: 0, tries: 0, next_at: 0 });
  tell({ added: true });
}

/** @param {Item} item */
async function remove(item) {
  items.delete(item.id);
  item.row.remove();
  declare();
  const [file, small] = [await get("files", item.id), await get("files", previewKey(item.id))];
  await dropFile(item.id);
  for (const dropped of [item.id, previewKey(item.id)]) tell({ dropped });
  for (const one of [file, small]) if (one?.url) await end(one.url, (await person).token);
  const reason = item.known ? "Refused; taken off the list." : "It will not be sent.";
  item.known ||= await lineOf(file?.preview_url || small?.url); // who reads has something of it, or soon
  if (item.known) {
    const body = new URLSearchParams({ reason });
    await fetch(`/referrals/${referral}/files/${item.known}/withdraw`, { method: "POST", body }).catch(() => null);
  }
  if (referral) await refresh();
}

/** What the drain says, of this tab or another, or of the worker. @param {any} news */
function heard(news) {
  if (news.night) planSoon();
  if (news.signed_out) for (const item of items.values()) if (isOpen(item)) mark(item, "signed_out");
  if (news.line) for (const item of items.values()) if (isOpen(item)) mark(item, "retry", words.say("retry", news));
  const item = items.get(news.file);
  if (!item) return;
  if (news.previewed) {
    item.isPreviewed = true;
    show(item);
  } else if (news.state === "sending") {
    item.sent = item.size ? news.sent / item.size : 0;
    mark(item, item.sent < 1 ? "sending" : "checking");
  } else if (news.state === "refused") {
    Object.assign(item, { known: news.file_id ?? "", hopeless: Boolean(news.hopeless) });
    mark(item, "refused", news.sentence || words.say(news.why ?? "refused"));
    void refresh().then(settled);
  } else if (news.state === "done") {
    mark(item, "done");
    left += 1;
    void refresh().then(settled);
  } else mark(item, news.state, news.why ? words.say(news.why, news) : "");
  if ([...items.values()].some(isOpen)) report(); // the last word waits for the server's count
}

function settled() {
  tidy();
  report();
}

/** @param {Item} item */
const isOpen = (item) => !["refused", "done", "gone", "asks"].includes(item.state);

/** Put in place what the server knows, and leave to it the files that it shows. */
async function refresh() {
  const known = find("[data-known]");
  if (!known || known.contains(document.activeElement)) return;
  const answer = await fetch(known.dataset.known ?? "", { headers: { Accept: "text/html", "HX-Request": "true" } }).catch(() => null);
  if (!answer?.ok) return;
  const wasOpen = known.querySelector("details[data-arrived]")?.hasAttribute("open");
  known.innerHTML = await answer.text();
  const arrived = known.querySelector("details[data-arrived]");
  if (wasOpen !== undefined) arrived?.toggleAttribute("open", wasOpen);
  for (const item of [...items.values()].filter((one) => one.state === "done")) {
    item.row.remove();
    items.delete(item.id);
  }
  tidy();
}

/** What this page is sending itself is shown once. */
function tidy() {
  for (const item of items.values()) {
    find(`[data-known] [data-file="${item.known || "-"}"]`)?.remove();
    for (const line of document.querySelectorAll("[data-expected] > li")) {
      const { name, size: bytes } = /** @type {HTMLElement} */ (line).dataset;
      if (name === item.name && (!bytes || Number(bytes) === item.size)) line.remove();
    }
  }
  const expected = find("[data-expected]");
  if (expected && !expected.children.length) expected.remove();
}

/** One sentence for everybody, read out as it changes. */
function report() {
  const of = [...items.values()];
  const unsettled = of.filter((item) => ["refused", "asks"].includes(item.state)).length;
  const open = of.filter(isOpen).length;
  const whole = left + open + unsettled;
  const counted = find("[data-known] [data-count=arrived]")?.textContent;
  if (open) announce(words.say("progress", { n: left, m: whole }));
  else if (counted && !unsettled) announce(counted); // something in a ZIP was refused, or is to come from elsewhere
  else announce(unsettled ? words.say("some", { n: left, m: whole, k: unsettled }) : words.say(whole === 1 ? "one" : "all", { m: whole }));
}

/** @param {string} sentence */
function announce(sentence) {
  const said = find("[data-said]");
  if (said && said.textContent !== sentence) said.textContent = sentence;
}

/** The form went, and this is the page it led to; or it came back with a question. */
function turned() {
  if (find("[data-upload]")?.dataset.upload) for (const item of items.values()) if (item.state === "chosen") item.state = "waiting";
  void begin();
}

listen(heard);
addEventListener("popstate", () => location.reload());
addEventListener("beforeunload", (event) => {
  if (find("[data-queue] [data-unkept]")) event.preventDefault();
});
void begin();
