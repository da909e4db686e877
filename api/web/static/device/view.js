import { fromAddress, idInPath } from "../lib/address.js";
import { alarmSaid } from "../lib/kinds.js";
import { isShelved } from "../lib/alarms.js";
import { h } from "../lib/dom.js";
import { answer } from "../lib/page.js";
import { stateOf } from "../lib/states.js";
import { ago, moment, now } from "../lib/times.js";
import { t } from "../lib/words.js";

/** @typedef {Pick<Item<"/devices/{id}/latest">, "channel" | "part" | "ts" | "values" | "suspect">} Newest */

export const USUAL = { field: "", part: "", range: "24h", from: "", to: "" };
/** What the address says: field, part and range of the chart. */
export const values = fromAddress(USUAL);
export const id = idInPath();
/** Where each part of the page stands. */
export const place = {
  values: h("div"),
  chart: h("div"),
  commands: h("div"),
  alarms: h("div"),
  gaps: h("div"),
  facts: h("div"),
  events: h("div"),
  panel: h("div"),
};
/** What the page shows. */
export const view = {
  /** @type {Kinds} */
  known: new Map(),
  kind: /** @type {Kind} */ (/** @type {any} */ (null)),
  device: /** @type {Device & {seen: number | null}} */ (/** @type {any} */ (null)),
  /** @type {Newest[]} */
  latest: [],
  /** @type {Item<"/devices/{id}/connectors">[]} */
  speaker: [],
  /** @type {Item<"/devices/{id}/members">[]} */
  members: [],
  /** @type {Alarm[]} */
  alarms: [],
  /** @type {Command[]} */
  commands: [],
  silentAfter: 0,
  /** @type {Map<string, any>} */
  tiles: new Map(),
};

function state() {
  const worst = ["critical", "major", "warning"].find((severity) =>
    view.alarms.some((a) => !a.cleared_at && a.severity === severity && !isShelved(a, now())),
  );
  return stateOf({ status: view.device.status, seen: view.device.seen, worst, silentAfter: view.silentAfter });
}

/** Say above the page how the device is. */
export function tell() {
  const grave = view.alarms.find((a) => !a.cleared_at);
  const name = view.device.name,
    heard = view.device.seen ? ago(view.device.seen) : "";
  const is = state();
  const how =
    is === "alarm" || is === "warning"
      ? t("device.answer_alarm", {
          name,
          what: alarmSaid(view.known, view.device.kind, grave?.name ?? "").what,
          since: grave ? moment(grave.since) : "",
        })
      : t(`device.answer_${view.device.status === "unreachable" ? "unreachable" : is}`, {
          name,
          heard,
          since: view.device.status_since ? moment(view.device.status_since) : heard,
        });
  answer(how);
}
