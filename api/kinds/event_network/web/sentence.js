import { moment } from "../../lib/times.js";
import { t } from "../../lib/words.js";
import { bare, lineName, rate } from "./words.js";

/** @typedef {import("./words.js").CityEvent} CityEvent */
/** @typedef {import("./words.js").Live} Live */
/** @typedef {import("./words.js").Line} Line */
/** @typedef {import("./words.js").Way} Way */
/** @typedef {import("./words.js").RatePoint} RatePoint */
/** @typedef {import("./words.js").Series} Series */

/**
 * The bucket with the highest second of a line, or null.
 * @param {RatePoint[]} points
 */
export function peakOf(points) {
  let best = null;
  for (const point of points) {
    const value = point.max_bps ?? point.mean_bps;
    if (value !== null && (best === null || value > best.bps)) {
      best = { bps: value, at: point.start, bound: point.max_is_upper_bound };
    }
  }
  return best;
}

/**
 * The line that came nearest to what was booked: {line, peak, booked}.
 * @param {Live} current
 * @param {Series | null} series
 * @param {Way} direction
 */
export function nearest(current, series, direction) {
  let best = null;
  for (const line of current.lines) {
    const booked = line[direction].booked_bps,
      stored = series?.lines.find((l) => l.area_id === line.area_id && l.service_class === line.service_class);
    const peak = stored && peakOf(stored[direction]);
    if (booked && peak && (best === null || peak.bps / booked > best.peak.bps / best.booked)) {
      best = { line, peak, booked };
    }
  }
  return best;
}

/**
 * What stands above the page: is what was booked there, and how near did use come.
 * @param {CityEvent} event
 * @param {Live} current
 * @param {Series | null} series
 * @param {Way} direction
 */
export function sentence(event, current, series, direction) {
  if (event.state === "draft" || event.state === "cancelled") return t(`event.answer.${event.state}`);
  const booked = current.lines.filter((l) => l.booking_id),
    broken = booked.filter((l) => l.breaches.length),
    full = booked.filter((l) => l.down.saturated || l.up.saturated);
  const parts = [];
  if (!current.in_service) {
    parts.push(t("event.answer.out_of_service", { from: moment(event.service_from), to: moment(event.service_to) }));
  } else if (!booked.length) parts.push(t("event.answer.nothing_booked", { down: rate(current.total.down.used_bps) }));
  else if (broken.length) {
    parts.push(
      t("event.answer.broken", { n: broken.length, of: booked.length, which: broken.map(lineName).join("; ") }),
    );
  } else parts.push(t("event.answer.kept", { n: booked.length }));
  if (full.length) parts.push(t("event.answer.full", { which: full.map(lineName).join("; ") }));
  const top = nearest(current, series, direction);
  if (top) {
    parts.push(
      t("event.answer.peak", {
        since: moment(series?.from ?? event.service_from),
        peak: bare(top.peak.bps),
        booked: rate(top.booked),
        at: moment(top.peak.at),
        which: lineName(top.line),
      }),
    );
  }
  return parts.join(" ");
}
