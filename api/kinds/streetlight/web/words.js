import { measure } from "../../lib/numbers.js";
import { hourOf, moment, now } from "../../lib/times.js";
import { alarmName, listed as allListed, t, valueName } from "../../lib/words.js";

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
 * Lamps with the same level, reason and end, most first: {lamps, text, more}.
 * @param {Lamp[]} lamps
 */
export function forces(lamps) {
  const found = new Map();
  for (const lamp of lamps) {
    const { level_pct: level, reason, until } = lamp.in_force ?? {};
    const asked = lamp.asked?.find((a) => a.command_id === lamp.in_force?.ref || a.effect === "in_force");
    const key = [level, reason, until?.slice(0, 16), asked?.issuer, asked?.reason].join("|");
    if (!found.has(key)) found.set(key, { lamps: [], text: why(level, reason, until, asked), then: then(lamp) });
    found.get(key).lamps.push(lamp);
  }
  return [...found.values()].sort((a, b) => b.lamps.length - a.lamps.length);
}

/**
 * @param {number | null | undefined} level
 * @param {string | null | undefined} reason
 * @param {string | null | undefined} until
 * @param {any} asked
 */
function why(level, reason, until, asked) {
  if (level === undefined || level === null) return t("light.force.unknown");
  const text = measure(level, "%", 0);
  const person = asked && ["override", "emergency", "maintenance"].includes(reason ?? "");
  const cause = person
    ? t(asked.reason ? "light.force.by_why" : "light.force.by", { issuer: asked.issuer, reason: asked.reason })
    : valueName("streetlight", reason ?? "unknown");
  return until
    ? t("light.force.until", { level: text, until: clock(until), cause })
    : t("light.force.open", { level: text, cause });
}

/** @param {Lamp} lamp */
const then = (lamp) =>
  lamp.override_active && lamp.plan_level_pct !== null
    ? t("light.force.then", { level: measure(lamp.plan_level_pct, "%", 0) })
    : "";

/** @param {Lamp} lamp */
function doubtOfLevel({ in_force: force, level_pct: level }) {
  const asked = force?.level_pct ?? null;
  const differs = asked !== null && level !== null && Math.abs(asked - level) > 5;
  return differs && t("light.doubt.does", { level: measure(level, "%", 0) });
}

/** @param {Lamp} lamp */
function doubtOfOrder(lamp) {
  const waiting = lamp.asked?.find((a) => a.effect === "pending");
  if (!waiting) return null;
  const what = waiting.level_pct === null ? t("light.resume") : measure(waiting.level_pct, "%", 0);
  return t("light.doubt.pending", { what, state: t(`delivery.${waiting.delivery}`) });
}

/** @param {Lamp} lamp */
function doubtOfConnection({ state, status_since: since, seen }) {
  if (state === "offline") return t("light.doubt.offline", { since: since ? moment(since) : "–" });
  return state === "stale" && t("light.doubt.stale", { since: moment(seen ?? now()) });
}

/**
 * What is doubtful about one lamp, in sentences.
 * @param {Lamp} lamp
 * @returns {string[]}
 */
export function doubts(lamp) {
  const { alarm } = lamp;
  const broken =
    alarm && t("light.doubt.alarm", { name: alarmName("streetlight", alarm.name), since: moment(alarm.since) });
  return [broken, doubtOfLevel(lamp), doubtOfOrder(lamp), doubtOfConnection(lamp)].flatMap((text) => text || []);
}
