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
const comment = (required) =>
  field("comment", t(required ? "alarms.comment" : "alarms.comment_maybe"), {
    tag: "textarea",
    maxlength: 1000,
    required,
  });

export const isShelved = (alarm, now) => alarm.shelved_until !== null && Date.parse(alarm.shelved_until) > now;

/** Say that one has seen it; resolves with the alarm as it then is, or undefined. */
export const acknowledge = (alarm, title) =>
  ask(
    t("alarms.acknowledge_title", { what: title }),
    [h("p", { class: "note" }, t("alarms.acknowledge_text")), comment(false)],
    t("alarms.acknowledge"),
    ({ comment: text }) => post(`/alarms/${alarm.id}/acknowledge`, { comment: text || null }),
  );

/** Put aside for a time. */
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

export const unshelve = (alarm) => post(`/alarms/${alarm.id}/unshelve`);

export const addComment = (alarm, title) =>
  ask(t("alarms.comment_title", { what: title }), comment(true), t("alarms.comment_save"), ({ comment: text }) =>
    post(`/alarms/${alarm.id}/comment`, { comment: text }),
  );

/** Whether somebody has it in hand, in words. */
export function handled(alarm, now) {
  if (alarm.cleared_at) return t("alarms.ended", { at: moment(alarm.cleared_at) });
  if (isShelved(alarm, now))
    return t("alarms.shelved_until", { by: alarm.shelved_by ?? "", at: moment(alarm.shelved_until) });
  if (alarm.acknowledged_at)
    return t("alarms.seen_by", { by: alarm.acknowledged_by, at: moment(alarm.acknowledged_at) });
  return t("alarms.nobody");
}

/** One alarm with what can be done; `changed(alarm)` after each. `named`: whose it is. */
export function alarmCard(alarm, { known, name, may, changed, now, told, level = "h3" }) {
  const { what, remedy } = alarmSaid(known, alarm.kind, alarm.name);
  const title = `${name} ${what}`;
  const tone = alarm.cleared_at ? "ok" : severityIcon(alarm.severity);
  const act = (key, work) =>
    h(
      "button",
      {
        type: "button",
        onclick: async () => {
          const done = await work(alarm, title).catch(told);
          if (done) changed(done);
        },
      },
      t(key),
    );
  const open = !alarm.cleared_at;
  return h(
    "article",
    { class: `alarm${open ? "" : " past"}`, "data-id": alarm.id, "aria-label": title },
    h(
      level,
      { class: `state is-${tone}` },
      icon(alarm.cleared_at ? "done" : severityIcon(alarm.severity)),
      h(
        "span",
        {},
        alarm.cleared_at ? t("alarms.was") : t(`severity.${alarm.severity}`),
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
    h(
      "div",
      { class: "actions" },
      open && !alarm.acknowledged_at && may("alarms:acknowledge") && act("alarms.acknowledge", acknowledge),
      open && !isShelved(alarm, now) && may("alarms:shelve") && act("alarms.shelve", shelve),
      open && isShelved(alarm, now) && may("alarms:shelve") && act("alarms.unshelve", unshelve),
      may("alarms:acknowledge") && act("alarms.comment_add", addComment),
    ),
  );
}
