/**
 * Files on their way: two at a time, the smallest first, each with its own state. A file counts as received only by
 * the server's word; what the line loses is sent again, and what the server refuses says why.
 */

import { isWhole, send as sendInPieces, unfinished } from "./pieces.js";

/** @typedef {"chosen" | "waiting" | "sending" | "checking" | "retry" | "signed_out" | "refused" | "done"} State */

/**
 * One file that was chosen on this page.
 * @typedef {object} Item
 * @property {File} file
 * @property {string} name with the folders it lies in: a scanner calls many files IM1
 * @property {string} key the same for every try, so that a second one is no second file
 * @property {State} state
 * @property {string} sentence
 * @property {number} sent share of it, 0 to 1
 * @property {number} tries
 * @property {string} known the server's id of a refused file
 * @property {boolean} hopeless the same bytes would be refused again
 * @property {HTMLLIElement} row
 * @property {import("./pieces.js").Way | null} way
 * @property {number} timer
 */

const AT_ONCE = 2;
const LONGEST_WAIT_S = 60;
const DIGEST_BYTES = 64 * 2 ** 20; // larger ones are not held in memory for it
const CUT = ["truncated", "slow"]; // what the line or a busy server did to it; other refusals are the file's own
const AWAY = [0, 408, 425, 429, 502, 503, 504, 507];

/** @type {Item[]} */
const items = [];
/** @type {Record<string, string>} */
let words = {};
let referral = "";
let left = 0; // rows taken off the list once the server shows them

const find = (/** @type {string} */ name) => /** @type {HTMLElement | null} */ (document.querySelector(name));

/** @param {string} name @param {Record<string, string | number>} [values] */
function say(name, values = {}) {
  return (words[name] ?? "").replace(/\{(\w+)\}/g, (_, each) => String(values[each] ?? ""));
}

/** Show the place for files, and take over from the form without script. */
function begin() {
  const panel = find("[data-upload]");
  if (!panel) return;
  words = JSON.parse(find("[data-words]")?.textContent ?? "{}");
  referral = panel.dataset.upload ?? "";
  panel.hidden = false;
  for (const each of document.querySelectorAll("[data-without-script]")) /** @type {HTMLElement} */ (each).hidden = true;
  for (const each of panel.querySelectorAll("[data-pick]")) each.addEventListener("change", picked);
  const drop = panel.querySelector("[data-drop]");
  drop?.addEventListener("dragover", over);
  drop?.addEventListener("dragleave", () => drop.classList.remove("over"));
  drop?.addEventListener("drop", (event) => void dropped(/** @type {DragEvent} */ (event)));
  if (!referral) find("#referral-form")?.addEventListener("submit", (event) => void sendForm(/** @type {SubmitEvent} */ (event)));
  for (const item of items) draw(item);
  if (referral) {
    for (const item of items) if (item.state === "chosen") change(item, "waiting");
    pump();
    tidy();
  }
}

/** @param {Event} event */
function picked(event) {
  const input = /** @type {HTMLInputElement} */ (event.target);
  add([...(input.files ?? [])]);
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
  const entries = [...(event.dataTransfer?.items ?? [])].map((each) => each.webkitGetAsEntry()).filter((each) => each !== null);
  add((await Promise.all(entries.map(filesOf))).flat());
}

/** Where a dropped file lies, which it does not tell itself. @type {WeakMap<File, string>} */
const paths = new WeakMap();

/** @param {File} file */
const nameOf = (file) => paths.get(file) || file.webkitRelativePath || file.name;

