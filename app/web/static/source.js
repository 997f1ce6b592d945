// @ts-check
/** Where a waiting file's bytes come from: sealed pieces on this device, or, until those are written, the file as it was chosen. */

import { change, get, put, putPiece, tell } from "./kept.js";
import { keyOf } from "./person.js";
import { opening, sealing } from "./seal.js";

/** @import { KeptFile, Person } from "./kept.js" */
/** @typedef {{head: () => Promise<ArrayBuffer>, bytes: (from: number, to: number) => Promise<Uint8Array<ArrayBuffer>>}} Source */

const PIECE = 2 ** 20;

/** @type {Map<string, Blob>} */
const held = new Map();

/** @param {KeptFile} file @param {Blob} chosen */
export const hold = (file, chosen) => held.set(file.id, chosen);

/**
 * Null where this tab or worker cannot read it: another one holds it, or it was closed before all was kept.
 * @param {KeptFile} file @returns {((key_of: string) => Promise<Source | "away" | "signed_out">) | null}
 */
export function sourceOf(file) {
  const chosen = held.get(file.id);
  if (!file.is_whole && !chosen) return null;
  return async (key_of) => {
    const key = await keyOf(key_of);
    if (typeof key === "string") return key;
    const open = await opening(key, file.e);
    const bytes = chosen
      ? async (/** @type {number} */ from, /** @type {number} */ to) => new Uint8Array(await chosen.slice(from, to).arrayBuffer())
      : (/** @type {number} */ from, /** @type {number} */ to) => joined(file, open, from, Math.min(to, file.size));
    return { head: () => open(0, file.head), bytes };
  };
}

/** @param {KeptFile} file @param {(n: number, bytes: Uint8Array) => Promise<ArrayBuffer>} open @param {number} from @param {number} to */
async function joined(file, open, from, to) {
  const bytes = new Uint8Array(to - from);
  for (let at = from; at < to; ) {
    const n = Math.floor(at / PIECE);
    const piece = new Uint8Array(await open(n + 1, await get("pieces", [file.id, n])));
    const part = piece.subarray(at - n * PIECE, to - n * PIECE);
    bytes.set(part, at - from);
    at += part.length;
  }
  return bytes;
}

/**
 * A line of its own at once, so that it is known even if nothing more of it is kept.
 * @param {Person} person @param {Omit<Partial<KeptFile>, "head"> & {head: object}} given
 */
export async function begin(person, { head, ...given }) {
  const { e, seal } = await sealing(person.seal);
  const plain = { rank: 1, is_whole: false, url: "", first: 0, sent: 0, tries: 0, next_at: 0, sentence: "", file_id: "", hopeless: false };
  const file = /** @type {KeptFile} */ ({ ...plain, ...given, e, head: await seal(0, new TextEncoder().encode(JSON.stringify(head))) });
  await put("files", file);
  return { file, seal };
}

/** Piece by piece; what was kept is there after a battery that ran out. @param {KeptFile} file @param {Blob} chosen @param {import("./seal.js").Sealed} seal */
export async function keep(file, chosen, seal) {
  for (let n = 0; n * PIECE < chosen.size; n++) {
    const piece = await chosen.slice(n * PIECE, (n + 1) * PIECE).arrayBuffer();
    if (!(await putPiece(file.id, n, await seal(n + 1, piece)))) break;
  }
  await change("files", file.id, { is_whole: true });
  held.delete(file.id);
  tell({ added: true }); // another tab can go on with it now
}
