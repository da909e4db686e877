import { measure } from "../../lib/numbers.js";
import { hourOf, moment, now } from "../../lib/times.js";
import { alarmName, known, listed as allListed, named, t } from "../../lib/words.js";

/**
 * A lamp as the page shows it: what the API says of it, and how it is now.
 * @typedef {Item<"/streetlights"> & {state: State, seen: number | null, alarm?: Alarm}} Lamp
 */

const MOST = 6;

/**
 * Time alone for the next hours, with its day beyond.
 * @param {Instant} instant
 */
export const clock = (instant) =>
  Math.abs(new Date(instant).getTime() - now()) < 12 * 3600e3 ? hourOf(instant) : moment(instant);

/**
 * "L01, L02 und L03"; of many the first.
 * @param {string[]} names
 */
export const listed = (names) =>
  names.length > MOST
    ? t("light.and_more", { names: names.slice(0, MOST).join(", "), n: names.length - MOST })
    : allListed(names);

/**
 * The sentence above the page: who reports, what is broken, what holds.
 * @param {Lamp[]} lamps
 * @param {Map<string, string>} names
 */
export function answerOf(lamps, names) {
  const n = lamps.length;
  if (!n) return t("light.answer.none");
  const reporting = lamps.filter((l) => !["offline", "stale", "unknown"].includes(l.state)).length;
  const failed = lamps.filter((l) => l.alarm?.name.endsWith("lamp_failure")),
    disturbed = lamps.filter((l) => l.alarm && !failed.includes(l));
  const first = reporting === n ? t("light.answer.all", { n }) : t("light.answer.some", { n, reporting });
  /** @param {Lamp[]} some */
  const which = (some) =>
    listed(some.map((l) => t("light.answer.which", { name: names.get(l.id), since: moment(l.alarm?.since ?? now()) })));
  const parts = [first];
  if (failed.length) parts.push(t("light.answer.failed", { n: failed.length, which: which(failed) }));
  if (disturbed.length) parts.push(t("light.answer.disturbed", { n: disturbed.length, which: which(disturbed) }));
  if (parts.length === 1) parts.push(t("light.answer.whole"));
  return `${parts.join("; ")}. ${inForce(lamps)}`;
}

/** @param {Lamp[]} lamps */
function inForce(lamps) {
  const held = lamps.filter((l) => l.override_active);
  if (!held.length) return t("light.answer.plan");
  const ends = held
    .map((l) => l.in_force?.until)
    .filter(Boolean)
    .sort();
  return t("light.answer.held", { n: held.length, until: ends.length ? clock(ends.at(-1) ?? now()) : "–" });
}

/**
 * Lamps with the same level, reason and end, most first: {lamps, text, then}.
 * @param {Lamp[]} lamps
 */
export function forces(lamps) {
  const found = new Map();
  for (const lamp of lamps) {
    const [set, then] = ["in_force", "otherwise"].map((part) => lamp.why.find((reason) => partOf(reason) === part));
    const key = JSON.stringify([set, then]);
    if (!found.has(key)) found.set(key, { lamps: [], set, then });
    found.get(key).lamps.push(lamp);
  }
  return [...found.values()]
    .sort((a, b) => b.lamps.length - a.lamps.length)
    .map(({ lamps: ours, set, then }) => ({
      lamps: ours,
      text: set ? worded(set, ours.length) : "",
      then: then ? worded(then) : "",
    }));
}

/** @typedef {Lamp["why"][number]} Reason */

/** @param {Reason} reason */
const partOf = ({ code }) => (["set", "set_until", "unknown"].includes(code) ? "in_force" : code);

/**
 * The server's reason in words; the server words it alike (api/kinds/streetlight/explanation.py).
 * @param {Reason} reason
 * @param {number} n  of how many lamps it is said
 * @returns {string}
 */
function worded({ code, params = {} }, n = 1) {
  const key = `light.why.${code}`;
  if (!known(key)) return named(code.slice(code.lastIndexOf(".") + 1));
  const values = Object.entries(params).map(([name, value]) => [name, written(name, value)]);
  return t(key, { n, ...Object.fromEntries(values) });
}

/** @param {string} name @param {any} value */
function written(name, value) {
  if (value?.code) return worded(value);
  if (name.endsWith("_pct")) return measure(value, "%", 0);
  return name.endsWith("_at") ? clock(value) : value;
}

/**
 * What is doubtful about one lamp, in sentences.
 * @param {Lamp} lamp
 * @returns {string[]}
 */
export function doubts({ alarm, why }) {
  const broken =
    alarm && t("light.doubt.alarm", { name: alarmName("streetlight", alarm.name), since: moment(alarm.since) });
  const doubted = why.filter((reason) => !["in_force", "otherwise"].includes(partOf(reason)));
  return [...(broken ? [broken] : []), ...doubted.map((reason) => worded(reason))];
}

/**
 * What of the reasons still holds when a lamp has been heard since, and whether its level has moved.
 * @param {Lamp} lamp
 * @param {boolean} moved
 */
export const stillTrue = ({ why }, moved) => why.filter(({ code }) => code !== "heard" && !(code === "does" && moved));
