// @ts-check
/** The pregnancy beside the report: looked at again when something was measured, and said in the report by one press. */
import { insert } from "./insert.js";

const panel = document.getElementById("pregnancy");

async function again() {
  if (!panel || panel.contains(document.activeElement)) return;
  const answer = await fetch(panel.dataset.look ?? "").catch(() => null);
  if (!answer?.ok) return;
  const newer = new DOMParser().parseFromString(await answer.text(), "text/html");
  panel.querySelector(".panel")?.replaceChildren(...[...newer.body.childNodes].map((node) => document.importNode(node, true)));
  panel.hidden = false;
  show();
}

function show() {
  for (const button of /** @type {NodeListOf<HTMLElement>} */ (panel?.querySelectorAll("[data-insert]") ?? [])) {
    button.hidden = !document.querySelector("#findings:not([readonly])");
  }
}

document.addEventListener("measured", () => void again());
panel?.addEventListener("click", (event) => {
  const button = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest("[data-insert]"));
  if (button) insert(JSON.parse(button.dataset.insert ?? "{}"));
});
show();
