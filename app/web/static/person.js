// @ts-check
/** Whose outbox it is: each person's own on a shared device, open while they are signed in, locked and still sending after. */

import { all, change, get, put, tell } from "./kept.js";
import { pair, unwrap, wrap } from "./seal.js";

/** @import { Person } from "./kept.js" */

const SOON_MS = 10 * 24 * 3_600_000; // a token that ends sooner is changed for another
const IDLE_MS = 3_600_000; // as the service ends a sign-in that nobody uses
const NOBODY = "";

/** Whose page this is; "" where it is nobody's. */
export const signedIn = () => /** @type {HTMLMetaElement | null} */ (document.querySelector('meta[name="sonopost-person"]'))?.content ?? NOBODY;

/** Whoever writes on this page: who is signed in, or was last and did not sign out; else nobody, who has an outbox too. @returns {Promise<Person>} */
export async function writer() {
  const id = signedIn();
  const renewing = id && ready(id);
  if (id && !(await get("people", id))?.open) await renewing;
  /** @type {Person[]} */
  const known = await all("people");
  const found = id ? known.find((one) => one.id === id) : known.find((one) => one.is_here);
  return found ?? known.find((one) => one.id === NOBODY) ?? stranger(NOBODY);
}

/** The token and the key of the person who is signed in, asked for before they are needed. @param {string} id */
export function ready(id) {
  return navigator.locks.request("sonopost-person", async () => {
    /** @type {Person[]} */
    const known = await all("people");
    for (const other of known.filter((one) => one.id !== id && (one.is_here || (one.open && one.wrapped)))) await lock(other);
    const mine = known.find((one) => one.id === id);
    if (mine && isGood(mine)) return change("people", id, { is_here: true, seen_at: Date.now() });
    await renew(id, mine);
  });
}

/** @param {Person} one */
const isGood = (one) => one.open && one.wrapped && one.token && !one.must_sign_in && Date.parse(one.expires_at) - Date.now() > SOON_MS;

/** @param {string} id @param {Person | undefined} mine */
async function renew(id, mine) {
  const asked = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ replaces: mine?.token_id || null }), signal: AbortSignal.timeout(20_000) };
  const answer = await fetch("/api/v1/outbox/key", asked).catch(() => null);
  if (!answer?.ok) return mine ?? stranger(id); // it is sealed all the same, and locked once the server is there
  const given = await answer.json();
  const key = Uint8Array.from(atob(given.lock), (each) => each.charCodeAt(0));
  const keys = !mine ? await pair(key) : { seal: mine.seal, ...(await opened(mine, key)) };
  const { person_id, name, token, token_id, expires_at, organizations, readers } = given;
  await put("people", { id: person_id, name, token, token_id, expires_at, organizations, readers, ...keys, is_here: true, must_sign_in: false, seen_at: Date.now() });
  tell({ wake: true });
}

/** @param {Person} mine @param {Uint8Array<ArrayBuffer>} key */
async function opened(mine, key) {
  if (!mine.wrapped) return wrap(/** @type {CryptoKey} */ (mine.open), key);
  return { open: await unwrap(mine.wrapped, key), wrapped: mine.wrapped };
}

/** @param {string} id @returns {Promise<Person>} */
async function stranger(id) {
  const made = { id, name: "", token: "", token_id: "", expires_at: "", organizations: [], readers: [], is_here: Boolean(id), must_sign_in: true, seen_at: Date.now(), ...(await pair(null)) };
  await put("people", made);
  return made;
}

/** Nobody reads it here from now on; it goes on sending. What the server never locked stays open, or it were lost. @param {Person} one */
export function lock(one) {
  return change("people", one.id, { is_here: false, ...(one.wrapped && { open: null }) });
}

/** Whoever went away without signing out is still the author of what is written here; nobody reads what they wrote. */
export async function lockIdle() {
  for (const one of /** @type {Person[]} */ (await all("people"))) {
    if (one.open && one.wrapped && one.id !== signedIn() && Date.now() - one.seen_at > IDLE_MS) await change("people", one.id, { open: null });
  }
}

/** Signing out. */
export async function lockAll() {
  for (const one of await all("people")) await lock(one);
}

/** @type {Map<string, CryptoKey>} */
const opens = new Map(); // of this tab or worker alone, for sending

/** The key of somebody's outbox; "away" without a link, "signed_out" when only its author can go on. @param {string} id @returns {Promise<CryptoKey | "away" | "signed_out">} */
export async function keyOf(id) {
  /** @type {Person | undefined} */
  const one = await get("people", id);
  const here = one?.open ?? opens.get(id);
  if (here) return here;
  if (!one?.wrapped || !one.token) return "signed_out";
  const answer = await fetch("/api/v1/outbox/lock", { headers: { Authorization: `Bearer ${one.token}` }, credentials: "omit" }).catch(() => null);
  if (answer?.status === 401) return "signed_out";
  if (!answer?.ok) return "away";
  const key = await unwrap(one.wrapped, Uint8Array.from(atob((await answer.json()).lock), (each) => each.charCodeAt(0)));
  opens.set(id, key);
  return key;
}
