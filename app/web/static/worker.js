// @ts-check
/** Between the pages and the line: without one, a form that names nobody and the list of what waits; it sends on when there is. */

import { drain } from "/static/drain.js";

const scope = /** @type {any} */ (globalThis);
const CACHE = `sonopost-${new URL(location.href).searchParams.get("v")}`;
const PATIENCE_MS = 25_000;
const FORM = "/outbox/new";
const LIST = "/outbox";
const STATIC = [
  "app.css", "tokens.css", "mark.svg", "vendor/htmx.min.js", "vendor/dicomParser.min.js",
  ...["before", "chosen", "drain", "kept", "list", "night", "outbox", "person", "pieces", "plan", "preview", "rows", "seal", "source", "upload", "writing"].map((name) => `${name}.js`),
].map((name) => `/static/${name}`);

scope.addEventListener("install", (/** @type {any} */ event) => {
  event.waitUntil(fill().then(() => scope.skipWaiting()));
});

scope.addEventListener("activate", (/** @type {any} */ event) => {
  event.waitUntil(Promise.all([clear(), scope.clients.claim()]));
});

scope.addEventListener("sync", (/** @type {any} */ event) => {
  event.waitUntil(navigator.locks.request("sonopost-drain", { ifAvailable: true }, (lock) => lock && drain()));
});

scope.addEventListener("fetch", (/** @type {any} */ event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (request.method !== "GET" || origin !== location.origin) return;
  if (request.mode === "navigate") event.respondWith(page(request, pathname));
  else if (STATIC.includes(pathname)) event.respondWith(file(request, pathname));
});

/** Only these, and asked for as nobody: no page about a patient is ever among them. */
async function fill() {
  const cache = await caches.open(CACHE);
  await Promise.all([FORM, LIST, ...STATIC].map(async (path) => {
    const answer = await fetch(path, { credentials: "omit", cache: "no-cache" });
    if (!answer.ok) throw new Error(path);
    await cache.put(path, answer);
  }));
}

async function clear() {
  for (const name of await caches.keys()) if (name !== CACHE) await caches.delete(name);
}

/** @param {Request} request @param {string} pathname */
async function page(request, pathname) {
  try {
    return await Promise.race([fetch(request), late()]);
  } catch {
    const kept = await caches.match(pathname === "/referrals/new" || pathname === FORM ? FORM : LIST);
    return kept ?? Response.error();
  }
}

/** @returns {Promise<never>} */
const late = () => new Promise((_, failed) => setTimeout(() => failed(new Error("late")), PATIENCE_MS));

/** @param {Request} request @param {string} pathname */
async function file(request, pathname) {
  try {
    return await fetch(request);
  } catch {
    return (await caches.match(pathname)) ?? Response.error();
  }
}
