// @ts-check
/** A new referral while it is written: kept on this device as it is typed; sent at once, or queued where there is no line. */

import { all, change, dropEntry, get, listen, put, tell } from "./kept.js";
import { words } from "./rows.js";
import { opening, sealing } from "./seal.js";

/** @import { Kept, Person } from "./kept.js" */
/** @typedef {{announce: (sentence: string) => void, turned: () => void, declare: () => void}} Page */

const SOON_MS = 700;
const PATIENCE_MS = 60_000;
const DAY_MS = 24 * 3_600_000;
const NOT_TEXT = ["idempotency_key", "files", "act"];
const NAMES = ["family_name", "given_name", "name_local", "name_unknown", "mother"];

let entry = ""; // the key under which it is sent, however often
let timer = 0;
/** @type {Promise<void>} */
let saving = Promise.resolve(); // what was typed is on its way into the outbox
/** @type {Person} */
let writer;
/** @type {Page} */
let page;

export const written = () => entry;

const find = (/** @type {string} */ name) => /** @type {HTMLElement | null} */ (document.querySelector(name));
const form = () => /** @type {HTMLFormElement | null} */ (find("#referral-form"));
const newKey = () => [...crypto.getRandomValues(new Uint8Array(16))].map((each) => each.toString(16).padStart(2, "0")).join("");

/** @param {Person} person @param {Page} given */
export async function follow(person, given) {
  const here = form();
  if (!here) return;
  [writer, page] = [person, given];
  choices(here);
  if (!entry) await restore(here);
  here.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => void save(here, "writing"), SOON_MS);
  });
  here.addEventListener("submit", (event) => void send(event));
}

/** The line of this referral in the outbox, made where there is none. @param {Person} person @param {string} referral @returns {Promise<string>} */
export async function entryFor(person, referral) {
  const here = form();
  if (!referral && here) {
    if (!entry) await save(here, "writing");
    await saving;
    return entry;
  }
  const id = `${referral}:${person.id}`;
  if (!(await get("referrals", id))) await put("referrals", await sealed(person, id, [], { state: "placed", referral_id: referral, placed_at: Date.now() }));
  return id;
}

/** @param {Person} person @param {string} id @param {[string, string][]} fields @param {Partial<Kept>} more @returns {Promise<Kept>} */
async function sealed(person, id, fields, more) {
  const { e, seal } = await sealing(person.seal);
  const text = await seal(0, new TextEncoder().encode(JSON.stringify(fields)));
  return { id, person_id: person.id, key_of: person.id, state: "writing", referral_id: "", e, text, written_at: Date.now(), tries: 0, next_at: 0, wrong: [], night: null, placed_at: 0, ...more };
}

/** @param {HTMLFormElement} here @param {Kept["state"]} state @param {HTMLElement | null} [by] */
async function save(here, state, by = null) {
  clearTimeout(timer);
  if (!entry) claim(newKey());
  const key = /** @type {HTMLInputElement | null} */ (here.querySelector("[name=idempotency_key]"));
  if (key) key.value = entry; // the form comes anew with another one
  page.declare();
  /** @type {[string, string][]} */
  const fields = [];
  for (const [name, value] of new FormData(here, by)) if (typeof value === "string") fields.push([name, value]);
  const mine = saving.then(() => keep(fields, state)); // one after another: the later text stays
  saving = mine.catch(() => {});
  await mine;
  return fields;
}

/** @param {[string, string][]} fields @param {Kept["state"]} state */
async function keep(fields, state) {
  await change("people", writer.id, { seen_at: Date.now() });
  const whole = await sealed(writer, entry, fields, { state });
  const { written_at, night, ...text } = whole; // these two stay as they are, also where somebody presses meanwhile
  if (!(await change("referrals", entry, text))) await put("referrals", whole);
}

/** No other tab takes it up as well. @param {string} id */
function claim(id) {
  entry = id;
  void navigator.locks.request(`sonopost-entry-${id}`, { ifAvailable: true }, () => new Promise(() => {}));
}

/** What was begun and not sent, or came back with a question. @param {HTMLFormElement} here */
async function restore(here) {
  const wanted = new URLSearchParams(location.search).get("entry");
  const taken = new Set(((await navigator.locks.query()).held ?? []).map((each) => each.name));
  /** @type {Kept[]} */
  const mine = (await all("referrals")).filter((one) => one.person_id === writer.id && !taken.has(`sonopost-entry-${one.id}`));
  const recent = mine.filter((one) => one.state === "writing" && Date.now() - one.written_at < DAY_MS).sort((one, other) => other.written_at - one.written_at);
  const found = mine.find((one) => one.id === wanted && ["writing", "refused"].includes(one.state)) ?? recent[0];
  /** @type {CryptoKey | null | undefined} */
  const key = found && (await get("people", found.key_of))?.open;
  if (!found || !key || here.querySelector("#errors")) return;
  claim(found.id);
  await change("referrals", found.id, { state: "writing" });
  fill(here, JSON.parse(new TextDecoder().decode(await (await opening(key, found.e))(0, found.text))));
  const said = find("[data-restored]");
  if (said) said.hidden = false;
  said?.querySelector("button")?.addEventListener("click", async () => {
    await dropEntry(found.id);
    location.replace(location.pathname);
  });
}

