import { chart, withGaps } from "../../lib/chart.js";
import { h } from "../../lib/dom.js";
import { measure } from "../../lib/numbers.js";
import { t } from "../../lib/words.js";

/** @typedef {Answer<"/flights/{id}">} Flight */
/** @typedef {import("./track_map.js").TrackPoint} TrackPoint */

/**
 * Where no samples came in, as charts want it.
 * @param {Flight} flight
 * @returns {Gap[]}
 */
export const gapsOf = (flight) => flight.quality.gaps.map(({ from, until }) => ({ from, to: until }));

/**
 * Height, battery and link over the same time; what the cursor is at moves on the map too.
 * @param {Flight} flight
 * @param {TrackPoint[]} points
 * @param {{point: (second: number) => void}} map
 */
export async function charts(flight, points, map) {
  const gaps = gapsOf(flight);
  const x = points.map((p) => Date.parse(p.ts) / 1000);
  /** @param {string} field @param {string} label @param {string} unit @param {number} top @param {number} digits */
  const draw = async (field, label, unit, top, digits) => {
    const known = points.map((p) => p[field] ?? null);
    const here = known.filter((v) => v !== null);
    if (!here.length) {
      return h(
        "div",
        { class: "chart-missing" },
        h("strong", {}, label),
        h("p", { class: "quiet" }, t("flight.no_values")),
      );
    }
    const [times, [values]] = withGaps(x, [known], gaps);
    const summary = t("flight.chart", {
      low: measure(Math.min(...here), unit, digits),
      high: measure(Math.max(...here), unit, digits),
      first: measure(here[0], unit, digits),
      last: measure(here.at(-1), unit, digits),
    });
    const made = await chart({
      label,
      unit,
      x: times,
      lines: [{ label, y: values, digits }],
      gaps,
      zero: true,
      top,
      summary,
      group: "flight",
      height: field === "altitude_rel_m" ? 200 : 130,
      name: `lautern-${flight.drone_id}-${flight.number}-${field}`,
      point: (at) => map.point(times[at]),
    });
    return made.element;
  };
  return [
    await draw("altitude_rel_m", t("flight.height"), "m", 10, 0),
    await draw("battery_pct", t("flight.battery"), "%", 100, 0),
    await draw("control_link_pct", t("flight.link"), "%", 100, 0),
  ];
}
