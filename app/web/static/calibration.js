// @ts-check
/** What points on a picture are worth: the same as app/dicom/measuring.py, and held to it by the same vectors. */

/** @typedef {[number, number]} Point */
/** @typedef {{value: number, unit: string}} Quantity */
/**
 * @typedef {object} Area a region that lies inside the picture, in its pixels
 * @property {number} number @property {number} left @property {number} top @property {number} right @property {number} bottom
 * @property {string} x_unit @property {string} y_unit @property {number} dx @property {number} dy @property {number | null} zero_y
 */
/** @typedef {{columns: number, rows: number, areas: Area[], mm_per_pixel: number | null}} Ground */
/** @typedef {{quantity?: string, cycles?: number, region?: number | null}} Given */
/**
 * @typedef {object} Measured
 * @property {number | null} value @property {string} unit @property {boolean} calibrated @property {string} reason
 * @property {number | null} region @property {boolean} approximate @property {Record<string, Quantity>} more @property {number[]} choices
 */

const ROUND = ["HC", "AC"];
const PLANAR = ["length", "ellipse", "area", "angle"];
const SMALLEST_PX = 0.5;
const AGREES = 1e-3;
/** @type {Record<string, [string, number, string]>} */
export const AXES = { s: ["time", 1000, "ms"], cm: ["depth", 10, "mm"], "cm/s": ["velocity", 1, "cm/s"] };

/** @param {Partial<Measured>} given @returns {Measured} */
const answer = (given) => ({ value: null, unit: "", calibrated: false, reason: "", region: null, approximate: false, more: {}, choices: [], ...given });
/** @param {Point} a @param {Point} b */
export const distance = (a, b) => Math.hypot(a[0] - b[0], a[1] - b[1]);
/** @param {Point} a @param {Point} b */
const cross = (a, b) => a[0] * b[1] - a[1] * b[0];
/** Each point with the next one, the last with the first. @param {Point[]} points @returns {[Point, Point][]} */
const sides = (points) => points.map((one, at) => [one, points[(at + 1) % points.length]]);
/** @param {Point[]} points */
const shoelace = (points) => sides(points).reduce((sum, [a, b]) => sum + cross(a, b), 0) / 2;

/** @param {Ground} ground @param {string} kind @param {Point[]} points @param {Given} [given] @returns {Measured} */
export function measured(ground, kind, points, given = {}) {
  if (kind === "text" || kind === "arrow") return answer({ reason: "mark" });
  if (kind === "scale") return answer({ reason: "ruler", approximate: true });
  const { area, reason, choices } = where(ground, points, given.region ?? null);
  const quantity = given.quantity ?? "";
  const isPlanar = PLANAR.includes(kind);
  if (!area && reason === "none" && ground.mm_per_pixel && isPlanar) {
    return { ...planar(kind, points, quantity, ground.mm_per_pixel, ground.mm_per_pixel), reason: "ruler", approximate: true };
  }
  if (!area) return { ...inPixels(kind, points, quantity), reason, choices };
  const here = { region: area.number };
  if (isPlanar && area.x_unit === "cm" && area.y_unit === "cm") {
    return { ...planar(kind, points, quantity, Math.abs(area.dx) * 10, Math.abs(area.dy) * 10), calibrated: true, ...here };
  }
  if (isPlanar) return { ...inPixels(kind, points, quantity), reason: "unlike", more: kind === "length" ? apart(points, area) : {}, ...here };
  if (kind === "velocity") return { ...velocity(points, area), ...here };
  if (area.x_unit !== "s") return { ...inPixels(kind, points, ""), reason: "no-time", ...here };
  const seconds = Math.abs(points[0][0] - points[1][0]) * Math.abs(area.dx);
  if (kind === "time") return answer({ value: seconds * 1000, unit: "ms", calibrated: true, ...here });
  const cycles = given.cycles ?? 1;
  return answer({ value: (60 * cycles) / seconds, unit: "/min", calibrated: true, more: { cycle: { value: (seconds * 1000) / cycles, unit: "ms" } }, ...here });
}

/** Whether these points are a measurement of that kind at all. @param {string} kind @param {Point[]} points */
export function isSound(kind, points) {
  if (kind === "text" || kind === "arrow") return true;
  if (kind === "time" || kind === "heart-rate") return Math.abs(points[0][0] - points[1][0]) >= SMALLEST_PX;
  if (kind === "ellipse") return Math.abs(cross(...halfAxes(points))) >= SMALLEST_PX ** 2;
  if (kind === "area") return !crossesItself(points) && Math.abs(shoelace(points)) >= SMALLEST_PX ** 2;
  return points.every((one, at) => at === 0 || distance(one, points[at - 1]) >= SMALLEST_PX);
}

/** @param {Ground} ground @param {Point[]} points @param {number | null} wanted @returns {{area?: Area, reason: string, choices: number[]}} */
function where(ground, points, wanted) {
  if (points.some(([x, y]) => x < 0 || y < 0 || x > ground.columns || y > ground.rows)) return { reason: "outside", choices: [] };
  if (!ground.areas.length) return { reason: "none", choices: [] };
  const size = (/** @type {Area} */ one) => (one.right - one.left) * (one.bottom - one.top);
  const holding = ground.areas
    .filter((one) => points.every(([x, y]) => one.left <= x && x < one.right && one.top <= y && y < one.bottom))
    .sort((one, two) => size(one) - size(two))
    .filter((one) => wanted === null || one.number === wanted);
  if (!holding.length) return { reason: "between", choices: [] };
  if (holding.some((one) => !agree(holding[0], one))) return { reason: "choose", choices: holding.map((one) => one.number) };
  return { area: holding[0], reason: "", choices: [] };
}

