import { freshId, h } from "../../lib/dom.js";
import { language } from "../../lib/facts.js";
import { number } from "../../lib/numbers.js";
import { drawn, path, s } from "../../lib/svg.js";
import { hourOf } from "../../lib/times.js";

/** @typedef {import("./words.js").RatePoint} RatePoint */
/** @typedef {{at: number, mean: number, peak: number | null}} RunPoint */
/**
 * What a chart shows: `step`, `from`, `to` in milliseconds, rates in bit/s.
 * @typedef {object} Shown
 * @property {RatePoint[]} points
 * @property {number} step
 * @property {number} from
 * @property {number} to
 * @property {number} top
 * @property {number | null} booked
 * @property {number | null} provisioned
 */

const HEIGHT = 104,
  EDGE = { left: 40, right: 8, top: 8, bottom: 18 };
const DAY = new Intl.DateTimeFormat(language, { day: "numeric", month: "numeric" });

/**
 * Runs of points with values, and runs without: {known: [[…]], gaps: [{from, to}]}.
 * @param {RatePoint[]} points
 * @param {number} width
 */
export function runs(points, width) {
  /** @type {RunPoint[][]} */
  const known = [];
  /** @type {{from: number, to: number}[]} */
  const gaps = [];
  for (const point of points) {
    const at = Date.parse(point.start),
      value = point.mean_bps;
    if (value === null) {
      if (gaps.at(-1)?.to === at) gaps.at(-1).to = at + width;
      else gaps.push({ from: at, to: at + width });
    } else if (known.length && known.at(-1).at(-1).at === at - width) {
      known.at(-1).push({ at, mean: value, peak: point.max_bps });
    } else known.push([{ at, mean: value, peak: point.max_bps }]);
  }
  return { known, gaps };
}

/**
 * A small chart of one line: used as an area, its 1-second peak above, booked and provisioned as lines, gaps hatched.
 * `top` is the upper end in bit/s, the same for charts that shall be compared. Returns {element, show}.
 */
export function small() {
  const element = h("div", { class: "small-area" });
  /** @type {Shown | null} */
  let shown = null;
  const draw = drawn(element, (width) => (shown ? picture(width, shown) : []));
  return {
    element,
    show: (/** @type {Shown} */ what) => {
      shown = what;
      draw();
    },
  };
}

/** @param {string} id */
const hatching = (id) =>
  s(
    "defs",
    {},
    s(
      "pattern",
      { id, width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
      s("path", { class: "small-hatch", d: "M0 0V6" }),
    ),
  );

/** @param {number} width @param {Shown} shown */
function picture(width, { points, step, from, to, top, booked, provisioned }) {
  const inner = width - EDGE.left - EDGE.right,
    tall = HEIGHT - EDGE.top - EDGE.bottom,
    floor = HEIGHT - EDGE.bottom;
  const x = (/** @type {number} */ ms) => EDGE.left + ((Math.min(to, Math.max(from, ms)) - from) / (to - from)) * inner,
    y = (/** @type {number} */ bps) => floor - Math.min(1, bps / top) * tall;
  const { known, gaps } = runs(points, step);
  const id = freshId("gap");
  /** @param {RunPoint} p */
  const middle = (p) => x(p.at + step / 2);
  /** @param {RunPoint[]} run */
  const area = (run) => {
    const [first, last] = [run[0], run.at(-1)];
    const begin = x(first.at),
      end = x(last.at + step);
    const edge = [[begin, y(first.mean)], ...run.map((p) => [middle(p), y(p.mean)]), [end, y(last.mean)]];
    return `${path([[begin, floor], ...edge, [end, floor]])}Z`;
  };
  /** @param {number | null} bps @param {string} name */
  const level = (bps, name) =>
    bps !== null &&
    bps <= top &&
    s("path", { class: name, d: `M${EDGE.left} ${y(bps).toFixed(1)}H${width - EDGE.right}` });
  const marks = [0, 0.5, 1].map((share) => from + share * (to - from)),
    long = to - from > 36 * 3600e3;
  return s(
    "svg",
    { width, height: HEIGHT, viewBox: `0 0 ${width} ${HEIGHT}`, "aria-hidden": "true", class: "small" },
    hatching(id),
    [0, top].map((bps) => [
      s("path", { class: "small-grid", d: `M${EDGE.left} ${y(bps).toFixed(1)}H${width - EDGE.right}` }),
      s(
        "text",
        { class: "small-text", x: EDGE.left - 5, y: y(bps) + 4, "text-anchor": "end" },
        number(bps / 1e6, top >= 1e7 ? 0 : 1),
      ),
    ]),
    gaps.map((gap) => {
      const wide = Math.max(0, x(gap.to) - x(gap.from));
      return s("rect", { x: x(gap.from), y: EDGE.top, width: wide, height: tall, fill: `url(#${id})` });
    }),
    known.map((run) => [
      s("path", { class: "small-used", d: area(run) }),
      s("path", { class: "small-mean", d: path(run.map((p) => [middle(p), y(p.mean)])) }),
      s("path", { class: "small-peak", d: path(run.map((p) => (p.peak === null ? null : [middle(p), y(p.peak)]))) }),
    ]),
    level(provisioned, "small-provisioned"),
    level(booked, "small-booked"),
    marks.map((at, i) =>
      s(
        "text",
        { class: "small-text", x: x(at), y: HEIGHT - 4, "text-anchor": ["start", "middle", "end"][i] },
        long ? DAY.format(at) : hourOf(at),
      ),
    ),
  );
}
