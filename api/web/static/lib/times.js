import { language } from "./facts.js";
import { h, put } from "./dom.js";
import { t } from "./words.js";

// Times are shown in the zone of whoever looks; the whole and UTC stand in the title.
export const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
/** @param {Intl.DateTimeFormatOptions} options */
const form = (options) => new Intl.DateTimeFormat(language, options);
const CLOCK = form({ hour: "2-digit", minute: "2-digit" });
const SECONDS = form({ hour: "2-digit", minute: "2-digit", second: "2-digit" });
const DAY = form({ day: "numeric", month: "short" });
const YEAR = form({ day: "numeric", month: "short", year: "numeric" });
const WHOLE = form({ dateStyle: "full", timeStyle: "long" });
const UTC = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "medium", timeZone: "UTC" });
const DAYS = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
const AGO = new Intl.RelativeTimeFormat(language, { style: "narrow", numeric: "always" });

// The server's clock counts: a tablet whose clock is wrong must not make values look old or new.
const clock = { ahead: 0 };
export const now = () => Date.now() + clock.ahead;
/**
 * Learn the server's clock from an answer's Date, or a message's time.
 * @param {number} milliseconds
 */
export const learn = (milliseconds) => {
  clock.ahead = Math.abs(milliseconds - Date.now()) < 1500 ? 0 : milliseconds - Date.now();
};

/**
 * "21:14".
 * @param {Instant} instant
 */
export const hourOf = (instant) => CLOCK.format(new Date(instant));

/**
 * The day of an instant as the number of its first millisecond.
 * @param {Instant} instant
 */
export const midnight = (instant) => new Date(instant).setHours(0, 0, 0, 0);
/** @param {number} seconds @returns {["second" | "minute" | "hour" | "day", number]} */
const unit = (seconds) =>
  seconds < 60 ? ["second", 1] : seconds < 3600 ? ["minute", 60] : seconds < 86400 ? ["hour", 3600] : ["day", 86400];

/**
 * "heute 21:14", "gestern 21:14", "3. Nov., 21:14"; with `seconds` to the second.
 * @param {Instant} instant
 */
export function moment(instant, { seconds = false } = {}) {
  const at = new Date(instant);
  const hour = seconds ? SECONDS.format(at) : hourOf(at);
  const days = Math.round((midnight(at) - midnight(now())) / 86400000);
  if (Math.abs(days) <= 1) return `${DAYS.format(days, "day")} ${hour}`;
  return `${(at.getFullYear() === new Date(now()).getFullYear() ? DAY : YEAR).format(at)}, ${hour}`;
}

/**
 * "vor 3 s"; never in the future.
 * @param {Instant} instant
 */
export function ago(instant) {
  const seconds = Math.max(0, Math.floor((now() - new Date(instant).getTime()) / 1000));
  const [name, size] = unit(seconds);
  return AGO.format(-Math.floor(seconds / size), name);
}

/**
 * "30 min", "2 h", "3 d" as people write it.
 * @param {number} seconds
 */
export function duration(seconds) {
  const [name, size] = unit(Math.max(0, Math.round(seconds)));
  const value = Math.round((seconds / size) * 10) / 10;
  return new Intl.NumberFormat(language, {
    style: "unit",
    unit: name,
    unitDisplay: "narrow",
    maximumFractionDigits: value < 10 ? 1 : 0,
  }).format(value);
}

/**
 * Whole time with zone, and UTC.
 * @param {Instant} instant
 */
export const whole = (instant) => `${WHOLE.format(new Date(instant))}\n${UTC.format(new Date(instant))} UTC`;

/** @type {Set<HTMLTimeElement>} */
const ticking = new Set();

/**
 * `<time>` that says when: `shape` is moment, ago or clock. An `ago` goes on by itself while it is on the page.
 * @param {Instant | null | undefined} instant
 * @param {(instant: Instant) => string} shape
 */
export function timeOf(instant, shape = moment) {
  if (!instant) return h("span", { class: "quiet" }, t("shell.never"));
  const element = h("time", { datetime: new Date(instant).toISOString(), title: whole(instant) }, shape(instant));
  if (shape === ago) ticking.add(element);
  return element;
}

/**
 * Let an `ago` of timeOf stand for another instant.
 * @param {HTMLElement} element
 * @param {Instant} instant
 */
export function renew(element, instant) {
  const stamp = new Date(instant).toISOString();
  if (!(element instanceof HTMLTimeElement) || element.dateTime === stamp) return;
  element.dateTime = stamp;
  element.title = whole(instant);
  put(element, ago(instant));
}

setInterval(() => {
  for (const element of ticking) {
    if (!element.isConnected) {
      ticking.delete(element);
      continue;
    }
    put(element, ago(element.dateTime));
  }
}, 1000);
