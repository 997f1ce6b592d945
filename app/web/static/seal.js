// @ts-check
/**
 * What waits on a shared device is sealed: written by anybody, opened only by its author's key. While they are signed
 * in the key lies here; once they signed out it opens only by what the server gives out under their token.
 */

const CURVE = { name: "ECDH", namedCurve: "P-256" };
const IV = 12;
const text = new TextEncoder();

/** Without `lock`, the server was not reached yet: it is wrapped once it is. @param {Uint8Array<ArrayBuffer> | null} lock */
export async function pair(lock) {
  const made = await crypto.subtle.generateKey(CURVE, true, ["deriveBits"]);
  return { seal: made.publicKey, ...(await wrap(made.privateKey, lock)) };
}

/** @param {CryptoKey} open @param {Uint8Array<ArrayBuffer> | null} lock */
export async function wrap(open, lock) {
  if (!lock) return { open, wrapped: null };
  const bytes = await crypto.subtle.exportKey("pkcs8", open);
  const iv = crypto.getRandomValues(new Uint8Array(IV));
  const sealed = new Uint8Array(await crypto.subtle.encrypt({ name: "AES-GCM", iv }, await locking(lock), bytes));
  const wrapped = new Uint8Array(IV + sealed.length);
  wrapped.set(iv);
  wrapped.set(sealed, IV);
  return { open: await crypto.subtle.importKey("pkcs8", bytes, CURVE, false, ["deriveBits"]), wrapped };
}

/** @param {Uint8Array} wrapped @param {Uint8Array<ArrayBuffer>} lock */
export async function unwrap(wrapped, lock) {
  const bytes = await crypto.subtle.decrypt({ name: "AES-GCM", iv: wrapped.slice(0, IV) }, await locking(lock), wrapped.slice(IV));
  return crypto.subtle.importKey("pkcs8", bytes, CURVE, false, ["deriveBits"]);
}

/** @param {Uint8Array<ArrayBuffer>} lock */
const locking = (lock) => crypto.subtle.importKey("raw", lock, "AES-GCM", false, ["encrypt", "decrypt"]);

/** @typedef {(n: number, bytes: BufferSource) => Promise<Uint8Array<ArrayBuffer>>} Sealed of each `n` once */

/** A key for one referral or one file; `e` is kept beside it. @param {CryptoKey} seal @returns {Promise<{e: Uint8Array<ArrayBuffer>, seal: Sealed}>} */
export async function sealing(seal) {
  const once = await crypto.subtle.generateKey(CURVE, true, ["deriveBits"]);
  const e = new Uint8Array(await crypto.subtle.exportKey("raw", once.publicKey));
  const key = await shared(once.privateKey, seal, e);
  return { e, seal: async (n, bytes) => new Uint8Array(await crypto.subtle.encrypt({ name: "AES-GCM", iv: counted(n) }, key, bytes)) };
}

/** @param {CryptoKey} open @param {Uint8Array} e @returns {Promise<(n: number, bytes: Uint8Array) => Promise<ArrayBuffer>>} */
export async function opening(open, e) {
  const raw = new Uint8Array(e);
  const key = await shared(open, await crypto.subtle.importKey("raw", raw, CURVE, true, []), raw);
  return (n, bytes) => crypto.subtle.decrypt({ name: "AES-GCM", iv: counted(n) }, key, new Uint8Array(bytes));
}

/** @param {CryptoKey} open @param {CryptoKey} other @param {Uint8Array<ArrayBuffer>} e */
async function shared(open, other, e) {
  const bits = await crypto.subtle.deriveBits({ name: "ECDH", public: other }, open, 256);
  const from = await crypto.subtle.importKey("raw", bits, "HKDF", false, ["deriveKey"]);
  const how = { name: "HKDF", hash: "SHA-256", salt: e, info: text.encode("sonopost outbox") };
  return crypto.subtle.deriveKey(how, from, { name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
}

/** Each key counts its pieces: no vector comes twice under one. @param {number} n */
function counted(n) {
  const iv = new Uint8Array(IV);
  new DataView(iv.buffer).setUint32(IV - 4, n);
  return iv;
}
