// @ts-check
/** What a DICOM file says of itself before it leaves, by its first 256 kB: whose it is, when it was taken, how many frames. */

const HEAD_BYTES = 256 * 1024;
const PARSER = "/static/vendor/dicomParser.min.js";
const PIXELS = "x7fe00010";
// PS3.3 C.12.1.1.2; the others a browser reads as it reads the first.
const CHARSETS = /** @type {Record<string, string>} */ ({
  "ISO_IR 192": "utf-8", "ISO_IR 101": "iso-8859-2", "ISO_IR 109": "iso-8859-3", "ISO_IR 110": "iso-8859-4", "ISO_IR 144": "iso-8859-5",
  "ISO_IR 127": "iso-8859-6", "ISO_IR 126": "iso-8859-7", "ISO_IR 138": "iso-8859-8", "ISO_IR 148": "iso-8859-9", GB18030: "gb18030", GBK: "gbk",
});
// As the service has them: what operators type to get on with it says nothing.
const NOTHING = new Set((
  "anon anonymous anonymized anonymised test tests unknown unbekannt inconnu none na n/a noname name patient "
  + "demo phantom temp emergency xxx xxxx 0 00 000 0000 1 12 123 1234 12345 123456 99999 999999").split(" "));

/** @typedef {{name: string, born: string, taken: string, frames: number}} Says */
/** Names in their spellings, and the digits of a birth date as far as it is known. @typedef {{names: string[], born: string}} Whose */

/** @type {Promise<any> | null} */
let parser = null;

/** Fetched once somebody chooses a file: most pages never need it. */
function loaded() {
  parser ??= new Promise((done, failed) => {
    const script = document.createElement("script");
    script.src = PARSER;
    script.onload = () => done(/** @type {any} */ (globalThis).dicomParser);
    script.onerror = () => {
      parser = null;
      failed(new Error(PARSER));
    };
    document.head.append(script);
  });
  return parser;
}

/** Null where it is no DICOM file, or none that can be read so far. @param {File} file @returns {Promise<Says | null>} */
export async function look(file) {
  try {
    const head = new Uint8Array(await file.slice(0, HEAD_BYTES).arrayBuffer());
    if (new TextDecoder("latin1").decode(head.subarray(128, 132)) !== "DICM") return null; // PS3.10 7.1
    return read(await loaded(), head);
  } catch {
    return null; // the service looks at all of it
  }
}

/** @param {any} dicom @param {Uint8Array} head @returns {Says} */
function read(dicom, head) {
  const found = parsed(dicom, head);
  const charset = CHARSETS[(found.string("x00080005") ?? "").split("\\").at(-1)?.trim()] ?? "latin1";
  const text = (/** @type {string} */ tag) => {
    const element = found.elements[tag];
    return element ? new TextDecoder(charset).decode(head.subarray(element.dataOffset, element.dataOffset + element.length)).replace(/[\0 ]+$/, "") : "";
  };
  return { name: text("x00100010"), born: text("x00100030"), taken: text("x00080020"), frames: Number(found.intString("x00280008") ?? 1) };
}

/** What it had read before the file was cut off is good. @param {any} dicom @param {Uint8Array} head */
function parsed(dicom, head) {
  try {
    return dicom.parseDicom(head, { untilTag: PIXELS });
  } catch (/** @type {any} */ failure) {
    if (failure?.dataSet) return failure.dataSet;
    throw failure;
  }
}

/** In one spelling, as the service compares names. @param {string} text */
const fold = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase().replace(/[^\p{L}\p{N}_/]+/gu, " ").trim();

/** @param {string} text */
const isNothing = (text) => fold(text).split(" ").every((word) => !word || NOTHING.has(word));

/** Whether the file names somebody else than the form; blanks and placeholders are nobody else. @param {Says} says @param {Whose} whose */
export function namesAnother(says, whose) {
  const [born, theirs] = [whose.born.replace(/\D/g, ""), says.born.replace(/\D/g, "")];
  if (born && theirs && !isNothing(theirs) && !born.startsWith(theirs) && !theirs.startsWith(born)) return true;
  const ours = whose.names.filter((name) => fold(name));
  if (!ours.length || isNothing(ours.join(" ")) || isNothing(says.name)) return false;
  const groups = says.name.split("=").filter((group) => fold(group)); // PS3.5 6.2.1.2
  return !ours.some((name) => groups.some((group) => agree(fold(name).split(" "), fold(group).split(" "))));
}

/** Every word of the shorter name stands in the longer one. @param {string[]} one @param {string[]} other */
function agree(one, other) {
  const [shorter, longer] = [new Set(one), new Set(other)].sort((a, b) => a.size - b.size);
  return [...shorter].every((word) => longer.has(word));
}

/** 'OTIENO Jane, 1990-04-03', for the question about it. @param {Says} says */
export function named(says) {
  const born = /^\d{8}$/.test(says.born) ? `${says.born.slice(0, 4)}-${says.born.slice(4, 6)}-${says.born.slice(6)}` : says.born;
  return [says.name.split("=")[0].replaceAll("^", " ").trim(), born].filter(Boolean).join(", ");
}

/** Whom the form or the page is about, as it stands now. @param {HTMLElement | null} panel @param {HTMLFormElement | null} form @returns {Whose} */
export function whoseHere(panel, form) {
  if (!form) return JSON.parse(panel?.dataset.patient ?? '{"names": [], "born": ""}');
  const data = new FormData(form);
  const value = (/** @type {string} */ name) => String(data.get(name) ?? "").trim();
  if (value("name_unknown")) return { names: [], born: "" };
  const day = value("birth_month") && value("birth_day").padStart(2, "0");
  const born = value("birth_year") && value("birth_year") + value("birth_month") + (value("birth_day") ? day : "");
  return { names: [`${value("family_name")} ${value("given_name")}`, value("name_local")], born };
}
