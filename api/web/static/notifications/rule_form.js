import { post, put, read } from "../lib/api.js";
import { ask, field } from "../lib/dialog.js";
import { h } from "../lib/dom.js";
import { check, checks, rows } from "../lib/form.js";
import { me } from "../lib/page.js";
import { duration } from "../lib/times.js";
import { kindPlural, t } from "../lib/words.js";
import { dayName, leastSeverity, SEVERITIES, severityText, WEEKDAYS } from "./rules.js";

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

/** Choice of a length of time, with the one that is. */
function span(name, label, usual, current, note, said = duration) {
  const seconds = [...new Set([...usual, current])].sort((a, b) => a - b);
  return field(name, label, { tag: "select", options: seconds.map((s) => [s, said(s)]), value: current }, note);
}

function dutyRow(one) {
  const days = checks(
    "",
    t("notifications.days"),
    WEEKDAYS.map((day) => [day, dayName(day)]),
    one.weekdays,
    { required: true },
  );
  const time = (name, label) => field(name, label, { type: "time", required: true, value: one[name] });
  const from = time("from", t("notifications.since")),
    until = time("until", t("notifications.until"));
  return {
    parts: [days.element, h("div", { class: "field-row" }, from, until)],
    value: () => ({ weekdays: days.value(), from: from[1].value, until: until[1].value }),
  };
}

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

function severityField(rule) {
  const odd = leastSeverity(rule) ? [] : [["", severityText(rule)]];
  return field("severities", t("notifications.which"), {
    tag: "select",
    options: [...odd, ...SEVERITIES.map((one) => [one, t(`notifications.from.${one}`)])],
    value: leastSeverity(rule),
  });
}

/** Parts of the form as {element, value()}, by the name of what they say. */
function partsOf(rule, targets, groups) {
  const options = targets.map((one) => [one.id, one.name]);
  const kindOf = new Map(groups.map((group) => [group.id, group.kind]));
  const chosen = options.length === 1 ? [options[0][0]] : rule.targets;
  const parts = {
    targets: checks("targets", t("notifications.to"), options, chosen, { required: true }),
    kinds: checks(
      "kinds",
      t("notifications.kinds"),
      me.kinds.map((kind) => [kind, kindPlural(kind)]),
      rule.kinds,
      { note: t("notifications.kinds_note") },
    ),
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
    parts.groups.only((id) => !kinds.length || kinds.includes(kindOf.get(id)));
  };
  parts.kinds.element.addEventListener("change", narrow);
  narrow();
  return parts;
}

/** Ask for a new rule, or for changes of one; resolves with it, or undefined. */
export async function ruleForm(known, targets, groups) {
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
    const kinds = one ? me.kinds : parts.kinds.value();
    const body = {
      name: data.name.trim(),
      kinds: kinds.length ? kinds : null,
      groups: parts.groups.value(),
      targets: parts.targets.value(),
      severities: data.severities
        ? data.severities === SEVERITIES[0]
          ? []
          : SEVERITIES.slice(SEVERITIES.indexOf(data.severities))
        : rule.severities,
      duty: { ...(known && { zone: rule.duty.zone }), spans: parts.spans.value(), region: data.region || null },
      critical_always: parts.critical.value(),
      gather_s: Number(data.gather_s),
      repeat_min: data.repeat_min / MINUTE || null,
      escalation: parts.escalation.value(),
      resolved: parts.resolved.value(),
      enabled: parts.enabled.value(),
    };
    return known ? put(`/notification-rules/${known.id}`, body, etag) : post("/notification-rules", body);
  });
}
