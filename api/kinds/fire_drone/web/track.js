import { h } from "../../lib/dom.js";
import { get, refusal } from "../../lib/api.js";
import { path, s } from "../../lib/svg.js";

/** @typedef {Item<"/flights">} FlightLine */

const WIDTH = 84,
  HEIGHT = 48,
  AIR = 5,
  POINTS = 80,
  AT_ONCE = 3;

/**
 * Lines of a track's GeoJSON as arrays of [lon, lat]; a new one begins after each gap.
 * @param {any} collection
 */
export function linesOf(collection) {
  return collection.features.flatMap((/** @type {any} */ { geometry: g }) =>
    g?.type === "MultiLineString"
      ? g.coordinates
      : g?.type === "LineString"
        ? [g.coordinates]
        : g?.type === "Point"
          ? [[g.coordinates]]
          : [],
  );
}

/**
 * A small picture of a track, north up: its lines, gaps dashed, take-off as a dot.
 * @param {number[][][]} lines
 */
export function tiny(lines) {
  const all = lines.flat();
  if (!all.length) return s("svg", { class: "tiny", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, "aria-hidden": "true" });
  const squeeze = Math.cos((all[0][1] * Math.PI) / 180);
  const xs = all.map(([lon]) => lon * squeeze),
    ys = all.map(([, lat]) => lat);
  const [west, east, south, north] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const scale = Math.min((WIDTH - 2 * AIR) / (east - west || 1e-9), (HEIGHT - 2 * AIR) / (north - south || 1e-9), 3e5);
  /** @param {number[]} position */
  const at = ([lon, lat]) => [
    WIDTH / 2 + (lon * squeeze - (west + east) / 2) * scale,
    HEIGHT / 2 - (lat - (south + north) / 2) * scale,
  ];
  const gaps = lines.slice(1).map((line, i) => [at(lines[i].at(-1)), at(line[0])]);
  const [x, y] = at(all[0]);
  return s(
    "svg",
    { class: "tiny", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, "aria-hidden": "true" },
    gaps.map((gap) => s("path", { class: "track-gap", d: path(gap) })),
    lines.map((line) => s("path", { class: "track-line", d: path(line.map(at)) })),
    s("circle", { class: "track-start", cx: x.toFixed(1), cy: y.toFixed(1), r: 2.6 }),
  );
}

/** @type {Map<string, number[][][]>} */
const known = new Map();
/** @type {{flight: FlightLine, place: Element}[]} */
const waiting = [];
/**
 * Whose place it is.
 * @type {WeakMap<Element, FlightLine>}
 */
const flightAt = new WeakMap();
const reading = {
  running: 0,
};

async function work() {
  if (reading.running >= AT_ONCE || !waiting.length) return;
  const { flight, place } = /** @type {{flight: FlightLine, place: Element}} */ (waiting.shift());
  reading.running += 1;
  try {
    if (place.isConnected) {
      const every = Math.max(1, Math.round(flight.duration_s / POINTS));
      const lines = linesOf(await get(`/flights/${flight.id}/track`, { format: "geojson", every }));
      known.set(flight.id, lines);
      place.replaceChildren(tiny(lines));
    }
  } catch (thrown) {
    refusal(thrown);
  } finally {
    reading.running -= 1;
    work();
  }
}

const seen = new IntersectionObserver(
  (entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      seen.unobserve(target);
      const flight = flightAt.get(target);
      if (flight) waiting.push({ flight, place: target });
      work();
    }
  },
  { rootMargin: "200px" },
);

/**
 * Place for a flight's small track; it is read when the row comes into view.
 * @param {FlightLine} flight
 */
export function tinyTrack(flight) {
  const place = h("span", { class: "tiny-place" });
  flightAt.set(place, flight);
  const lines = known.get(flight.id);
  if (lines && flight.landing) place.append(tiny(lines));
  else seen.observe(place);
  return place;
}
