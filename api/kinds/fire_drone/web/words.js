import { h, icon } from "../../lib/dom.js";
import { measure, number } from "../../lib/numbers.js";
import { t } from "../../lib/words.js";

/**
 * "4 min 43 s", "1 h 12 min".
 * @param {number | null | undefined} seconds
 */
export function airTime(seconds) {
  const whole = Math.round(seconds ?? 0),
    hours = Math.floor(whole / 3600),
    minutes = Math.floor((whole % 3600) / 60);
  if (hours) return t("flights.time.hours", { hours, minutes });
  return minutes
    ? t("flights.time.minutes", { minutes, seconds: whole % 60 })
    : t("flights.time.seconds", { seconds: whole });
}

/**
 * "628 m", "2,4 km".
 * @param {number | null | undefined} metres
 */
export const distance = (metres) =>
  metres === null || metres === undefined
    ? "–"
    : metres < 1000
      ? measure(metres, "m", 0)
      : measure(metres / 1000, "km", 1);

/** @type {Record<string, [string, string]>} */
const ICONS = {
  airborne: ["kind-fire_drone", ""],
  landed: ["done", "is-ok"],
  landing_not_observed: ["warning", "is-warning"],
};

/**
 * Icon and word of how a flight stands.
 * @param {string} status
 */
export function statusMark(status) {
  const [name, tone] = ICONS[status] ?? ["info", ""];
  return h("span", { class: `state ${tone}` }, icon(name), h("span", {}, t(`flights.status.${status}`)));
}

/**
 * What somebody should look at.
 * @param {string[]} flags
 */
export const marks = (flags) =>
  flags.map((flag) => h("span", { class: "state is-warning" }, icon("info"), h("span", {}, t(`flights.flag.${flag}`))));

/**
 * Degrees as a flight book has them.
 * @param {{lat: number, lon: number}} place
 */
export const position = ({ lat, lon }) => `${number(lat, 5)}° N, ${number(lon, 5)}° O`;
