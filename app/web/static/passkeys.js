// @ts-check
/** Register a passkey on the account's page: the password once more, then the device makes its key. */

import { asked, made } from "./passkey.js";

const form = /** @type {HTMLFormElement | null} */ (document.getElementById("add-passkey"));

if (form && window.PublicKeyCredential) {
  form.hidden = false;
  const wrong = /** @type {HTMLElement} */ (form.querySelector(".wrong"));
  const field = (/** @type {string} */ name) => /** @type {HTMLInputElement} */ (form.elements.namedItem(name));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    wrong.hidden = true;
    try {
      const options = await asked("/api/v1/passkeys/options", { password: field("current").value });
      const credential = await made(options.public_key);
      await asked("/api/v1/passkeys", { challenge_id: options.challenge_id, credential, name: field("passkey_name").value });
      location.assign("/account?done=passkey#passkeys");
    } catch (error) {
      wrong.textContent = error instanceof DOMException ? form.dataset.refused ?? "" : String(/** @type {Error} */ (error).message);
      wrong.hidden = false;
    }
  });
}
