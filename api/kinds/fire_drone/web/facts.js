import { h } from "../../lib/dom.js";
import { measure, number } from "../../lib/numbers.js";
import { moment, timeOf } from "../../lib/times.js";
import { t } from "../../lib/words.js";
import { airTime, distance, position } from "./words.js";

/** @typedef {Answer<"/flights/{id}">} Flight */

/** @param {Instant} at */
const exact = (at) => moment(at, { seconds: true });

/** @param {string} title @param {[string, Child][]} entries */
function group(title, entries) {
  return [
    h("h3", {}, title),
    h(
      "dl",
      { class: "facts" },
      entries
        .filter(([, value]) => value !== null && value !== undefined && value !== "")
        .map(([name, value]) => [h("dt", {}, t(`flight.fact.${name}`)), h("dd", {}, value)]),
    ),
  ];
}

/** @param {NonNullable<Flight["takeoff_place"]>} found */
const height = ({ altitude_amsl_m: amsl }) =>
  amsl === null || amsl === undefined ? "" : t("flight.amsl", { height: measure(amsl, "m", 0) });

/** @param {number | null | undefined} ms */
const speed = (ms) =>
  ms === null || ms === undefined ? null : `${measure(ms, "m/s", 1)} (${measure(ms * 3.6, "km/h", 0)})`;

/** @param {Flight["takeoff_place"]} found */
const place = (found) => found && [position(found), height(found)].filter(Boolean).join(", ");
/** @param {number | null | undefined} value @param {string} unit @param {number} [digits] */
const known = (value, unit, digits) => (value === null || value === undefined ? null : measure(value, unit, digits));

/** @param {Flight} flight @returns {[string, Child][]} */
const landingFacts = ({ landing, landing_place, landing_latest, last_airborne, landings }) => [
  [
    "at",
    landing
      ? timeOf(landing, exact)
      : t("flight.unseen", {
          from: exact(last_airborne),
          to: landing_latest ? exact(landing_latest) : t("flight.open_end"),
        }),
  ],
  ["place", place(landing_place)],
  ["landings", number(landings)],
];

/** @param {Flight} flight @returns {[string, Child][]} */
const flown = ({ duration_s, airborne_s, figures }) => [
  ["duration", airTime(duration_s)],
  ["airborne", airborne_s === duration_s ? null : airTime(airborne_s)],
  ["distance", distance(figures.distance_m)],
  ["across_gaps", figures.gap_distance_m ? distance(figures.gap_distance_m) : null],
  ["height_rel", known(figures.altitude_rel_max_m, "m", 0)],
  ["height_amsl", known(figures.altitude_amsl_max_m, "m", 0)],
  ["speed", speed(figures.ground_speed_max_ms)],
  ["far", known(figures.home_distance_max_m, "m", 0)],
];

/** @param {Flight["figures"]} figures @returns {[string, Child][]} */
function batteryFacts(figures) {
  const from = known(figures.battery_start_pct, "%", 0);
  return [
    ["battery_serial", figures.battery_serial],
    ["battery_used", from && t("flight.from_to", { from, to: known(figures.battery_end_pct, "%", 0) ?? "–" })],
    ["battery_low", known(figures.battery_voltage_min_v, "V", 1)],
    ["battery_warm", known(figures.battery_temperature_max_c, "°C", 0)],
  ];
}

/** @param {Flight} flight @returns {[string, Child][]} */
const qualityFacts = ({ source, quality }) => [
  ["source", t(`flight.source.${source}`)],
  ["samples", t("flight.samples", { n: quality.samples, expected: quality.expected_samples })],
  [
    "gaps",
    quality.gaps.length
      ? t("flight.gaps", {
          n: quality.gaps.length,
          time: airTime(quality.total_gap_s),
          longest: airTime(quality.longest_gap_s),
        })
      : t("flight.no_gaps"),
  ],
  ["conflicts", quality.conflicts ? number(quality.conflicts) : null],
  ["implausible", quality.implausible_positions ? number(quality.implausible_positions) : null],
  ["fix", quality.no_3d_fix_share ? measure(quality.no_3d_fix_share * 100, "%", 1) : null],
];

/**
 * What a flight book holds, in its order: aircraft, take-off, landing, figures, battery, then how good the data are.
 * @param {Flight} flight
 */
export function facts(flight) {
  const { drone } = flight;
  return h(
    "section",
    { class: "card flight-facts" },
    h("h2", {}, t("flight.book")),
    group(t("flight.group.aircraft"), [
      ["number", number(flight.number)],
      ["name", drone.name],
      ["model", [drone.maker, drone.model].filter(Boolean).join(" ")],
      ["serial", drone.serial],
      ["registration", drone.registration],
      ["firmware", drone.firmware],
    ]),
    group(t("flight.group.takeoff"), [
      ["at", timeOf(flight.takeoff, exact)],
      ["place", place(flight.takeoff_place)],
    ]),
    group(t("flight.group.landing"), landingFacts(flight)),
    group(t("flight.group.figures"), flown(flight)),
    group(t("flight.group.battery"), batteryFacts(flight.figures)),
    group(t("flight.group.quality"), qualityFacts(flight)),
  );
}
