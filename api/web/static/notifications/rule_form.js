import { post, put, read } from "../lib/api.js";
import { ask, field } from "../lib/dialog.js";
import { h } from "../lib/dom.js";
import { check, checks, rows } from "../lib/form.js";
import { me } from "../lib/page.js";
import { duration } from "../lib/times.js";
import { kindPlural, t } from "../lib/words.js";
import { dayName, leastSeverity, SEVERITIES, severityText, WEEKDAYS } from "./rules.js";

/** @typedef {import("./rules.js").Rule} Rule */
/** @typedef {Item<"/notification-targets">} Target */
/** @typedef {Item<"/groups">} Group */

const MINUTE = 60,
  HOUR = 3600;
const USUAL = {
  name: "",
  kinds: [],
  severities: ["major", "critical"],
  groups: [],
  targets: [],
  duty: { spans: [], region: null },
  critical_always: true,
  gather_s: 30,
  repeat_min: null,
  escalation: [],
  resolved: true,
  enabled: true,
};
const SPAN = { weekdays: WEEKDAYS.slice(0, 5), from: "07:00", until: "16:00" };

/**
 * Choice of a length of time, with the one that is.
 * @param {string} name
 * @param {string} label
 * @param {number[]} usual
 * @param {number} current
 * @param {Child} [note]
 */
function span(name, label, usual, current, note, said = duration) {
  const seconds = [...new Set([...usual, current])].sort((a, b) => a - b);
  return field(name, label, { tag: "select", options: seconds.map((s) => [s, said(s)]), value: current }, note);
}

/** @param {any} one */
function dutyRow(one) {
  const days = checks("", t("notifications.days"), paired(WEEKDAYS, dayName), one.weekdays, { required: true });
  /** @param {string} name @param {string} label */
  const time = (name, label) => field(name, label, { type: "time", required: true, value: one[name] });
  const from = time("from", t("notifications.since")),
    until = time("until", t("notifications.until"));
  return {
    parts: [days.element, h("div", { class: "field-row" }, from, until)],
    value: () => ({ weekdays: days.value(), from: from[1].value, until: until[1].value }),
  };
}

/** @param {any} one @param {[string, string][]} options */
function stepRow(one, options) {
  const after = span(
    "after",
    t("notifications.after"),
    [15 * MINUTE, 30 * MINUTE, HOUR, 4 * HOUR],
    one.after_min * MINUTE,
  );
  const targets = checks("", t("notifications.also_to"), options, one.targets, { required: true });
  return {
    parts: [after, targets.element],
    value: () => ({ after_min: after[1].value / MINUTE, targets: targets.value() }),
  };
}

/**
 * Options of a choice: each value with its text.
 * @param {string[]} values
 * @param {(value: string) => string} said
 * @returns {[string, string][]}
 */
const paired = (values, said) => values.map((value) => [value, said(value)]);

/** @param {any} rule */
function severityField(rule) {
  /** @type {[string, string][]} */
  const odd = leastSeverity(rule) ? [] : [["", severityText(rule)]];
  return field("severities", t("notifications.which"), {
    tag: "select",
    options: [...odd, ...paired(SEVERITIES, (one) => t(`notifications.from.${one}`))],
    value: leastSeverity(rule),
  });
}

/**
 * Parts of the form as {element, value()}, by the name of what they say.
 * @param {any} rule
 * @param {Target[]} targets
 * @param {Group[]} groups
 */
