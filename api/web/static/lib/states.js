import { h, icon } from "./dom.js";
import { now } from "./times.js";
import { t } from "./words.js";

// Of several states the gravest is shown. Order is that of urgency.
/** @type {State[]} */
export const STATES = ["alarm", "warning", "offline", "stale", "unknown", "sleeping", "ok"];
/** @type {Set<State>} */
export const UNWELL = new Set(["alarm", "warning", "offline", "stale"]);

/**
 * State of a device from its connection, its age and its worst open alarm.
 * @param {{status: string | null, seen: number | null, worst?: string | null, silentAfter: number}} device
 * @returns {State}
 */
export function stateOf({ status, seen, worst, silentAfter }) {
  if (worst === "critical" || worst === "major") return "alarm";
  if (worst === "warning") return "warning";
  if (["offline", "removed", "unreachable"].includes(status ?? "")) return "offline";
  if (status === "sleeping") return "sleeping";
  if (!seen) return "unknown";
  return now() - seen > silentAfter * 1000 ? "stale" : "ok";
}

/**
 * Icon and word of a state; colour comes last.
 * @param {string} name
 * @param {string} [word]
 */
export function stateMark(name, word) {
  return h("span", { class: `state is-${name}` }, icon(name), h("span", {}, word ?? t(`state.${name}`)));
}

/** @type {Record<string, string>} */
const SEVERITIES = { critical: "alarm", major: "alarm", warning: "warning", info: "info" };
/** @param {string} severity */
export const severityIcon = (severity) => SEVERITIES[severity] ?? "info";

/** @type {Record<string, string>} */
const DELIVERIES = {
  queued: "waiting",
  sent: "waiting",
  accepted: "waiting",
  applied: "done",
  rejected: "failed",
  failed: "failed",
  expired: "failed",
  cancelled: "close",
  undeliverable: "failed",
  unknown: "unknown",
};

/**
 * How far a command got: never a hopeful green.
 * @param {string} delivery
 */
export function deliveryMark(delivery) {
  const name = DELIVERIES[delivery];
  const tone = name === "failed" ? "is-alarm" : name === "unknown" ? "is-warning" : name === "done" ? "is-ok" : "";
  return h("span", { class: `state ${tone}` }, icon(name), h("span", {}, t(`delivery.${delivery}`)));
}
