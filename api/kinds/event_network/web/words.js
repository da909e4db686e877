import { h, icon } from "../../lib/dom.js";
import { language } from "../../lib/facts.js";
import { measure, number } from "../../lib/numbers.js";
import { hourOf } from "../../lib/times.js";
import { t } from "../../lib/words.js";

/** @typedef {Answer<"/events/{id}">} CityEvent */
/** @typedef {Answer<"/events/{id}/live">} Live */
/** @typedef {Live["lines"][number]} Line */
/** @typedef {"down" | "up"} Way */
/** @typedef {Answer<"/events/{id}/series">["lines"][number]} SeriesLine */
/** @typedef {SeriesLine["down"][number]} RatePoint */
/** @typedef {{lines: SeriesLine[], from: number, to: number, width: number, name: string, readAt: number}} Series */
/** @typedef {{area?: string | null, area_id?: string | null, service_class: string}} Named */

const DAY = new Intl.DateTimeFormat(language, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });

/**
 * "4,5 Mbit/s"; 1 Mbit is 1,000,000 bit.
 * @param {number | null | undefined} bps
 */
export const rate = (bps) => (bps === null || bps === undefined ? "–" : measure(bps / 1e6, "Mbit/s", digits(bps)));
/** @param {number} bps */
const digits = (bps) => (bps >= 1e8 ? 0 : bps >= 1e6 ? 1 : 2);
/**
 * Without its unit, for "4,5 von 200 Mbit/s".
 * @param {number | null | undefined} bps
 */
export const bare = (bps) => (bps === null || bps === undefined ? "–" : number(bps / 1e6, digits(bps)));
/**
 * "12,3 GB".
 * @param {number} bytes
 */
export const volume = (bytes) => measure(bytes / 1e9, "GB", bytes >= 1e10 ? 0 : bytes >= 1e8 ? 1 : 3);

/**
 * From and to, the day of the end only where it is another.
 * @param {Instant} from
 * @param {Instant} to
 */
export function span(from, to) {
  const [a, b] = [new Date(from), new Date(to)];
  return `${DAY.format(a)} – ${a.toDateString() === b.toDateString() ? hourOf(b) : DAY.format(b)}`;
}

/**
 * "Bühne, Besucher".
 * @param {Named} line
 */
export const lineName = (line) =>
  [line.area ?? t("event.whole_place"), t(`event.class.${line.service_class}`)].join(", ");
/** @param {Named} line */
export const lineKey = (line) => `${line.area_id ?? ""}.${line.service_class}`;

/** @type {Record<string, [string, string]>} */
const ICONS = {
  draft: ["unknown", ""],
  confirmed: ["waiting", ""],
  setup: ["waiting", ""],
  live: ["ok", "is-ok"],
  teardown: ["waiting", ""],
  closed: ["done", ""],
  cancelled: ["close", ""],
};

/**
 * Icon and word of an event's state.
 * @param {string} state
 */
export function eventMark(state) {
  const [name, tone] = ICONS[state] ?? ["info", ""];
  return h("span", { class: `state ${tone}` }, icon(name), h("span", {}, t(`events.state.${state}`)));
}
