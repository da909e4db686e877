import { language } from "../../lib/facts.js";
import { measure } from "../../lib/numbers.js";
import { moment, now } from "../../lib/times.js";
import { alarmName, t, valueName } from "../../lib/words.js";

const CLOCK = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit" });
const LIST = new Intl.ListFormat(language, { type: "conjunction" });
const MOST = 6;

/** Time alone for the next hours, with its day beyond. */
export const clock = (instant) =>
  Math.abs(new Date(instant) - now()) < 12 * 3600e3 ? CLOCK.format(new Date(instant)) : moment(instant);

/** "L01, L02 und L03"; of many the first. */
export const listed = (names) =>
  names.length > MOST
    ? t("light.and_more", { names: names.slice(0, MOST).join(", "), n: names.length - MOST })
    : LIST.format(names);

/** The sentence above the page: who reports, what is broken, what holds. */
export function answerOf(lamps, names) {
  const n = lamps.length;
  if (!n) return t("light.answer.none");
  const reporting = lamps.filter((l) => !["offline", "stale", "unknown"].includes(l.state)).length;
  const failed = lamps.filter((l) => l.alarm?.name.endsWith("lamp_failure")),
    disturbed = lamps.filter((l) => l.alarm && !failed.includes(l));
  const first = reporting === n ? t("light.answer.all", { n }) : t("light.answer.some", { n, reporting });
  const which = (some) =>
    listed(some.map((l) => t("light.answer.which", { name: names.get(l.id), since: moment(l.alarm.since) })));
  const parts = [first];
  if (failed.length) parts.push(t("light.answer.failed", { n: failed.length, which: which(failed) }));
  if (disturbed.length) parts.push(t("light.answer.disturbed", { n: disturbed.length, which: which(disturbed) }));
  if (parts.length === 1) parts.push(t("light.answer.whole"));
  return `${parts.join("; ")}. ${inForce(lamps)}`;
}

function inForce(lamps) {
  const held = lamps.filter((l) => l.override_active);
  if (!held.length) return t("light.answer.plan");
  const ends = held
    .map((l) => l.in_force?.until)
    .filter(Boolean)
    .sort();
  return t("light.answer.held", { n: held.length, until: ends.length ? clock(ends.at(-1)) : "–" });
}

/** Lamps with the same level, reason and end, most first: {lamps, text, more}. */
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

function why(level, reason, until, asked) {
  if (level === undefined || level === null) return t("light.force.unknown");
  const text = measure(level, "%", 0);
  const person = asked && ["override", "emergency", "maintenance"].includes(reason);
  const cause = person
    ? t(asked.reason ? "light.force.by_why" : "light.force.by", { issuer: asked.issuer, reason: asked.reason })
    : valueName("streetlight", reason ?? "unknown");
  return until
    ? t("light.force.until", { level: text, until: clock(until), cause })
    : t("light.force.open", { level: text, cause });
}

const then = (lamp) =>
  lamp.override_active && lamp.plan_level_pct !== null
    ? t("light.force.then", { level: measure(lamp.plan_level_pct, "%", 0) })
    : "";

/** What is doubtful about one lamp, in sentences. */
export function doubts(lamp) {
  const found = [],
    asked = lamp.in_force?.level_pct ?? null;
  if (lamp.alarm)
    found.push(
      t("light.doubt.alarm", { name: alarmName("streetlight", lamp.alarm.name), since: moment(lamp.alarm.since) }),
    );
  if (asked !== null && lamp.level_pct !== null && Math.abs(asked - lamp.level_pct) > 5)
    found.push(t("light.doubt.does", { level: measure(lamp.level_pct, "%", 0) }));
  const waiting = lamp.asked?.find((a) => a.effect === "pending");
  if (waiting)
    found.push(
      t("light.doubt.pending", {
        what: waiting.level_pct === null ? t("light.resume") : measure(waiting.level_pct, "%", 0),
        state: t(`delivery.${waiting.delivery}`),
      }),
    );
  if (lamp.state === "offline")
    found.push(t("light.doubt.offline", { since: lamp.status_since ? moment(lamp.status_since) : "–" }));
  else if (lamp.state === "stale") found.push(t("light.doubt.stale", { since: moment(lamp.seen) }));
  return found;
}
