// @ts-check
/** What browsers call credentials, to and from the JSON that the server speaks (WebAuthn 5.1, base64url). */

/** @param {string} text */
export function bytes(text) {
  const plain = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(plain, (letter) => letter.charCodeAt(0));
}

/** @param {ArrayBuffer | null} buffer */
export function text(buffer) {
  if (!buffer) return undefined;
  const plain = String.fromCharCode(...new Uint8Array(buffer));
  return btoa(plain).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** @param {any} asked */
function understood(asked) {
  const known = (/** @type {any[]} */ list) => list?.map((one) => ({ ...one, id: bytes(one.id) }));
  return {
    ...asked, challenge: bytes(asked.challenge), allowCredentials: known(asked.allowCredentials),
    excludeCredentials: known(asked.excludeCredentials), ...(asked.user && { user: { ...asked.user, id: bytes(asked.user.id) } }),
  };
}

/** @param {any} publicKey */
export async function made(publicKey) {
  const found = /** @type {PublicKeyCredential} */ (await navigator.credentials.create({ publicKey: understood(publicKey) }));
  const said = /** @type {AuthenticatorAttestationResponse} */ (found.response);
  return {
    id: found.id, rawId: text(found.rawId), type: found.type,
    response: { clientDataJSON: text(said.clientDataJSON), attestationObject: text(said.attestationObject) },
  };
}

/** @param {any} publicKey */
export async function answered(publicKey) {
  const found = /** @type {PublicKeyCredential} */ (await navigator.credentials.get({ publicKey: understood(publicKey) }));
  const said = /** @type {AuthenticatorAssertionResponse} */ (found.response);
  return {
    id: found.id, rawId: text(found.rawId), type: found.type,
    response: {
      clientDataJSON: text(said.clientDataJSON), authenticatorData: text(said.authenticatorData),
      signature: text(said.signature), userHandle: text(said.userHandle),
    },
  };
}

/** @param {string} address @param {unknown} body @param {Record<string, string>} [headers] */
export async function asked(address, body, headers = {}) {
  const answer = await fetch(address, {
    method: "POST", headers: { "Content-Type": "application/json", ...headers }, body: JSON.stringify(body),
  });
  const said = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(said.detail ?? "");
  return said;
}
