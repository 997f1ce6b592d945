// @ts-check
/** When an organization's line is cheap, by its own clock: clips that were put off leave then, or when somebody says so. */

/** @typedef {{from: string, until: string, zone: string}} Night '20:00', '06:00', an IANA name */

const DAY_MIN = 24 * 60;

const minutes = (/** @type {string} */ text) => Number(text.slice(0, 2)) * 60 + Number(text.slice(3, 5));

/** '20:15'. @param {number} at @param {string} [zone] */
function clock(at, zone) {
  try {
    return new Date(at).toLocaleTimeString("en-GB", { timeZone: zone, hour: "2-digit", minute: "2-digit" });
  } catch {
    return clock(at); // a browser that does not know the zone goes by its own
  }
}

/** In how many milliseconds it begins; 0 while it lasts, or where nothing is put off. @param {Night | null | undefined} night @param {number} [at] */
export function opensIn(night, at = Date.now()) {
  if (!night) return 0;
  const [from, until, here] = [minutes(night.from), minutes(night.until), minutes(clock(at, night.zone))];
  const isNow = from < until ? from <= here && here < until : from <= here || here < until;
  return isNow ? 0 : ((from - here + DAY_MIN) % DAY_MIN) * 60_000 - (at % 60_000);
}

/** Its hours in words' places; whose clock it is, where that is not this device's. @param {Night} night */
export function hours(night) {
  const [at, there] = [Date.now(), night.zone.split("/").at(-1)?.replaceAll("_", " ")];
  const whose = clock(at, night.zone) === clock(at) ? "" : ` (${there})`;
  return { from: night.from, until: `${night.until}${whose}`, at: `${night.from}${whose}` };
}
