// @ts-check
/** The sign-in has ended: it is begun again over the page, and what was typed stays where it is. */

const dialog = /** @type {HTMLDialogElement | null} */ (document.getElementById("again"));
const form = /** @type {HTMLFormElement | null} */ (dialog?.querySelector("form") ?? null);
/** @type {Promise<boolean> | null} */
let asking = null;

/** True once the same person is signed in again; false where the dialog was closed. */
export function signedInAgain() {
  asking ??= ask().finally(() => (asking = null));
  return asking;
}

/** @returns {Promise<boolean>} */
function ask() {
  if (!dialog || !form) return Promise.resolve(false);
  const said = /** @type {HTMLElement} */ (dialog.querySelector(".wrong"));
  const code = /** @type {HTMLElement} */ (dialog.querySelector(".code"));
  said.hidden = true;
  dialog.showModal();
  return new Promise((done) => {
    const close = () => done(false);
    const submit = async (/** @type {SubmitEvent} */ event) => {
      event.preventDefault();
      const found = await attempt(new FormData(form));
      if (found === "") {
        form.removeEventListener("submit", submit);
        dialog.removeEventListener("close", close);
        form.reset();
        dialog.close();
        done(true);
        return;
      }
      code.hidden &&= !found.wantsCode;
      said.textContent = found.sentence;
      said.hidden = false;
    };
    form.addEventListener("submit", submit);
    dialog.addEventListener("close", close, { once: true });
  });
}

/** '' when the page's own person is in again, else what to say. @param {FormData} given */
async function attempt(given) {
  const body = new URLSearchParams(/** @type {any} */ (given));
  const answer = await fetch("/sign-in", { method: "POST", headers: { "HX-Request": "true" }, body }).catch(() => null);
  if (!answer) return { sentence: dialog?.dataset.away ?? "", wantsCode: false };
  if (!answer.ok) {
    const part = new DOMParser().parseFromString(await answer.text(), "text/html");
    const sentence = part.querySelector("[role=alert]")?.textContent?.trim() || dialog?.dataset.away || "";
    return { sentence, wantsCode: Boolean(part.querySelector("[name=code]")) };
  }
  const me = await fetch("/api/v1/me").then((found) => found.json()).catch(() => ({}));
  return me.person_id === document.body.dataset.person ? "" : { sentence: dialog?.dataset.other ?? "", wantsCode: false };
}