/** @param {HTMLFormElement} here @param {[string, string][]} fields */
function fill(here, fields) {
  for (const [name, value] of fields.filter(([each]) => !NOT_TEXT.includes(each))) {
    for (const control of here.elements) {
      if (/** @type {HTMLInputElement} */ (control).name !== name) continue;
      const input = /** @type {HTMLInputElement} */ (control);
      if (["radio", "checkbox"].includes(input.type)) input.checked ||= input.value === value;
      else input.value = value;
    }
  }
}

/** In the form that was kept for when there is no line: for whom, and who reads. @param {HTMLFormElement} here */
function choices(here) {
  const place = here.querySelector("[data-choices]");
  if (!place || place.children.length) return;
  for (const [name, offered] of /** @type {const} */ ([["organization_id", writer.organizations], ["reading_organization_id", writer.readers]])) {
    if (offered.length < 2) continue;
    const label = document.createElement("label");
    const select = document.createElement("select");
    [label.className, label.textContent, select.name] = ["field", words.say(name), name];
    select.append(new Option(words.say("choose"), ""), ...offered.map((one) => new Option(one.name, one.id)));
    label.append(select);
    place.append(label);
  }
}

/** It goes by script, so that all of it is kept before anything can be lost. @param {SubmitEvent} event */
async function send(event) {
  const here = /** @type {HTMLFormElement} */ (event.target);
  event.preventDefault();
  const buttons = [...here.querySelectorAll("button")];
  const fields = await save(here, "writing", event.submitter);
  page.announce(words.say("sending_form"));
  for (const each of buttons) each.disabled = true;
  const is_shell = here.dataset.shell !== undefined;
  const asked = { method: "POST", body: new URLSearchParams(fields), headers: { Accept: "text/html" }, signal: AbortSignal.timeout(PATIENCE_MS) };
  const answer = is_shell || !navigator.onLine ? null : await fetch(here.action, asked).catch(() => null);
  for (const each of buttons) each.disabled = false;
  if (!answer || answer.status >= 500 || [401, 408, 429].includes(answer.status)) return queue(here, event.submitter);
  const came = new DOMParser().parseFromString(await answer.text(), "text/html");
  const made = answer.redirected && /^\/referrals\/([0-9a-f-]{36})$/.exec(new URL(answer.url).pathname)?.[1];
  if (made) await placed(made);
  for (const name of ["main", ".banner", ".top"]) swap(name, came);
  document.title = came.title;
  if (answer.redirected) history.pushState(null, "", answer.url);
  window.scrollTo(0, 0);
  (find("#errors") ?? find("main"))?.focus();
  /** @type {any} */ (globalThis).htmx?.process(find("main"));
  page.turned();
  if (made) entry = "";
}

/** Its files leave from the page that it led to, or from any other. @param {string} referral */
async function placed(referral) {
  await change("referrals", entry, { state: "placed", referral_id: referral, placed_at: Date.now() });
  tell({ added: true });
}

/** It is not sent, and says so; it leaves by itself. @param {HTMLFormElement} here @param {HTMLElement | null} by */
async function queue(here, by) {
  const lack = missing(here);
  if (lack.length && /** @type {HTMLButtonElement | null} */ (by)?.value !== "draft") return refuse(here, lack);
  await change("referrals", entry, { state: "queued" }); // as it was tried: a second try of the same is none
  const said = find("[data-queued]");
  if (!said) return;
  here.hidden = true;
  said.hidden = false;
  for (const each of /** @type {NodeListOf<HTMLElement>} */ (said.querySelectorAll("[data-unknown]"))) each.hidden = !writer.must_sign_in;
  said.focus();
  const mine = entry;
  listen((news) => {
    if (news.entry !== mine || !news.placed) return;
    const sent = /** @type {HTMLElement} */ (find("[data-sent]"));
    /** @type {HTMLAnchorElement} */ (sent.querySelector("a")).href = `/referrals/${news.placed}`;
    [said.hidden, sent.hidden] = [true, false];
  });
  tell({ added: true, wake: true });
}

/** What the server would miss: without a line it cannot say. @param {HTMLFormElement} here @returns {string[]} */
function missing(here) {
  const data = new FormData(here);
  const has = (/** @type {string} */ name) => String(data.get(name) ?? "").trim() !== "";
  const lack = NAMES.some(has) ? [] : ["family_name"];
  lack.push(...["exam_type", "question"].filter((name) => !has(name)));
  return [...lack, ...["organization_id", "reading_organization_id"].filter((name) => here.querySelector(`select[name=${name}]`) && !has(name))];
}

/** @param {HTMLFormElement} here @param {string[]} lack */
function refuse(here, lack) {
  here.querySelector("#errors")?.remove();
  const notice = document.createElement("div");
  Object.assign(notice, { className: "notice alarm", id: "errors", tabIndex: -1, role: "alert" });
  const list = document.createElement("ul");
  for (const name of lack) {
    const link = document.createElement("a");
    [link.href, link.textContent] = [`#f-${name}`, words.say(`lack_${name}`)];
    const line = document.createElement("li");
    line.append(link);
    list.append(line);
  }
  notice.append(list);
  here.querySelector(".page-head")?.after(notice);
  page.announce("");
  notice.focus();
}

/** @param {string} name @param {Document} came */
function swap(name, came) {
  const here = document.querySelector(name);
  const there = came.querySelector(name);
  if (here && there) here.replaceWith(there);
  else if (here) here.remove();
  else if (there) find("main")?.before(there);
}