/** @param {Area} one @param {Area} two */
function agree(one, two) {
  const near = (/** @type {number} */ a, /** @type {number} */ b) => Math.abs(Math.abs(a) - Math.abs(b)) <= AGREES * Math.abs(a);
  return one.x_unit === two.x_unit && one.y_unit === two.y_unit && near(one.dx, two.dx) && near(one.dy, two.dy)
    && (one.y_unit !== "cm/s" || one.zero_y === two.zero_y);
}

/** Along each axis by itself. @param {Point[]} points @param {Area} area @returns {Record<string, Quantity>} */
function apart([[x1, y1], [x2, y2]], area) {
  const [across, along] = [AXES[area.x_unit], AXES[area.y_unit]];
  return {
    [across[0]]: { value: Math.abs(x1 - x2) * Math.abs(area.dx) * across[1], unit: across[2] },
    [along[0]]: { value: Math.abs(y1 - y2) * Math.abs(area.dy) * along[1], unit: along[2] },
  };
}

/** Of one point against the baseline, of two the difference. @param {Point[]} points @param {Area} area */
function velocity(points, area) {
  if (area.y_unit !== "cm/s") return { ...inPixels("velocity", points, ""), reason: "no-velocity" };
  if (points.length === 2) {
    const { velocity: found, ...more } = apart(points, area);
    return answer({ value: found.value, unit: "cm/s", calibrated: true, more });
  }
  if (area.zero_y === null) return answer({ reason: "no-zero" });
  return answer({ value: (points[0][1] - area.zero_y) * area.dy, unit: "cm/s", calibrated: true });
}

/** @param {string} kind @param {Point[]} points @param {string} quantity */
function inPixels(kind, points, quantity) {
  if (PLANAR.includes(kind)) return planar(kind, points, quantity, 1, 1, "px", "px2", 1);
  const axis = kind === "velocity" ? 1 : 0;
  return points.length === 2 ? answer({ value: Math.abs(points[0][axis] - points[1][axis]), unit: "px" }) : answer({});
}

/** @param {string} kind @param {Point[]} points @param {string} quantity @param {number} dx @param {number} dy */
function planar(kind, points, quantity, dx, dy, unit = "mm", square = "cm2", squared = 0.01) {
  const flat = points.map(([x, y]) => /** @type {Point} */ ([x * dx, y * dy]));
  if (kind === "length") return answer({ value: distance(flat[0], flat[1]), unit });
  if (kind === "angle") return answer({ value: angle(flat), unit: "deg" });
  const { area, way, axes } = kind === "ellipse" ? ellipse(flat) : outline(flat);
  const named = Object.fromEntries(Object.entries(axes).map(([name, value]) => [name, { value, unit }]));
  if (ROUND.includes(quantity.toUpperCase())) return answer({ value: way, unit, more: { area: { value: area * squared, unit: square }, ...named } });
  return answer({ value: area * squared, unit: square, more: { circumference: { value: way, unit }, ...named } });
}

/** By two conjugate half diameters, which stay such when the pixels are not square. @param {Point[]} points */
function ellipse(points) {
  const [u, v] = halfAxes(points);
  const [square, crossed] = [u[0] ** 2 + u[1] ** 2 + v[0] ** 2 + v[1] ** 2, Math.abs(cross(u, v))];
  const [larger, smaller] = [Math.sqrt(square + 2 * crossed), Math.sqrt(Math.max(0, square - 2 * crossed))];
  const [a, b] = [(larger + smaller) / 2, (larger - smaller) / 2];
  const h = ((a - b) / (a + b)) ** 2;
  const way = Math.PI * (a + b) * (1 + (3 * h) / (10 + Math.sqrt(4 - 3 * h))); // Ramanujan 1914
  return { area: Math.PI * crossed, way, axes: { long_axis: 2 * a, short_axis: 2 * b } };
}

/** Of four points the ends of both axes, of two the corners of the box around it. @param {Point[]} points @returns {[Point, Point]} */
export function halfAxes([a, b, c, d]) {
  if (!c) return [[(b[0] - a[0]) / 2, 0], [0, (b[1] - a[1]) / 2]];
  return [[(b[0] - a[0]) / 2, (b[1] - a[1]) / 2], [(d[0] - c[0]) / 2, (d[1] - c[1]) / 2]];
}

/** @param {Point[]} points @returns {{area: number, way: number, axes: Record<string, number>}} */
function outline(points) {
  return { area: Math.abs(shoelace(points)), way: sides(points).reduce((sum, [a, b]) => sum + distance(a, b), 0), axes: {} };
}

/** At the second of three. @param {Point[]} points */
function angle([one, at, two]) {
  const [a, b] = /** @type {[Point, Point]} */ ([[one[0] - at[0], one[1] - at[1]], [two[0] - at[0], two[1] - at[1]]]);
  return (Math.atan2(Math.abs(cross(a, b)), a[0] * b[0] + a[1] * b[1]) * 180) / Math.PI;
}

/** @param {Point[]} points */
function crossesItself(points) {
  const all = sides(points);
  const side = (/** @type {Point} */ p, /** @type {Point} */ q, /** @type {Point} */ r) => (q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0]);
  return all.some(([a, b], one) => all.some(([c, d], two) => two > one + 1 && !(one === 0 && two === all.length - 1)
    && side(a, b, c) * side(a, b, d) < 0 && side(c, d, a) * side(c, d, b) < 0));
}