function partsOf(rule, targets, groups) {
  /** @type {[string, string][]} */
  const options = targets.map((one) => [one.id, one.name]);
  const kindOf = new Map(groups.map((group) => [group.id, group.kind]));
  const chosen = options.length === 1 ? [options[0][0]] : rule.targets;
  const parts = {
    targets: checks("targets", t("notifications.to"), options, chosen, { required: true }),
    kinds: checks("kinds", t("notifications.kinds"), paired(me.kinds, kindPlural), rule.kinds, {
      note: t("notifications.kinds_note"),
    }),
    groups: checks(
      "groups",
      t("notifications.groups"),
      groups.map((group) => [group.id, group.name]),
      rule.groups,
      { note: t("notifications.groups_note") },
    ),
    spans: rows("spans", t("notifications.duty"), rule.duty.spans, {
      add: t("notifications.duty_add"),
      usual: SPAN,
      make: dutyRow,
      note: t("notifications.duty_note"),
    }),
    critical: check(t("notifications.critical_always"), rule.critical_always),
    escalation: rows("escalation", t("notifications.escalation"), rule.escalation, {
      add: t("notifications.escalation_add"),
      usual: { after_min: 60, targets: [] },
      make: (one) => stepRow(one, options),
      note: t("notifications.escalation_note"),
    }),
    resolved: check(t("notifications.resolved"), rule.resolved),
    enabled: check(t("notifications.rule_enabled"), rule.enabled),
  };
  const narrow = () => {
    const kinds = parts.kinds.value();
    parts.groups.only((id) => !kinds.length || kinds.includes(kindOf.get(id) ?? ""));
  };
  parts.kinds.element.addEventListener("change", narrow);
  narrow();
  return parts;
}

/**
 * Ask for a new rule, or for changes of one; resolves with it, or undefined.
 * @param {Rule | null} known
 * @param {Target[]} targets
 * @param {Group[]} groups
 */
export async function ruleForm(known, targets, groups) {
  /** @type {{found: any, etag?: string | null}} */
  const { found: rule, etag } = known ? await read(`/notification-rules/${known.id}`) : { found: USUAL };
  const parts = partsOf(rule, targets, groups),
    one = me.kinds.length === 1;
  const fields = [
    field("name", t("notifications.name"), { required: true, maxlength: 200, value: rule.name, autocomplete: "off" }),
    severityField(rule),
    !one && parts.kinds.element,
    groups.length > 0 && parts.groups.element,
    parts.targets.element,
    parts.spans.element,
    field(
      "region",
      t("notifications.region"),
      {
        pattern: "[A-Z]{2}(-[A-Z0-9]{1,3})?",
        maxlength: 6,
        value: rule.duty.region ?? "",
        autocomplete: "off",
        placeholder: "DE-RP",
      },
      t("notifications.region_note"),
    ),
    parts.critical.element,
    span(
      "gather_s",
      t("notifications.gather"),
      [10, 30, MINUTE, 5 * MINUTE, 15 * MINUTE],
      rule.gather_s,
      t("notifications.gather_note"),
    ),
    span(
      "repeat_min",
      t("notifications.repeat"),
      [0, 30 * MINUTE, HOUR, 4 * HOUR, 24 * HOUR],
      (rule.repeat_min ?? 0) * MINUTE,
      undefined,
      (s) => (s ? t("notifications.every", { span: duration(s) }) : t("notifications.repeat_never")),
    ),
    parts.escalation.element,
    parts.resolved.element,
    known && parts.enabled.element,
  ];
  return ask(known ? rule.name : t("notifications.rule_add"), fields, t("notifications.save"), (data) => {
    const body = bodyOf(data, rule, parts);
    return known ? put(`/notification-rules/${known.id}`, body, etag) : post("/notification-rules", body);
  });
}

/**
 * What is sent: of severities those from the chosen one on, where one was chosen.
 * @param {Values} data
 * @param {any} rule
 * @param {ReturnType<typeof partsOf>} parts
 */
function bodyOf(data, rule, parts) {
  const kinds = me.kinds.length === 1 ? me.kinds : parts.kinds.value();
  const from = SEVERITIES.indexOf(data.severities);
  const chosen = from === 0 ? [] : SEVERITIES.slice(from);
  return {
    name: data.name.trim(),
    kinds: kinds.length ? kinds : null,
    groups: parts.groups.value(),
    targets: parts.targets.value(),
    severities: data.severities ? chosen : rule.severities,
    duty: { zone: rule.duty.zone, spans: parts.spans.value(), region: data.region || null },
    critical_always: parts.critical.value(),
    gather_s: Number(data.gather_s),
    repeat_min: Number(data.repeat_min) / MINUTE || null,
    escalation: parts.escalation.value(),
    resolved: parts.resolved.value(),
    enabled: parts.enabled.value(),
  };
}
