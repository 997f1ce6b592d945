// @ts-check
/** A line goes into the findings, where the caret stands, in whichever window they are. */

/** @param {Record<string, string>} lines by the language of the report */
export function insert(lines) {
  if (document.documentElement.dataset.apart !== undefined) {
    document.dispatchEvent(new CustomEvent("insert-apart", { detail: lines }));
    return;
  }
  const line = lines[/** @type {any} */ (document.getElementById("write"))?.language.value.slice(0, 2)] ?? lines.en;
  const area = /** @type {HTMLTextAreaElement | null} */ (document.getElementById("findings"));
  if (!area || area.readOnly) return;
  const before = area.value.slice(0, area.selectionEnd).replace(/\n?$/, (end) => end || (area.value ? "\n" : ""));
  area.setRangeText(`${before}${line}\n`, 0, area.selectionEnd, "end");
  area.dispatchEvent(new Event("input", { bubbles: true }));
}
