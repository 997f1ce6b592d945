// @ts-check
/** What sending is going to take: how much, how long at the rate measured, what it costs where the line is slow or metered. */

import { change, get, tell } from "./kept.js";
import { size, words } from "./rows.js";

/** @import { Item } from "./rows.js" */

const SLOW_BYTES_PER_S = 100_000;
const EVENING_H = 20;
const MORNING_H = 6;
const CLIP = 2;

const find = (/** @type {string} */ name) => /** @type {HTMLElement | null} */ (document.querySelector(name));

/** @param {Item[]} items what is still to go @param {string[]} entries of this page */
export async function showPlan(items, entries) {
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
  await offerTonight(/** @type {HTMLElement} */ (line.querySelector("[data-tonight]")), items, entries);
}

/** @param {number} rate */
function isDear(rate) {
  const line = /** @type {any} */ (navigator).connection;
  return Boolean(line && (line.saveData || line.type === "cellular" || ["slow-2g", "2g", "3g"].includes(line.effectiveType))) || (rate > 0 && rate < SLOW_BYTES_PER_S);
}

/** Stills now, clips when the line is cheap and nobody waits for it. @param {HTMLElement} offer @param {Item[]} items @param {string[]} entries */
async function offerTonight(offer, items, entries) {
  const hour = new Date().getHours();
  offer.hidden = !items.some((item) => item.rank === CLIP) || hour >= EVENING_H || hour < MORNING_H;
  const box = /** @type {HTMLInputElement} */ (offer.querySelector("input"));
  const kept = await Promise.all(entries.map((id) => get("referrals", id)));
  box.checked = kept.some((entry) => entry?.clips_at > Date.now());
  box.onchange = async () => {
    const at = box.checked ? new Date().setHours(EVENING_H, 0, 0, 0) : 0;
    for (const id of entries) await change("referrals", id, { clips_at: at });
    tell({ added: true, tonight: box.checked });
  };
}

