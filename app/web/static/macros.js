// @ts-check
/** Short texts: a dot, a word and a space become what they stand for, in every field of a report. */

const CALLED = /(^|[\s(])\.([\p{L}\p{N}_][\p{L}\p{N}_-]*)(\s)$/u;

/** @param {HTMLFormElement} form @param {Record<string, string>} texts by word */
export function listen(form, texts) {
  /** @type {HTMLTextAreaElement | null} */
  let last = null;
  form.addEventListener("focusin", (event) => {
    const field = /** @type {HTMLElement} */ (event.target);
    if (field instanceof HTMLTextAreaElement) last = field;
  });
  form.addEventListener("input", (event) => {
    const field = /** @type {HTMLInputElement} */ (event.target);
    if (!field.matches("textarea, .long, .more") || field.selectionEnd == null) return;
    const found = CALLED.exec(field.value.slice(0, field.selectionEnd));
    const text = found && texts[found[2].toLowerCase()];
    if (text) field.setRangeText(`${found[1]}${text}${found[3]}`, field.selectionEnd - found[0].length, field.selectionEnd, "end");
  }, true); // before it is kept
  form.addEventListener("click", (event) => {
    const word = /** @type {HTMLElement} */ (event.target).dataset.word;
    const field = last ?? form.querySelector("textarea");
    if (!word || !field) return;
    field.setRangeText(texts[word], field.selectionStart, field.selectionEnd, "end");
    field.dispatchEvent(new Event("input", { bubbles: true }));
    field.focus();
  });
}
