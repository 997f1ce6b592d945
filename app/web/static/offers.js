// @ts-check
/** What the pregnancy and the sizes measured say of an item: shown anew as the server finds it, and taken by one press. */

/** @typedef {import("./sheet.js").Answer} Answer */
/** @typedef {{key: string, answer: Answer, value: string, source: string, state: string}} Offer */
/** @typedef {{form: HTMLFormElement, sheet: import("./sheet.js").Sheet, address: string, tag: string, begin: () => void, isNew: () => boolean}} Draft */

/** @param {Draft} draft */
export function follow(draft) {
  const { form, sheet } = draft;
  form.addEventListener("told", (event) => show(form, /** @type {CustomEvent} */ (event).detail?.offers ?? []));
  form.addEventListener("click", (event) => {
    const button = /** @type {HTMLElement} */ (event.target);
    const item = /** @type {HTMLElement | null} */ (button.closest(".item"));
    if (!item || !button.dataset.take) return;
    sheet.put(item, { ...sheet.answer(item), ...JSON.parse(button.dataset.take) });
    sheet.arrange();
    draft.begin();
  });
  document.addEventListener("measured", () => void look(draft));
}

/** Something was measured, or a number confirmed: other things are known, and other sentences founded. @param {Draft} draft */
async function look(draft) {
  const answer = draft.tag && !draft.isNew() ? await fetch(draft.address).catch(() => null) : null;
  if (answer?.ok) draft.sheet.told((await answer.json()).form);
}

/** @param {HTMLFormElement} form @param {Offer[]} offers */
function show(form, offers) {
  const blank = /** @type {HTMLTemplateElement} */ (form.querySelector("#offer"));
  for (const place of /** @type {NodeListOf<HTMLElement>} */ (form.querySelectorAll(".offers"))) {
    const key = /** @type {HTMLElement} */ (place.closest(".item")).dataset.key;
    const lines = offers.filter((one) => one.key === key).map((one) => line(blank, one));
    if (lines.map((each) => each.outerHTML).join("") !== place.innerHTML) place.replaceChildren(...lines); // what stays keeps the focus
  }
}

/** @param {HTMLTemplateElement} blank @param {Offer} one */
function line(blank, one) {
  const made = /** @type {HTMLElement} */ (blank.content.firstElementChild?.cloneNode(true));
  const part = (/** @type {string} */ name) => /** @type {HTMLElement} */ (made.querySelector(name));
  made.dataset.state = one.state;
  part("span").textContent = one.value;
  part("i").textContent = one.source;
  part("button").dataset.take = JSON.stringify(one.answer);
  part("button").hidden = false;
  return made;
}
