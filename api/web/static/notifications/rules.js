import { language } from "../lib/facts.js";
import { duration, zone } from "../lib/times.js";
import { kindPlural, listed, t } from "../lib/words.js";

/** @typedef {Item<"/notification-rules">} Rule */

export const SEVERITIES = ["info", "warning", "major", "critical"];
export const WEEKDAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const DAY = new Intl.DateTimeFormat(language, { weekday: "short", timeZone: "UTC" });

/** @param {string} weekday */
export const dayName = (weekday) => DAY.format(Date.UTC(2024, 0, 1 + WEEKDAYS.indexOf(weekday)));

/**
 * From which severity on a rule tells; empty where it leaves one out between.
 * @param {{severities: string[]}} rule
 */
export function leastSeverity({ severities }) {
  if (!severities.length) return SEVERITIES[0];
  const [least] = SEVERITIES.filter((one) => severities.includes(one));
  return SEVERITIES.slice(SEVERITIES.indexOf(least)).length === severities.length ? least : "";
}

/** @param {Rule} rule */
export const severityText = (rule) =>
  leastSeverity(rule)
    ? t(`notifications.from.${leastSeverity(rule)}`)
    : t("notifications.from.some", { which: listed(rule.severities.map((one) => t(`severity.${one}`))) });

/**
 * "Mo–Fr", "Sa, So", "täglich".
 * @param {string[]} weekdays
 */
function daysText(weekdays) {
  if (weekdays.length === 7) return t("notifications.daily");
  const runs = [];
  for (const at of weekdays.map((one) => WEEKDAYS.indexOf(one)).sort()) {
    if (runs.at(-1)?.at(-1) === at - 1) runs.at(-1).push(at);
    else runs.push([at]);
  }
  /** @param {number} at */
  const name = (at) => dayName(WEEKDAYS[at]);
  return runs
    .map((run) => (run.length > 2 ? `${name(run[0])}–${name(run.at(-1))}` : run.map(name).join(", ")))
    .join(", ");
}

/** @param {Rule} rule */
function dutyText({ duty, critical_always: always }) {
  if (!duty.spans?.length) return t("notifications.said.always");
  const spans = duty.spans.map((span) => `${daysText(span.weekdays)} ${span.from}–${span.until}`).join("; ");
  return (
    [
      t("notifications.said.duty", { spans: duty.zone === zone ? spans : `${spans} (${duty.zone})` }),
      duty.region && t("notifications.said.holidays", { region: duty.region }),
      always && t("notifications.said.critical"),
    ]
      .filter(Boolean)
      .join(", ") + "."
  );
}

/**
 * A rule as sentences; `names` are those of targets and groups by id.
 * @param {Rule} rule
 * @param {Map<string, string>} names
 */
export function ruleText(rule, names) {
  /** @param {string[]} ids */
  const called = (ids) => listed(ids.map((id) => names.get(id) ?? id));
  const what = {
    which: severityText(rule),
    kinds: listed(rule.kinds.map(kindPlural)),
    targets: called(rule.targets),
    groups: called(rule.groups),
  };
  return [
    t(rule.groups.length ? "notifications.said.what_in" : "notifications.said.what", what),
    dutyText(rule),
    t("notifications.said.gather", { span: duration(rule.gather_s) }),
    rule.repeat_min && t("notifications.said.repeat", { span: duration(rule.repeat_min * 60) }),
    ...rule.escalation.map((step) =>
      t("notifications.said.escalation", { span: duration(step.after_min * 60), targets: called(step.targets) }),
    ),
    t(rule.resolved ? "notifications.said.resolved" : "notifications.said.unresolved"),
  ]
    .filter(Boolean)
    .join(" ");
}
