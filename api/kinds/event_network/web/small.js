import { h } from "../../lib/dom.js";
import { language } from "../../lib/facts.js";
import { number } from "../../lib/numbers.js";
import { drawn, path, s } from "../../lib/svg.js";

const HEIGHT = 104,
  EDGE = { left: 40, right: 8, top: 8, bottom: 18 };
const CLOCK = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit" });
const DAY = new Intl.DateTimeFormat(language, { day: "numeric", month: "numeric" });
let count = 0;

/** Runs of points with values, and runs without: {known: [[…]], gaps: [{from, to}]}. */
export function runs(points, width) {
  const known = [],
    gaps = [];
  for (const point of points) {
    const at = Date.parse(point.start),
      value = point.mean_bps;
    if (value === null) {
      if (gaps.at(-1)?.to === at) gaps.at(-1).to = at + width;
      else gaps.push({ from: at, to: at + width });
    } else if (known.length && known.at(-1).at(-1).at === at - width)
      known.at(-1).push({ at, mean: value, peak: point.max_bps });
    else known.push([{ at, mean: value, peak: point.max_bps }]);
  }
  return { known, gaps };
}

/**
 * A small chart of one line: used as an area, its 1-second peak above, booked and provisioned as lines, gaps hatched.
 * `top` is the upper end in bit/s, the same for charts that shall be compared. Returns {element, show}.
 */
export function small() {
  const element = h("div", { class: "small-area" });
  let shown = null;
  const draw = drawn(element, (width) => (shown ? picture(width, shown) : []));
  return {
    element,
    show: (what) => {
      shown = what;
      draw();
    },
  };
}

function picture(width, { points, step, from, to, top, booked, provisioned }) {
  const inner = width - EDGE.left - EDGE.right,
    tall = HEIGHT - EDGE.top - EDGE.bottom,
    floor = HEIGHT - EDGE.bottom;
  const x = (ms) => EDGE.left + ((Math.min(to, Math.max(from, ms)) - from) / (to - from)) * inner,
    y = (bps) => floor - Math.min(1, bps / top) * tall;
  const { known, gaps } = runs(points, step),
    id = `gap-${++count}`;
  const middle = (p) => x(p.at + step / 2);
  const area = (run) =>
    `${path([[x(run[0].at), floor], [x(run[0].at), y(run[0].mean)], ...run.map((p) => [middle(p), y(p.mean)]), [x(run.at(-1).at + step), y(run.at(-1).mean)], [x(run.at(-1).at + step), floor]])}Z`;
  const level = (bps, name) =>
    bps !== null &&
    bps <= top &&
    s("path", { class: name, d: `M${EDGE.left} ${y(bps).toFixed(1)}H${width - EDGE.right}` });
  const marks = [0, 0.5, 1].map((share) => from + share * (to - from)),
    long = to - from > 36 * 3600e3;
  return s(
    "svg",
    { width, height: HEIGHT, viewBox: `0 0 ${width} ${HEIGHT}`, "aria-hidden": "true", class: "small" },
    s(
      "defs",
      {},
      s(
        "pattern",
        { id, width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
        s("path", { class: "small-hatch", d: "M0 0V6" }),
      ),
    ),
    [0, top].map((bps) => [
      s("path", { class: "small-grid", d: `M${EDGE.left} ${y(bps).toFixed(1)}H${width - EDGE.right}` }),
      s(
        "text",
        { class: "small-text", x: EDGE.left - 5, y: y(bps) + 4, "text-anchor": "end" },
        number(bps / 1e6, top >= 1e7 ? 0 : 1),
      ),
    ]),
    gaps.map((gap) =>
      s("rect", {
        x: x(gap.from),
        y: EDGE.top,
        width: Math.max(0, x(gap.to) - x(gap.from)),
        height: tall,
        fill: `url(#${id})`,
      }),
    ),
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
        (long ? DAY : CLOCK).format(at),
      ),
    ),
  );
}
