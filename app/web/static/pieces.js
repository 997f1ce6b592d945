// @ts-check
/**
 * One file by tus 1.0: in pieces as large as the line carries, each with its checksum, from wherever the server has it.
 * What a cut loses is at most one piece. By fetch, which the worker has too.
 */

const SMALLEST = 64 * 1024;
const LARGEST = 4 * 2 ** 20;
const QUICK_MS = 3_000;
const SLOW_MS = 8_000;
const STALLED_MS = 120_000;
const TUS = { "Tus-Resumable": "1.0.0" };
const OCTETS = { "Content-Type": "application/offset+octet-stream" };

let piece = 256 * 1024; // of all files: they share the line
let rate = 0; // bytes in a second, as of late

export const measured = () => rate;

/**
 * What is to be sent, and where the server has it, once it does.
 * @typedef {object} Way
 * @property {number} size
 * @property {(from: number, to: number) => Promise<Uint8Array<ArrayBuffer>>} read
 * @property {string} token
 * @property {string} url
 * @property {string} key the same for every try, so that a second one is no second upload
 * @property {number} first how much goes with the creation: the same at every try, too
 * @property {Record<string, string>} named
 * @property {AbortSignal} signal
 */

/** `status` is 0 where none came. @typedef {{status: number, offset: number, wait_s: number, said: {detail?: string, file_id?: string, reason_code?: string}, location: string}} Answer */

/** How much the server has. @typedef {(sent: number) => Promise<void>} Tell */

/**
 * Until all is recorded or something goes wrong; the last answer says which. Again, it goes on.
 * @param {Way} way @param {Tell} tell @returns {Promise<Answer>}
 */
export async function send(way, tell) {
  let answer = way.url ? await ask("HEAD", way, way.url, {}, null) : null;
  if (answer && (answer.status === 404 || answer.status === 410)) {
    Object.assign(way, { url: "", key: `${way.key}+`, first: 0 }); // it expired: another one
    answer = null;
  }
  answer ??= await create(way, tell);
  for (;;) {
    if (![200, 201, 204].includes(answer.status) || answer.offset < 0) return answer;
    await tell(answer.offset);
    if (answer.offset >= way.size || way.signal.aborted) return answer;
    answer = await append(way, answer.offset);
  }
}

/** @param {Answer} answer @param {number} size */
export const isWhole = (answer, size) => [200, 201, 204].includes(answer.status) && answer.offset === size;

/** With the first piece: a small file is one round trip. @param {Way} way @param {Tell} tell */
async function create(way, tell) {
  way.first ||= piece;
  await tell(0); // its key and its first piece are kept before anybody hears of it
  const bytes = await way.read(0, way.first);
  const metadata = Object.entries(way.named).map(([name, value]) => `${name} ${base64(new TextEncoder().encode(value))}`);
  const headers = { ...OCTETS, ...(await checksum(bytes)), "Upload-Length": String(way.size), "Upload-Metadata": metadata.join(","), "Idempotency-Key": way.key };
  const answer = await timed(() => ask("POST", way, "/uploads", headers, bytes), bytes.length);
  way.url = answer.location || way.url;
  return answer;
}

/** @param {Way} way @param {number} offset */
async function append(way, offset) {
  const bytes = await way.read(offset, Math.min(way.size, offset + piece));
  const headers = { ...OCTETS, ...(await checksum(bytes)), "Upload-Offset": String(offset) };
  return timed(() => ask("PATCH", way, way.url, headers, bytes), bytes.length);
}

/** The next piece is as large as this one says that the line carries. @param {() => Promise<Answer>} sent @param {number} bytes */
async function timed(sent, bytes) {
  const began = performance.now();
  const answer = await sent();
  const took = performance.now() - began;
  if (answer.status === 0 || took > SLOW_MS) piece = Math.max(SMALLEST, piece / 2);
  else if (took < QUICK_MS && bytes >= piece) piece = Math.min(LARGEST, piece * 2);
  if (answer.status && bytes > 16_000) rate = rate ? rate * 0.7 + ((bytes * 1000) / took) * 0.3 : (bytes * 1000) / took;
  return answer;
}

/** @param {Uint8Array<ArrayBuffer>} bytes @returns {Promise<Record<string, string>>} */
async function checksum(bytes) {
  return { "Upload-Checksum": `sha256 ${base64(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)))}` };
}

/** @param {Uint8Array} bytes */
const base64 = (bytes) => btoa(String.fromCharCode(...bytes));

/**
 * @param {string} method @param {Way} way @param {string} url @param {Record<string, string>} headers @param {Uint8Array<ArrayBuffer> | null} body
 * @returns {Promise<Answer>}
 */
async function ask(method, way, url, headers, body) {
  const given = { ...TUS, Accept: "application/json", Authorization: `Bearer ${way.token}`, ...headers };
  const signal = AbortSignal.any([way.signal, AbortSignal.timeout(STALLED_MS)]);
  try {
    const answer = await fetch(url, { method, headers: given, body, signal, credentials: "omit" });
    const said = answer.headers.get("Content-Type")?.includes("json") ? await answer.json().catch(() => ({})) : {};
    const offset = Number(answer.headers.get("Upload-Offset") ?? -1);
    return { status: answer.status, offset, wait_s: Number(answer.headers.get("Retry-After")) || 0, said, location: answer.headers.get("Location") ?? "" };
  } catch {
    return { status: 0, offset: -1, wait_s: 0, said: {}, location: "" };
  }
}

/** Ends one that nobody wants any more. @param {string} url @param {string} token */
export function end(url, token) {
  return fetch(url, { method: "DELETE", headers: { ...TUS, Authorization: `Bearer ${token}` }, credentials: "omit" }).catch(() => null);
}

/** The line of the file that came by it, or is to come. @param {string | undefined} url @returns {Promise<string>} */
export async function lineOf(url) {
  const answer = url ? await fetch(`/api/v1${url}`).catch(() => null) : null;
  return answer?.ok ? ((await answer.json()).file_id ?? "") : "";
}

/**
 * What an earlier outbox began and did not end, by name and size.
 * @param {string} referral @param {string} token @returns {Promise<Map<string, {url: string, sha256: string | null}>>}
 */
export async function unfinished(referral, token) {
  const found = new Map();
  let cursor = "";
  do {
    const headers = { Authorization: `Bearer ${token}` };
    const answer = await fetch(`/api/v1/uploads?limit=200&referral_id=${referral}${cursor}`, { headers, credentials: "omit" }).catch(() => null);
    if (!answer?.ok) break;
    const page = await answer.json();
    for (const one of page.items) found.set(`${one.name}|${one.size_bytes}`, { url: one.url, sha256: one.sha256 });
    cursor = page.next_cursor ? `&cursor=${page.next_cursor}` : "";
  } while (cursor);
  return found;
}
