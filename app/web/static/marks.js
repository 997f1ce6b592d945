// @ts-check
/** Draws measurements over the picture, in its own pixels, so that they stay where they are at any zoom. */
import { halfAxes } from "./calibration.js";

/** @typedef {import("./calibration.js").Point} Point */
/** @typedef {{kind: string, points: Point[], label: string, chosen?: boolean, open?: boolean}} Mark */

const SVG = "http://www.w3.org/2000/svg";

/** @param {string} name @param {Record<string, string | number>} given */
function made(name, given) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(given)) element.setAttribute(key, String(value));
  return element;
}

/** @param {SVGElement} svg @param {Mark[]} marks @param {number} pixel how many of the picture's one on the screen is */
export function draw(svg, marks, pixel) {
  svg.replaceChildren(...marks.map((mark) => {
    const group = made("g", { class: `mark ${mark.kind}${mark.chosen ? " chosen" : ""}` });
    for (const each of ["halo", "line"]) for (const line of lines(mark, pixel)) {
      line.classList.add(each);
      group.append(line);
    }
    if (mark.label) group.append(...label(mark, pixel));
    return group;
  }));
}

/** @param {Mark} mark @param {number} pixel */
function lines({ kind, points, open }, pixel) {
  const path = (/** @type {Point[]} */ all, closed = false) => made("path", { d: `M${all.map((one) => one.join(" ")).join("L")}${closed ? "Z" : ""}` });
  const ends = (/** @type {Point[]} */ all) => all.map((one) => cross(one, pixel));
  if (kind === "area") return [path(points, !open), ...(open ? ends(points.slice(0, 1)) : [])];
  if (kind === "ellipse" && points.length !== 1) return [ellipse(points), ...ends(points.slice(0, 2))];
  if (kind === "arrow" && points.length === 2) return [arrow(points[0], points[1], pixel)];
  if (kind === "text") return ends(points);
  if (kind === "region") return [path(points, true)];
  return [...(points.length > 1 ? [path(points)] : []), ...ends(points)];
}

/** @param {Point} at @param {number} pixel */
function cross([x, y], pixel) {
  const arm = 6 * pixel;
  return made("path", { d: `M${x - arm} ${y}H${x + arm}M${x} ${y - arm}V${y + arm}` });
}

/** From its foot to its point. @param {Point} from @param {Point} to @param {number} pixel */
function arrow([x1, y1], [x2, y2], pixel) {
  const turn = Math.atan2(y1 - y2, x1 - x2);
  const barb = (/** @type {number} */ by) => `M${x2} ${y2}L${x2 + 12 * pixel * Math.cos(turn + by)} ${y2 + 12 * pixel * Math.sin(turn + by)}`;
  return made("path", { d: `M${x1} ${y1}L${x2} ${y2}${barb(0.45)}${barb(-0.45)}` });
}

/** As points, because conjugate half diameters need no turning. @param {Point[]} points */
function ellipse(points) {
  const [u, v] = halfAxes(points);
  const [x, y] = [(points[0][0] + points[1][0]) / 2, (points[0][1] + points[1][1]) / 2];
  const at = (/** @type {number} */ t) => [x + u[0] * Math.cos(t) + v[0] * Math.sin(t), y + u[1] * Math.cos(t) + v[1] * Math.sin(t)].join(" ");
  return made("path", { d: `M${Array.from({ length: 72 }, (_none, n) => at((n * Math.PI) / 36)).join("L")}Z` });
}

/** Beside the last point, of a region within that corner. @param {Mark} mark @param {number} pixel */
function label({ kind, points, label: text }, pixel) {
  const [x, y] = points[points.length - 1];
  const [isBefore, isBelow] = kind === "region" ? [points[1][0] < x, points[1][1] > y] : [false, false];
  return ["halo", "line"].map((each) => {
    const written = made("text", { x: x + (isBefore ? -10 : 10) * pixel, y: y + (isBelow ? 20 : -8) * pixel, "text-anchor": isBefore ? "end" : "start", "font-size": 14 * pixel, class: each });
    written.textContent = text;
    return written;
  });
}

