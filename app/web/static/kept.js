// @ts-check
/** The outbox as this device keeps it: people, referrals, files and their pieces, in IndexedDB; every tab and the worker see the same. */

/**
 * Who wrote here, and by what it is sealed. `id` is "" for what nobody signed in has written.
 * @typedef {object} Person
 * @property {string} id
 * @property {string} name
 * @property {string} token that only sends; "" until the server was reached
 * @property {string} token_id
 * @property {string} expires_at
 * @property {CryptoKey} seal
 * @property {CryptoKey | null} open gone while the outbox is locked
 * @property {Uint8Array | null} wrapped the same, which opens by what the server gives out to this person alone
 * @property {boolean} is_here signed in last, and not signed out
 * @property {number} seen_at when they last did something here
 * @property {boolean} must_sign_in their token is good no more
 * @property {{id: string, name: string, night?: import("./night.js").Night}[]} organizations
 * @property {{id: string, name: string}[]} readers
 */

/**
 * A referral that was written here, or one at the server for which files wait.
 * @typedef {object} Kept
 * @property {string} id the key under which it is sent, however often
 * @property {string} person_id whose token sends it
 * @property {string} key_of whose seal it is under
 * @property {"writing" | "queued" | "placed" | "refused" | "discarded"} state
 * @property {{files: number, size_bytes: number, discarded_at: string}} [discarded]
 * @property {string} referral_id
 * @property {Uint8Array} e
 * @property {Uint8Array} text the fields of the form, sealed
 * @property {number} written_at
 * @property {number} tries
 * @property {number} next_at
 * @property {string[]} wrong the fields that need another look
 * @property {import("./night.js").Night | null} [night] clips wait for it
 * @property {number} placed_at
 */

/**
 * @typedef {object} KeptFile
 * @property {string} id
 * @property {string} entry_id
 * @property {"chosen" | "waiting" | "asks" | "retry" | "refused"} state
 * @property {number} rank
 * @property {string} [of] the file of which it is the preview
 * @property {string} [preview_url] where its own went
 * @property {number} [preview_until] it is being made until then, and nothing overtakes it
 * @property {number} size
 * @property {Uint8Array} e
 * @property {Uint8Array} head name, type and digest, sealed
 * @property {boolean} is_whole all of its pieces are here
 * @property {boolean} [is_right] somebody was shown the name in it, and said that it is this patient's
 * @property {string} url
 * @property {string} key
 * @property {number} first
 * @property {number} sent
 * @property {number} tries
 * @property {number} next_at
 * @property {string} sentence
 * @property {string} file_id the server's, of one it refused
 * @property {boolean} hopeless
 */

/** @typedef {"people" | "referrals" | "files" | "pieces" | "settings"} Store */

const NAME = "sonopost-outbox";
const STORES = /** @type {const} */ ({ people: "id", referrals: "id", files: "id", pieces: undefined, settings: undefined });

/** @type {Promise<IDBDatabase> | null} */
let opened = null;

/** @template T @param {IDBRequest<T>} request @returns {Promise<T>} */
const answer = (request) => new Promise((done, failed) => {
  request.onsuccess = () => done(request.result);
  request.onerror = () => failed(request.error);
});

function database() {
  opened ??= new Promise((done, failed) => {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => {
      for (const [store, key] of Object.entries(STORES)) request.result.createObjectStore(store, key ? { keyPath: key } : {});
    };
    request.onsuccess = () => {
      request.result.onversionchange = () => request.result.close();
      done(request.result);
    };
    request.onerror = () => failed(request.error);
  });
  return opened;
}

/** Settles once it is on disk: what was said to be kept survives a battery that runs out. @param {IDBTransaction} transaction @returns {Promise<void>} */
const committed = (transaction) => new Promise((done, failed) => {
  transaction.oncomplete = () => done();
  transaction.onabort = () => failed(transaction.error);
});

/** @param {Store} store @returns {Promise<any[]>} */
export async function all(store) {
  return answer((await database()).transaction(store).objectStore(store).getAll());
}

/** @param {Store} store @param {IDBValidKey} id @returns {Promise<any>} */
export async function get(store, id) {
  return answer((await database()).transaction(store).objectStore(store).get(id));
}

/** @param {Store} store @param {any} value @param {IDBValidKey} [id] */
export async function put(store, value, id) {
  const transaction = (await database()).transaction(store, "readwrite", { durability: "strict" });
  transaction.objectStore(store).put(value, id);
  await committed(transaction);
}

/** What others changed meanwhile stays; undefined where it is gone. @param {Store} store @param {string} id @param {Record<string, any>} newer @returns {Promise<any>} */
export async function change(store, id, newer) {
  const transaction = (await database()).transaction(store, "readwrite");
  const found = await answer(transaction.objectStore(store).get(id));
  if (found) transaction.objectStore(store).put(Object.assign(found, newer));
  await committed(transaction);
  return found;
}

/** A piece of a file that still waits; false once it went, or was taken off. @param {string} file_id @param {number} n @param {Uint8Array} piece */
export async function putPiece(file_id, n, piece) {
  const transaction = (await database()).transaction(["files", "pieces"], "readwrite", { durability: "strict" });
  const waits = await answer(transaction.objectStore("files").count(file_id));
  if (waits) transaction.objectStore("pieces").put(piece, [file_id, n]);
  await committed(transaction);
  return Boolean(waits);
}

/** In this order files leave, each by its rank: small stills, previews, other files, clips. */
export const [STILL, PREVIEW, OTHER, CLIP] = [0, 0.5, 1, 2];

/** The key of a file's preview, which waits beside it. @param {string} id */
export const previewKey = (id) => `${id}-preview`;

/** A file with all of its pieces, and its preview. @param {string} id */
export async function dropFile(id) {
  const transaction = (await database()).transaction(["files", "pieces"], "readwrite");
  for (const each of [id, previewKey(id)]) {
    transaction.objectStore("files").delete(each);
    transaction.objectStore("pieces").delete(IDBKeyRange.bound([each], [each, []]));
  }
  await committed(transaction);
}

/** A referral with all that waits for it. @param {string} id */
export async function dropEntry(id) {
  for (const file of await filesOf(id)) await dropFile(file.id);
  const transaction = (await database()).transaction("referrals", "readwrite");
  transaction.objectStore("referrals").delete(id);
  await committed(transaction);
}

/** @param {string} entry_id @returns {Promise<KeptFile[]>} */
export async function filesOf(entry_id) {
  return (await all("files")).filter((file) => file.entry_id === entry_id);
}

const channel = "BroadcastChannel" in globalThis ? new BroadcastChannel(NAME) : null;

/** To every tab, this one too, and to the worker. @param {Record<string, any>} news */
export function tell(news) {
  channel?.postMessage(news);
}

/** @param {(news: any) => void} heard */
export function listen(heard) {
  if (channel) new BroadcastChannel(NAME).addEventListener("message", (event) => heard(event.data));
}
