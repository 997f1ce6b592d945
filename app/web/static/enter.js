// @ts-check
/** Sign in with a passkey; the device shows which it has for this service. It needs a name: an address in numbers has none. */

import { answered, asked } from "./passkey.js";

const place = document.getElementById("by-passkey");
const form = /** @type {HTMLFormElement | null} */ (place?.closest("form") ?? null);

if (place && form && window.PublicKeyCredential && /[a-z]/i.test(location.hostname) && !location.hostname.includes(":")) {
  place.hidden = false;
  const button = /** @type {HTMLButtonElement} */ (place.querySelector("button"));
  const wrong = /** @type {HTMLElement} */ (place.querySelector(".wrong"));
  button.addEventListener("click", async () => {
    wrong.hidden = true;
    try {
      const options = await asked("/sign-in/passkey-options", {});
      const credential = await answered(options.public_key);
      const next = /** @type {HTMLInputElement} */ (form.elements.namedItem("next")).value;
      location.assign((await asked("/sign-in/passkey", { challenge_id: options.challenge_id, credential, next })).next);
    } catch (error) {
      wrong.textContent = error instanceof DOMException ? place.dataset.refused ?? "" : String(/** @type {Error} */ (error).message);
      wrong.hidden = false;
    }
  });
}
