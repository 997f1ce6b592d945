// @ts-check
/** Looks again while somebody can see the page, is given only what changed, and moves nothing. */

const EVERY_MS = 20_000;
const ENDED = [401, 403, 404]; // signed out, or theirs no more

/**
 * @param {() => string} address where to look; "" when there is nothing more to come
 * @param {(came: Document) => void} took
 */
export function watch(address, took) {
  let [known, tag, timer, isLooking] = ["", "", 0, false];

  async function look() {
    const here = address();
    if (!here || document.hidden || isLooking) return;
    clearTimeout(timer);
    isLooking = true;
    const headers = { Accept: "text/html", "HX-Request": "true", "Sonopost-Glance": "1", ...(here === known && { "If-None-Match": tag }) };
    const answer = await fetch(here, { headers }).catch(() => null);
    const text = answer?.ok ? await answer.text().catch(() => null) : null;
    isLooking = false;
    if (answer && ENDED.includes(answer.status)) return offer(line().dataset.ended ?? "", location.href);
    if (text !== null && here === address()) {
      [known, tag] = [here, answer?.headers.get("ETag") ?? ""];
      try {
        took(new DOMParser().parseFromString(text, "text/html"));
      } finally {
        timer = setTimeout(look, EVERY_MS); // a fault of the page's is told to its console, and the looking goes on
      }
      return;
    }
    timer = setTimeout(look, EVERY_MS);
  }

  for (const [target, event] of /** @type {const} */ ([[document, "visibilitychange"], [window, "online"]])) {
    target.addEventListener(event, () => void look());
  }
  timer = setTimeout(look, EVERY_MS);
}

const line = () => /** @type {HTMLElement} */ (document.getElementById("fresh"));

/** What came and would move things is shown when it is asked for. @param {string} words @param {string | (() => void)} act */
export function offer(words, act) {
  if (line().textContent === words) return;
  if (!words) return line().replaceChildren();
  const made = document.createElement(typeof act === "string" ? "a" : "button");
  made.className = "button";
  made.textContent = words;
  if (typeof act === "string") /** @type {HTMLAnchorElement} */ (made).href = act;
  else made.addEventListener("click", act);
  line().replaceChildren(made);
}

/** The words of an element as they are now, where it stands. @param {Element | null | undefined} here @param {Element | null | undefined} newer */
export function put(here, newer) {
  if (!here || !newer || here.innerHTML === newer.innerHTML || here.contains(document.activeElement)) return;
  if (newer.className) here.className = newer.className;
  here.replaceChildren(...[...newer.childNodes].map((node) => document.importNode(node, true)));
}

/** "Show {n} new files". @param {string[]} words for one, for more @param {number} count */
export function counted(words, count) {
  return count ? (count === 1 ? words[0] : words[1]).replace("{n}", String(count)) : "";
}
