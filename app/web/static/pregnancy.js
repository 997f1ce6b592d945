// @ts-check
/** The pregnancy beside the report, looked at again when something was measured; it and the machine's numbers go into the report by one press. */
import { insert } from "./insert.js";

const panel = document.getElementById("pregnancy");
const report = document.getElementById("report");

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
  for (const button of /** @type {NodeListOf<HTMLElement>} */ (report?.querySelectorAll("[data-insert]") ?? [])) {
    button.hidden = !document.querySelector("#findings:not([readonly])");
  }
}

document.addEventListener("measured", () => void again());
report?.addEventListener("click", (event) => {
  const button = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest("[data-insert]"));
  const [detail, item] = [button?.dataset.insert ?? "{}", button?.dataset.item ?? "null"].map((each) => JSON.parse(each));
  button?.dispatchEvent(Object.assign(new CustomEvent("insert", { bubbles: true, detail }), { item })); // to the form first
});
report?.addEventListener("insert", (event) => insert(/** @type {CustomEvent} */ (event).detail));
show();
