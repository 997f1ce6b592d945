// @ts-check
/** Sign with a passkey: the device signs what this page shows, and the form goes off with its answer. */

import { answered, asked } from "./passkey.js";

const place = /** @type {HTMLElement | null} */ (document.querySelector("[data-passkey]"));
const form = /** @type {HTMLFormElement | null} */ (place?.closest("form"));

if (place && form && window.PublicKeyCredential) {
  place.hidden = false;
  const button = /** @type {HTMLButtonElement} */ (place.querySelector("button"));
  const wrong = /** @type {HTMLElement} */ (place.querySelector(".wrong"));
  const field = (/** @type {string} */ name) => /** @type {HTMLInputElement} */ (form.elements.namedItem(name));
  button.addEventListener("click", async () => {
    const open = [.../** @type {NodeListOf<HTMLInputElement>} */ (form.querySelectorAll("[name=meant]"))].find((each) => !each.reportValidity());
    if (open) return; // what is asked is answered before the device is
    wrong.hidden = true;
    button.disabled = true;
    try {
      const shown = { images_sha256: field("images_sha256").value };
      const options = await asked(`/api/v1/reviews/${place.dataset.passkey}/sign-options`, shown, { "If-Match": field("tag").value });
      const credential = await answered(options.public_key);
      field("passkey").value = JSON.stringify({ challenge_id: options.challenge_id, credential });
      field("password").required = false;
      form.requestSubmit();
    } catch (error) {
      wrong.textContent = error instanceof DOMException ? place.dataset.refused ?? "" : String(/** @type {Error} */ (error).message);
      wrong.hidden = false;
      button.disabled = false;
    }
  });
}
