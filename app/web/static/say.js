// @ts-check
/** The words of the reading room, as the page brings them in the reader's language. */

/** @typedef {Record<string, string>} Words */

const read = (/** @type {string} */ id) => JSON.parse(document.getElementById(id)?.textContent ?? "{}");

/** @type {Words} */
export const words = read("words");

/** @param {string} name @param {Record<string, string | number>} [given] */
export const say = (name, given = {}, from = words) => (from[name] ?? "").replace(/\{(\w+)\}/g, (_all, key) => String(given[key]));

/** One line in each language that a report is written in. @param {(from: Words, code: string) => string} line @returns {Record<string, string>} */
export const inEach = (line) => Object.fromEntries(Object.entries(read("written")).map(([code, from]) => [code, line(from, code)]));

const DIGITS = /** @type {Record<string, number>} */ ({ mm: 1, cm2: 2, deg: 1, "cm/s": 1 });
const SIGNS = /** @type {Record<string, string>} */ ({ cm2: " cm²", deg: "°", px2: " px²", "/min": "/min" });

/** '54.0 mm', '≈ 12.00 cm²'. @param {{value: number | null, unit: string, approximate?: boolean}} measured */
export function quantity({ value, unit, approximate }, from = words) {
  if (value === null) return "";
  return `${approximate ? "≈ " : ""}${value.toFixed(DIGITS[unit] ?? 0).replace(".", from.decimal ?? ".")}${SIGNS[unit] ?? ` ${unit}`}`;
}
