import { get, refusal } from "../../lib/api.js";
import { idInPath } from "../../lib/address.js";
import { failed } from "../../lib/blank.js";
import { byId, fill, h, icon, put, settled } from "../../lib/dom.js";
import { goTo } from "../../lib/facts.js";
import { measure } from "../../lib/numbers.js";
import { answer, live, onBack, start } from "../../lib/page.js";
import { moment, timeOf } from "../../lib/times.js";
import { t } from "../../lib/words.js";
import { airTime, distance, marks, statusMark } from "./words.js";
import { charts } from "./charts.js";
import { facts } from "./facts.js";
import { TrackMap } from "./track_map.js";

/** @typedef {Answer<"/flights/{id}">} Flight */
/** @typedef {import("./track_map.js").TrackPoint} TrackPoint */

const MOST = 1500;

await start();
const id = idInPath();
onBack(() => goTo("/flights"));

/** @param {Flight} flight */
function sentence(flight) {
  const words = {
    drone: flight.drone.name ?? flight.drone_id,
    number: flight.number,
    takeoff: moment(flight.takeoff),
    time: airTime(flight.duration_s),
    far: distance(flight.figures.distance_m),
  };
  const first = t(flight.status === "airborne" ? "flight.answer.airborne" : "flight.answer.flown", words);
  const height = flight.figures.altitude_rel_max_m ?? null;
  const second = height === null ? "" : t("flight.answer.height", { height: measure(height, "m", 0) });
  const gaps = flight.quality.gaps.length;
  const third =
    flight.status === "landing_not_observed"
      ? t("flight.answer.unseen", { last: moment(flight.last_airborne, { seconds: true }) })
      : gaps
        ? t("flight.answer.gaps", { n: gaps, time: airTime(flight.quality.total_gap_s) })
        : t("flight.answer.whole");
  return [first, second, third].filter(Boolean).join(" ");
}

/** @param {Flight} flight */
const downloads = (flight) => {
  /** @param {Values} query */
  const address = (query) => `/api/v1/flights/${flight.id}/track?${new URLSearchParams(query)}`;
  /** @type {[string, Record<string, string>][]} */
  const files = [
    ["gpx", { format: "gpx" }],
    ["kml", { format: "kml" }],
    ["geojson", { format: "geojson" }],
    ["csv", { format: "csv" }],
    ["csv_de", { format: "csv", dialect: "de" }],
    ["json", { format: "json" }],
  ];
  return h(
    "section",
    { class: "card" },
    h("h2", {}, t("flight.downloads")),
    h(
      "ul",
      { class: "downloads" },
      files.map(([name, query]) =>
        h(
          "li",
          {},
          h("a", { href: address(query), download: "" }, t(`flight.download.${name}`)),
          h("p", { class: "note" }, t(`flight.download.${name}.note`)),
        ),
      ),
    ),
  );
};

async function read() {
  const flight = await get(`/flights/${encodeURIComponent(id)}`);
  const title = t("flights.number", { drone: flight.drone.name ?? flight.drone_id, number: flight.number });
  put(byId("name"), title);
  document.title = `${title} · Lautern`;
  answer(sentence(flight));
  const every = Math.max(1, Math.ceil(flight.quality.samples / MOST));
  /** @type {any} */
  const { points } = await get(`/flights/${flight.id}/track`, { format: "json", every });
  return { flight, points, every };
}

async function show() {
  try {
    const { flight, points, every } = await read();
    const place = h("div", { class: "map flight-map" }),
      graphs = h("div", { class: "card flight-charts" });
    fill(
      byId("content"),
      h(
        "p",
        { class: "toolbar" },
        statusMark(flight.status),
        marks(flight.flags),
        timeOf(flight.takeoff, (at) => moment(at, { seconds: true })),
      ),
      h(
        "div",
        { class: "flight" },
        h(
          "div",
          { class: "flight-pictures" },
          h("section", { class: "flight-map-place", "aria-label": t("flight.map") }, place),
          h(
            "p",
            { class: "note flight-key" },
            h("span", {}, icon("ok"), ` ${t("flight.key.start")}`),
            h("span", {}, t("flight.key.gap")),
            every > 1 && h("span", {}, t("flight.thinned", { every })),
          ),
          graphs,
        ),
        h("div", { class: "flight-side" }, facts(flight), downloads(flight)),
      ),
    );
    const map = new TrackMap(place, points, t("flight.map"));
    fill(graphs, await charts(flight, points, map));
    return flight;
  } catch (thrown) {
    const problem = refusal(thrown);
    answer(t(problem.status === 404 ? "shell.not_found" : "shell.failed"));
    fill(byId("content"), failed(problem, show));
    return null;
  }
}

const first = await show();
if (first?.status === "airborne") {
  live({
    topics: ["flight"],
    kinds: ["fire_drone"],
    on: {
      flight: settled(2000, (data) => {
        if (data.flight_id === id || data.id === id) show();
      }),
    },
  });
}
