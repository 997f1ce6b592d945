/**
 * One file by tus 1.0: in pieces as large as the line carries, each with its checksum, from wherever the server has it.
 * What a cut loses is at most one piece, and a page that was closed goes on with the same file where it stopped.
 */

const SMALLEST = 64 * 1024;
const LARGEST = 4 * 2 ** 20;
const QUICK_MS = 3_000;
const SLOW_MS = 8_000;
const STALLED_MS = 90_000;
const TUS = { "Tus-Resumable": "1.0.0" };
const OCTETS = { "Content-Type": "application/offset+octet-stream" };

let piece = 256 * 1024; // of all files: they share the line

/**
 * What is to be sent, and where the server has it, once it does.
 * @typedef {object} Way
 * @property {File} file
 * @property {string} url
 * @property {string} key the same for every try, so that a second one is no second upload
 * @property {number} first how much goes with the creation: the same at every try, too
 * @property {Record<string, string>} named
 */

/** Bytes with the server, and whether it has all and works on them. @typedef {(sent: number) => void} Tell */

/**
 * Until all is recorded or something goes wrong; the last answer says which. Again, it goes on.
 * @param {Way} way @param {Tell} tell @returns {Promise<XMLHttpRequest>}
 */
export async function send(way, tell) {
  let answer = way.url ? await look(way) : null;
  if (answer && (answer.status === 404 || answer.status === 410)) {
    Object.assign(way, { url: "", key: `${way.key}+`, first: 0 }); // it expired: another one
    answer = null;
  }
  answer ??= await create(way, tell);
  for (;;) {
    const offset = Number(answer.getResponseHeader("Upload-Offset") ?? -1);
    if (![200, 201, 204].includes(answer.status) || offset < 0 || offset >= way.file.size) return answer;
    answer = await append(way, offset, tell);
  }
}

/** @param {XMLHttpRequest} answer @param {File} file */
export const isWhole = (answer, file) => [200, 201, 204].includes(answer.status) && Number(answer.getResponseHeader("Upload-Offset")) === file.size;

/** With the first piece: a small file is one round trip. @param {Way} way @param {Tell} tell */
async function create(way, tell) {
  way.first ||= piece;
  const bytes = way.file.slice(0, way.first);
  const metadata = Object.entries(way.named).map(([name, value]) => `${name} ${base64(new TextEncoder().encode(value))}`);
  const headers = { ...OCTETS, ...(await checksum(bytes)), "Upload-Length": String(way.file.size), "Upload-Metadata": metadata.join(","), "Idempotency-Key": way.key };
  const answer = await ask("POST", "/uploads", headers, bytes, (sent) => tell(sent));
  way.url = answer.getResponseHeader("Location") ?? way.url;
  return answer;
}

/** @param {Way} way */
const look = (way) => ask("HEAD", way.url, {}, null, () => {});

/** @param {Way} way @param {number} offset @param {Tell} tell */
async function append(way, offset, tell) {
  const bytes = way.file.slice(offset, offset + piece);
  const began = performance.now();
  const headers = { ...OCTETS, ...(await checksum(bytes)), "Upload-Offset": String(offset) };
  const answer = await ask("PATCH", way.url, headers, bytes, (sent) => tell(offset + sent));
  const took = performance.now() - began;
  if (answer.status === 204 && took < QUICK_MS) piece = Math.min(LARGEST, piece * 2);
  else if (answer.status === 0 || took > SLOW_MS) piece = Math.max(SMALLEST, piece / 2);
  return answer;
}

/** crypto.subtle is only there in secure contexts. @param {Blob} bytes @returns {Promise<Record<string, string>>} */
async function checksum(bytes) {
  if (!crypto.subtle) return {};
  const sum = await crypto.subtle.digest("SHA-256", await bytes.arrayBuffer());
  return { "Upload-Checksum": `sha256 ${base64(new Uint8Array(sum))}` };
}

/** @param {Uint8Array} bytes */
const base64 = (bytes) => btoa(String.fromCharCode(...bytes));

/**
 * By XMLHttpRequest: fetch tells nothing of an upload's progress. Status 0 where no answer came.
 * @param {string} method @param {string} url @param {Record<string, string>} headers @param {Blob | null} body @param {Tell} tell
 * @returns {Promise<XMLHttpRequest>}
 */
function ask(method, url, headers, body, tell) {
  return new Promise((done) => {
    const request = new XMLHttpRequest();
    request.open(method, url);
    for (const [name, value] of Object.entries({ ...TUS, Accept: "application/json", ...headers })) request.setRequestHeader(name, value);
    let watch = setTimeout(() => request.abort(), STALLED_MS);
    request.upload.addEventListener("progress", (event) => {
      clearTimeout(watch);
      watch = setTimeout(() => request.abort(), STALLED_MS);
      tell(event.loaded);
    });
    request.upload.addEventListener("load", () => {
      clearTimeout(watch); // from here on the server works
      tell(body?.size ?? 0);
    });
    request.addEventListener("loadend", () => {
      clearTimeout(watch);
      done(request);
    });
    request.send(body);
  });
}

/**
 * What an earlier page began and did not end, by name and size.
 * @param {string} referral @returns {Promise<Map<string, {url: string, sha256: string | null}>>}
 */
export async function unfinished(referral) {
  const found = new Map();
  let cursor = "";
  do {
    const answer = await fetch(`/api/v1/uploads?limit=200&referral_id=${referral}${cursor}`).catch(() => null);
    if (!answer?.ok) break;
    const page = await answer.json();
    for (const one of page.items) found.set(`${one.name}|${one.size_bytes}`, { url: one.url, sha256: one.sha256 });
    cursor = page.next_cursor ? `&cursor=${page.next_cursor}` : "";
  } while (cursor);
  return found;
}