/** A folder is walked; what cannot be read is left out. @param {FileSystemEntry} entry @returns {Promise<File[]>} */
async function filesOf(entry) {
  if (entry.isFile) {
    return new Promise((done) => /** @type {FileSystemFileEntry} */ (entry).file((file) => {
      paths.set(file, entry.fullPath.replace(/^\//, ""));
      done([file]);
    }, () => done([])));
  }
  const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
  const found = [];
  for (;;) {
    /** @type {FileSystemEntry[]} */
    const some = await new Promise((done) => reader.readEntries(done, () => done([])));
    if (!some.length) break; // Chromium gives a hundred at a time
    found.push(...some);
  }
  return (await Promise.all(found.map(filesOf))).flat();
}

/** @param {File[]} files */
function add(files) {
  const wanted = files.filter((file) => !/^(\.|thumbs\.db$|desktop\.ini$|dicomdir$)/i.test(file.name));
  if (!wanted.length) return tell(say("nothing"));
  for (const file of wanted) {
    const same = items.find((one) => one.name === nameOf(file) && one.file.size === file.size && one.file.lastModified === file.lastModified);
    if (same) {
      if (same.state === "refused") again(same);
      continue;
    }
    const item = /** @type {Item} */ ({ file, name: nameOf(file), key: newKey(), state: referral ? "waiting" : "chosen", sentence: "", sent: 0, tries: 0, known: "", hopeless: false, way: null, timer: 0 });
    items.push(item);
    draw(item);
  }
  declare();
  pump();
}

/** crypto.randomUUID is only there in secure contexts. */
function newKey() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((each) => each.toString(16).padStart(2, "0")).join("");
}

/** The form says how many files are going to come. */
function declare() {
  const field = /** @type {HTMLInputElement | null} */ (find("#referral-form input[name=files]"));
  if (field) field.value = JSON.stringify(items.map((item) => ({ name: item.name, size_bytes: item.file.size })));
}

/** @param {Item} item */
function draw(item) {
  const template = /** @type {HTMLTemplateElement} */ (find("template[data-row]"));
  const row = /** @type {HTMLLIElement} */ (/** @type {DocumentFragment} */ (template.content.cloneNode(true)).firstElementChild);
  const part = (/** @type {string} */ name) => /** @type {HTMLElement} */ (row.querySelector(name));
  part(".kind").textContent = /\.(\w{2,5})$/.exec(item.name)?.[1] ?? say("file");
  part(".name").textContent = item.name;
  part(".size").textContent = size(item.file.size);
  part("progress").setAttribute("aria-label", say("progress_of", { name: item.name }));
  item.row = row;
  find("[data-queue]")?.append(row);
  change(item, item.state, item.sentence);
}

/** @param {number} bytes */
function size(bytes) {
  const units = ["B", "kB", "MB", "GB"];
  const step = bytes ? Math.min(3, Math.floor(Math.log10(bytes) / 3)) : 0;
  return `${new Intl.NumberFormat(document.documentElement.lang, { maximumFractionDigits: step ? 1 : 0 }).format(bytes / 1000 ** step)} ${units[step]}`;
}

/** @param {Item} item @param {State} state @param {string} [sentence] */
function change(item, state, sentence = "") {
  item.state = state;
  item.sentence = sentence;
  const line = /** @type {HTMLElement} */ (item.row.querySelector(".state"));
  line.textContent = sentence || say(state, { percent: `${Math.floor(item.sent * 100)} %` });
  line.classList.toggle("wrong", state === "refused");
  const bar = /** @type {HTMLProgressElement} */ (item.row.querySelector("progress"));
  bar.hidden = !["sending", "checking"].includes(state);
  bar.value = item.sent;
  const acts = /** @type {HTMLElement} */ (item.row.querySelector(".acts"));
  const offered = state === "refused" ? (item.hopeless ? ["remove"] : ["again", "remove"]) : ["chosen", "waiting", "retry"].includes(state) ? ["remove"] : [];
  if (acts.dataset.offered === offered.join()) return;
  acts.dataset.offered = offered.join();
  acts.replaceChildren(...offered.map((name) => button(item, name)));
}

/** @param {Item} item @param {string} name */
function button(item, name) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = "quiet";
  made.textContent = say(name);
  made.setAttribute("aria-label", `${say(name)} ${item.name}`);
  made.addEventListener("click", () => (name === "again" ? again(item) : void remove(item)));
  return made;
}

