// @ts-check
/** The words of the reading room, as the page brings them in the reader's language. */

/** @type {Record<string, string>} */
export const words = JSON.parse(document.getElementById("words")?.textContent ?? "{}");

/** @param {string} name @param {Record<string, string | number>} [given] */
export const say = (name, given = {}) => (words[name] ?? "").replace(/\{(\w+)\}/g, (_all, key) => String(given[key]));

const DIGITS = /** @type {Record<string, number>} */ ({ mm: 1, cm2: 2, deg: 1, "cm/s": 1 });
const SIGNS = /** @type {Record<string, string>} */ ({ cm2: " cm²", deg: "°", px2: " px²", "/min": "/min" });

/** '54.0 mm', '≈ 12.00 cm²'. @param {{value: number | null, unit: string, approximate?: boolean}} measured */
export function quantity({ value, unit, approximate }) {
  if (value === null) return "";
  return `${approximate ? "≈ " : ""}${value.toFixed(DIGITS[unit] ?? 0)}${SIGNS[unit] ?? ` ${unit}`}`;
}
