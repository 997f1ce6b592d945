// @ts-check
/** What sending is going to take: how much, how long at the rate measured, what it costs where the line is slow or metered. */

import { change, CLIP, get, tell } from "./kept.js";
import { hours, opensIn } from "./night.js";
import { size, words } from "./rows.js";

/** @import { Kept, Person } from "./kept.js" */
/** @import { Night } from "./night.js" */
/** @import { Item } from "./rows.js" */

const SLOW_BYTES_PER_S = 100_000;

const find = (/** @type {string} */ name) => /** @type {HTMLElement | null} */ (document.querySelector(name));

/** @param {Item[]} items what is still to go @param {() => Promise<Kept[]>} entries of this page, as they are then @param {Night | undefined} night */
export async function showPlan(items, entries, night) {
  const line = find("[data-plan]");
  if (!line) return;
  line.hidden = !items.length;
  if (!items.length) return;
  const bytes = items.reduce((sum, item) => sum + item.size * (1 - item.sent), 0);
  const rate = Number((await get("settings", "rate")) ?? 0);
  const said = [words.say("plan", { n: items.length, size: size(bytes) })];
  if (rate) said.push(words.say(bytes / rate > 90 ? "plan_minutes" : "plan_soon", { minutes: Math.ceil(bytes / rate / 60), rate: size(rate) }));
  if (isDear(rate)) said.push(words.say("plan_dear", { size: size(bytes) }));
  const text = /** @type {HTMLElement} */ (line.querySelector("[data-text]"));
  if (text.textContent !== said.join(" ")) text.textContent = said.join(" ");
  await offerNight(line, items.some((item) => item.rank === CLIP), entries, night);
}

/** @param {number} rate */
function isDear(rate) {
  const line = /** @type {any} */ (navigator).connection;
  return Boolean(line && (line.saveData || line.type === "cellular" || ["slow-2g", "2g", "3g"].includes(line.effectiveType))) || (rate > 0 && rate < SLOW_BYTES_PER_S);
}

/** Stills now, clips when the line is cheap and nobody waits for it; or all now after all. @param {HTMLElement} line @param {boolean} hasClips @param {() => Promise<Kept[]>} entries @param {Night | undefined} night */
async function offerNight(line, hasClips, entries, night) {
  const [offer, waits] = /** @type {HTMLElement[]} */ ([...line.querySelectorAll("[data-night], [data-waits]")]);
  const putOff = (await entries()).find((entry) => opensIn(entry.night))?.night;
  offer.hidden = !hasClips || Boolean(putOff) || !opensIn(night);
  waits.hidden = !hasClips || !putOff;
  const [late, now] = [/** @type {HTMLButtonElement} */ (offer.querySelector("button")), /** @type {HTMLButtonElement} */ (waits.querySelector("button"))];
  if (night) late.textContent = words.say("night", hours(night));
  if (putOff) /** @type {HTMLElement} */ (waits.querySelector("[data-text]")).textContent = words.say("night_waits", hours(putOff));
  late.onclick = () => void putOffTo(night ?? null, entries);
  now.onclick = () => void putOffTo(null, entries);
}

/** @param {Night | null} night @param {() => Promise<Kept[]>} entries */
async function putOffTo(night, entries) {
  for (const { id } of await entries()) await change("referrals", id, { night });
  tell({ added: true, night: true });
}

/** The hours of the organization for which it is sent: as the page says, else as this device has them. @param {Person} person @returns {Night | undefined} */
export function nightHere(person) {
  const given = find("[data-upload]")?.dataset.nights;
  /** @type {[string, Night | undefined][]} */
  const nights = given ? Object.entries(JSON.parse(given)) : person.organizations.map((one) => [one.id, one.night]);
  const chosen = /** @type {HTMLSelectElement | null} */ (find("#referral-form [name=organization_id]"))?.value;
  return (nights.find(([id]) => id === chosen) ?? nights[0])?.[1];
}
