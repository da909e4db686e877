import { h } from "../../lib/dom.js";
import { measure, number } from "../../lib/numbers.js";
import { moment, timeOf } from "../../lib/times.js";
import { t } from "../../lib/words.js";
import { airTime, distance, position } from "./words.js";

const exact = (at) => moment(at, { seconds: true });

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

const place = (found) =>
  found &&
  `${position(found)}${found.altitude_amsl_m === null ? "" : `, ${t("flight.amsl", { height: measure(found.altitude_amsl_m, "m", 0) })}`}`;
const known = (value, unit, digits) => (value === null ? null : measure(value, unit, digits));

/** What a flight book holds, in its order: aircraft, take-off, landing, figures, battery, then how good the data are. */
export function facts({
  drone,
  number: flight,
  source,
  takeoff,
  takeoff_place,
  landing,
  landing_place,
  landing_latest,
  last_airborne,
  landings,
  duration_s,
  airborne_s,
  figures,
  quality,
}) {
  return h(
    "section",
    { class: "card flight-facts" },
    h("h2", {}, t("flight.book")),
    group(t("flight.group.aircraft"), [
      ["number", number(flight)],
      ["name", drone.name],
      ["model", [drone.maker, drone.model].filter(Boolean).join(" ")],
      ["serial", drone.serial],
      ["registration", drone.registration],
      ["firmware", drone.firmware],
    ]),
    group(t("flight.group.takeoff"), [
      ["at", timeOf(takeoff, exact)],
      ["place", place(takeoff_place)],
    ]),
    group(t("flight.group.landing"), [
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
    ]),
    group(t("flight.group.figures"), [
      ["duration", airTime(duration_s)],
      ["airborne", airborne_s === duration_s ? null : airTime(airborne_s)],
      ["distance", distance(figures.distance_m)],
      ["across_gaps", figures.gap_distance_m ? distance(figures.gap_distance_m) : null],
      ["height_rel", known(figures.altitude_rel_max_m, "m", 0)],
      ["height_amsl", known(figures.altitude_amsl_max_m, "m", 0)],
      [
        "speed",
        figures.ground_speed_max_ms === null
          ? null
          : `${measure(figures.ground_speed_max_ms, "m/s", 1)} (${measure(figures.ground_speed_max_ms * 3.6, "km/h", 0)})`,
      ],
      ["far", known(figures.home_distance_max_m, "m", 0)],
    ]),
    group(t("flight.group.battery"), [
      ["battery_serial", figures.battery_serial],
      [
        "battery_used",
        figures.battery_start_pct === null
          ? null
          : t("flight.from_to", {
              from: measure(figures.battery_start_pct, "%", 0),
              to: known(figures.battery_end_pct, "%", 0) ?? "–",
            }),
      ],
      ["battery_low", known(figures.battery_voltage_min_v, "V", 1)],
      ["battery_warm", known(figures.battery_temperature_max_c, "°C", 0)],
    ]),
    group(t("flight.group.quality"), [
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
    ]),
  );
}
