import { post } from "./api.js";
import { ask, field } from "./dialog.js";
import { h, icon } from "./dom.js";
import { alarmSaid } from "./kinds.js";
import { severityIcon } from "./states.js";
import { moment, timeOf } from "./times.js";
import { t } from "./words.js";

const SHELVES = [
  ["3600", "alarms.shelf.hour"],
  ["28800", "alarms.shelf.shift"],
  ["86400", "alarms.shelf.day"],
  ["604800", "alarms.shelf.week"],
];
/** @param {boolean} required */
const comment = (required) =>
  field("comment", t(required ? "alarms.comment" : "alarms.comment_maybe"), {
    tag: "textarea",
    maxlength: 1000,
    required,
  });

/** @param {Alarm} alarm @param {number} now */
export const isShelved = (alarm, now) => alarm.shelved_until !== null && Date.parse(alarm.shelved_until) > now;

/**
 * Say that one has seen it; resolves with the alarm as it then is, or undefined.
 * @param {Alarm} alarm
 * @param {string} title
 */
export const acknowledge = (alarm, title) =>
  ask(
    t("alarms.acknowledge_title", { what: title }),
    [h("p", { class: "note" }, t("alarms.acknowledge_text")), comment(false)],
    t("alarms.acknowledge"),
    ({ comment: text }) => post(`/alarms/${alarm.id}/acknowledge`, { comment: text || null }),
  );

/**
 * Put aside for a time.
 * @param {Alarm} alarm
 * @param {string} title
 */
export const shelve = (alarm, title) =>
  ask(
    t("alarms.shelve_title", { what: title }),
    [
      h("p", { class: "note" }, t("alarms.shelve_text")),
      field("duration_s", t("alarms.shelf"), {
        tag: "select",
        options: SHELVES.map(([value, key]) => [value, t(key)]),
      }),
      comment(false),
    ],
    t("alarms.shelve"),
    ({ duration_s: seconds, comment: text }) =>
      post(`/alarms/${alarm.id}/shelve`, { duration_s: Number(seconds), comment: text }),
  );

/** @param {Alarm} alarm */
export const unshelve = (alarm) => post(`/alarms/${alarm.id}/unshelve`);

/** @param {Alarm} alarm @param {string} title */
export const addComment = (alarm, title) =>
  ask(t("alarms.comment_title", { what: title }), comment(true), t("alarms.comment_save"), ({ comment: text }) =>
    post(`/alarms/${alarm.id}/comment`, { comment: text }),
  );

/**
 * Whether somebody has it in hand, in words.
 * @param {Alarm} alarm
 * @param {number} now
 */
export function handled(alarm, now) {
  if (alarm.cleared_at) return t("alarms.ended", { at: moment(alarm.cleared_at) });
  if (isShelved(alarm, now)) {
    return t("alarms.shelved_until", { by: alarm.shelved_by ?? "", at: moment(alarm.shelved_until ?? now) });
  }
  if (alarm.acknowledged_at) {
    return t("alarms.seen_by", { by: alarm.acknowledged_by, at: moment(alarm.acknowledged_at) });
  }
  return t("alarms.nobody");
}

/**
 * How an alarm is shown: `name` is whose it is, `changed(alarm)` is called after each thing done.
 * @typedef {object} CardOptions
 * @property {Kinds} known
 * @property {string} name
 * @property {(scope: string) => boolean} may
 * @property {(alarm: Alarm) => void} changed
 * @property {number} now
 * @property {(problem: any) => any} told
 * @property {"h2" | "h3"} [level]
 */

/** @param {Alarm} alarm @param {string} title @param {CardOptions} options */
function actions(alarm, title, { may, changed, now, told }) {
  /** @param {string} key @param {(alarm: Alarm, title: string) => Promise<Alarm | undefined>} work */
  const act = (key, work) => {
    const onclick = async () => {
      const done = await work(alarm, title).catch(told);
      if (done) changed(done);
    };
    return h("button", { type: "button", onclick }, t(key));
  };
  const open = !alarm.cleared_at,
    shelved = isShelved(alarm, now);
  return [
    open && !alarm.acknowledged_at && may("alarms:acknowledge") && act("alarms.acknowledge", acknowledge),
    open && may("alarms:shelve") && (shelved ? act("alarms.unshelve", unshelve) : act("alarms.shelve", shelve)),
    may("alarms:acknowledge") && act("alarms.comment_add", addComment),
  ];
}

/**
 * One alarm with what can be done.
 * @param {Alarm} alarm
 * @param {CardOptions} options
 */
export function alarmCard(alarm, options) {
  const { known, name, now, level = "h3" } = options;
  const { what, remedy } = alarmSaid(known, alarm.kind, alarm.name);
  const title = `${name} ${what}`;
  const open = !alarm.cleared_at,
    grave = severityIcon(alarm.severity);
  return h(
    "article",
    { class: `alarm${open ? "" : " past"}`, "data-id": alarm.id, "aria-label": title },
    h(
      level,
      { class: `state is-${open ? grave : "ok"}` },
      icon(open ? grave : "done"),
      h(
        "span",
        {},
        t(open ? `severity.${alarm.severity}` : "alarms.was"),
        ": ",
        h("a", { href: `/devices/${alarm.asset_id}` }, name),
        ` ${what}`,
        alarm.part && ` (${alarm.part})`,
      ),
    ),
    h("p", { class: "quiet" }, t("alarms.since"), " ", timeOf(alarm.since), " · ", handled(alarm, now)),
    open && remedy && h("p", { class: "remedy" }, remedy),
    alarm.notes
      .filter((note) => note.text)
      .slice(-3)
      .map((note) => h("p", { class: "said" }, h("q", {}, note.text), ` ${note.by}, `, timeOf(note.at))),
    h("div", { class: "actions" }, actions(alarm, title, options)),
  );
}
