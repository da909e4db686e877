import { h, icon } from "../lib/dom.js";
import { stack } from "../lib/stacked_table.js";
import { ago, moment, timeOf } from "../lib/times.js";
import { t, told } from "../lib/words.js";

/** @typedef {Item<"/notifications">} Message */

export const STATES = ["queued", "sent", "failed"];

/**
 * Whether it did not arrive, for good or so far.
 * @param {Message | undefined} message
 */
export const troubled = (message) =>
  message?.state === "failed" || Boolean(message?.state === "queued" && message.reason);

const LOOKS = {
  sent: ["done", "is-ok"],
  failed: ["failed", "is-alarm"],
  late: ["warning", "is-warning"],
  queued: ["waiting", ""],
};
/** @param {Message} message */
const lookOf = (message) => (message.state === "queued" && message.reason ? "late" : message.state);

/**
 * Icon and word of how far a message got.
 * @param {Message} message
 */
function mark(message) {
  const look = lookOf(message),
    [name, tone] = LOOKS[look];
  return h("span", { class: `state ${tone}` }, icon(name), h("span", {}, t(`notifications.state.${look}`)));
}

/**
 * Why it did not arrive, and when it is tried again; empty when all is well.
 * @param {Message} message
 */
export const whyText = (message) =>
  [
    message.reason && told({ code: message.reason_code ?? "", params: message.reason_params }, message.reason),
    message.reason &&
      message.next_attempt_at &&
      t("notifications.next", { at: moment(message.next_attempt_at, { seconds: true }) }),
  ]
    .filter((sentence) => typeof sentence === "string")
    .map((sentence) => (sentence.endsWith(".") ? sentence : `${sentence}.`))
    .join(" ");

/**
 * How far it got and since when, with the reason below.
 * @param {Message} message
 */
export const outcome = (message) => [
  mark(message),
  " ",
  timeOf(message.final_at ?? message.created_at, ago),
  whyText(message) && h("p", { class: "note" }, whyText(message)),
];

/**
 * The same as a sentence, to be said aloud.
 * @param {Message} message
 */
export const outcomeText = (message) => `${t(`notifications.state.${lookOf(message)}`)}. ${whyText(message)}`;

/**
 * Table of messages; `names` of targets by id.
 * @param {Message[]} messages
 * @param {Map<string, string>} names
 */
export function messageTable(messages, names) {
  /** @param {Message} message */
  const row = (message) =>
    h(
      "tr",
      {},
      h("td", { class: "nowrap" }, timeOf(message.created_at, ago)),
      h(
        "th",
        { scope: "row" },
        h("span", { class: "person-name" }, message.subject),
        h("span", { class: "quiet" }, t(`notifications.occasion.${message.occasion}`)),
      ),
      h("td", { "data-label": t("notifications.to") }, names.get(message.target_id) ?? t("notifications.gone")),
      h("td", {}, mark(message), whyText(message) && h("p", { class: "note" }, whyText(message))),
    );
  return stack(
    ["at", "message", "to", "outcome"].map((name) => t(`notifications.${name}`)),
    messages.map(row),
  );
}