/** @param {Item} item */
function again(item) {
  Object.assign(item, { key: newKey(), tries: 0, sent: 0, way: null });
  begun = null;
  change(item, "waiting");
  pump();
}

/** @param {Item} item */
async function remove(item) {
  clearTimeout(item.timer);
  items.splice(items.indexOf(item), 1);
  item.row.remove();
  declare();
  if (item.known) {
    const body = new URLSearchParams({ reason: "Refused; taken off the list." });
    await fetch(`/referrals/${referral}/files/${item.known}/withdraw`, { method: "POST", body }).catch(() => null);
  }
  await refresh();
}

/** Start as many as may go at once; small files do not wait behind large ones. */
function pump() {
  if (!referral) return;
  const moving = items.filter((item) => item.state === "sending" || item.state === "checking").length;
  const waiting = items.filter((item) => item.state === "waiting").sort((one, other) => one.file.size - other.file.size);
  for (const item of waiting.slice(0, Math.max(0, AT_ONCE - moving))) void send(item);
}

/** @param {Item} item */
async function send(item) {
  change(item, "sending");
  item.way ??= await wayOf(item);
  if (item.way === null) return change(item, "refused", say("unreadable"));
  const answer = await sendInPieces(item.way, (sent) => {
    item.sent = item.file.size ? sent / item.file.size : 0;
    change(item, item.sent < 1 ? "sending" : "checking");
  }).catch(() => null);
  if (answer) settle(item, answer);
  else change(item, "refused", say("unreadable")); // the file went away meanwhile
  pump();
}

/** @type {Promise<Map<string, {url: string, sha256: string | null}>> | null} */
let begun = null;

/** What the server is told of it, and where it has a part of it already; null where the file is gone. @param {Item} item */
async function wayOf(item) {
  const digest = await digestOf(item.file);
  if (digest === null) return null;
  begun ??= unfinished(referral);
  const known = (await begun).get(`${item.name}|${item.file.size}`);
  /** @type {Record<string, string>} */
  const named = { referral_id: referral, filename: item.name };
  if (item.file.type) named.filetype = item.file.type;
  if (digest) named.sha256 = digest;
  const url = known && (!digest || !known.sha256 || known.sha256 === digest) ? known.url : "";
  return { file: item.file, url, key: item.key, first: 0, named };
}

/** In hex; "" where the browser or the size forbids it, null where the file is gone. @param {File} file */
async function digestOf(file) {
  if (!crypto.subtle || file.size > DIGEST_BYTES) return "";
  try {
    const sum = new Uint8Array(await crypto.subtle.digest("SHA-256", await file.arrayBuffer()));
    return [...sum].map((each) => each.toString(16).padStart(2, "0")).join("");
  } catch {
    return null;
  }
}

/** What the server said of it. @param {Item} item @param {XMLHttpRequest} request */
function settle(item, request) {
  const said = parsed(request.responseText);
  if (isWhole(request, item.file)) {
    change(item, "done");
    left += 1;
    void refresh().then(settled);
  } else if (request.status === 401) {
    wait(item, 15, "signed_out");
  } else if (AWAY.includes(request.status) || [409, 423, 460].includes(request.status) || request.status >= 500) {
    const asked = Number(request.getResponseHeader("Retry-After")) || 0;
    wait(item, Math.min(LONGEST_WAIT_S, Math.max(asked, 2 ** item.tries)), request.status === 0 ? "retry" : "busy");
    item.tries += 1;
  } else {
    item.known = said.file_id ?? "";
    item.hopeless = request.status === 413 || Boolean(said.reason_code && !CUT.includes(said.reason_code));
    change(item, "refused", said.detail || say("refused"));
    void refresh().then(settled);
  }
  if (items.some((one) => isOpen(one))) report(); // the last word waits for the server's count
}

function settled() {
  tidy();
  report();
}

/** @param {Item} item */
const isOpen = (item) => item.state !== "refused" && item.state !== "done";

/** @param {string} text @returns {{detail?: string, file_id?: string, reason_code?: string}} */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}

/** @param {Item} item @param {number} seconds @param {string} why */
function wait(item, seconds, why) {
  change(item, why === "signed_out" ? "signed_out" : "retry", say(why, { seconds }));
  clearTimeout(item.timer);
  item.timer = setTimeout(() => retry(item), seconds * 1000);
}

/** @param {Item} item */
function retry(item) {
  if (item.state !== "retry" && item.state !== "signed_out") return;
  clearTimeout(item.timer);
  change(item, "waiting");
  pump();
}

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
  for (const item of items.filter((one) => one.state === "done")) {
    item.row.remove();
    items.splice(items.indexOf(item), 1);
  }
  tidy();
}

/** What this page is sending itself is shown once. */
function tidy() {
  for (const item of items) {
    find(`[data-known] [data-file="${item.known || "-"}"]`)?.remove();
    for (const row of document.querySelectorAll("[data-expected] > li")) {
      const { name, size: bytes } = /** @type {HTMLElement} */ (row).dataset;
      if (name === item.name && (!bytes || Number(bytes) === item.file.size)) row.remove();
    }
  }
  const expected = find("[data-expected]");
  if (expected && !expected.children.length) expected.remove();
}

/** One sentence for everybody, read out as it changes. */
function report() {
  const refused = items.filter((item) => item.state === "refused").length;
  const open = items.filter(isOpen).length;
  const all = left + open + refused;
  const counted = find("[data-known] [data-count=arrived]")?.textContent;
  if (open) tell(say("progress", { n: left, m: all }));
  else if (counted && !refused) tell(counted); // something in a ZIP was refused, or is to come from elsewhere
  else tell(refused ? say("some", { n: left, m: all, k: refused }) : say(all === 1 ? "one" : "all", { m: all }));
}

/** @param {string} sentence */
function tell(sentence) {
  const line = find("[data-said]");
  if (line && line.textContent !== sentence) line.textContent = sentence;
}

/**
 * With files chosen, the form goes by script, so that the files stay at hand and go on from the page it leads to.
 * @param {SubmitEvent} event
 */
async function sendForm(event) {
  if (!items.length) return;
  event.preventDefault();
  const form = /** @type {HTMLFormElement} */ (event.target);
  const body = new URLSearchParams();
  for (const [name, value] of new FormData(form, event.submitter)) if (typeof value === "string") body.append(name, value);
  tell(say("sending_form"));
  /** @type {HTMLButtonElement[]} */
  const buttons = [...form.querySelectorAll("button")];
  for (const each of buttons) each.disabled = true;
  const answer = await fetch(form.action, { method: "POST", body, headers: { Accept: "text/html" } }).catch(() => null);
  for (const each of buttons) each.disabled = false;
  if (!answer || answer.status >= 500) return tell(say("not_sent"));
  const came = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const name of ["main", ".banner", ".top"]) put(name, came);
  document.title = came.title;
  if (answer.redirected) history.pushState(null, "", answer.url);
  window.scrollTo(0, 0);
  (find("#errors") ?? find("main"))?.focus();
  begin();
}

/** @param {string} name @param {Document} came */
function put(name, came) {
  const here = document.querySelector(name);
  const there = came.querySelector(name);
  if (here && there) here.replaceWith(there);
  else if (here) here.remove();
  else if (there) find("main")?.before(there);
}

addEventListener("online", () => items.forEach(retry));
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) for (const item of items) if (item.state === "signed_out") retry(item);
});
addEventListener("popstate", () => location.reload());
addEventListener("beforeunload", (event) => {
  if (items.some((item) => item.state !== "done" && item.state !== "refused")) event.preventDefault();
});
begin();
