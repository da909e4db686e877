import { h, icon } from "../../lib/dom.js";
import { language } from "../../lib/facts.js";
import { measure, number } from "../../lib/numbers.js";
import { t } from "../../lib/words.js";

const DAY = new Intl.DateTimeFormat(language, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
const CLOCK = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit" });

/** "4,5 Mbit/s"; 1 Mbit is 1,000,000 bit. */
export const rate = (bps) => (bps === null || bps === undefined ? "–" : measure(bps / 1e6, "Mbit/s", digits(bps)));
const digits = (bps) => (bps >= 1e8 ? 0 : bps >= 1e6 ? 1 : 2);
/** Without its unit, for "4,5 von 200 Mbit/s". */
export const bare = (bps) => (bps === null || bps === undefined ? "–" : number(bps / 1e6, digits(bps)));
/** "12,3 GB". */
export const volume = (bytes) => measure(bytes / 1e9, "GB", bytes >= 1e10 ? 0 : bytes >= 1e8 ? 1 : 3);

/** From and to, the day of the end only where it is another. */
export function span(from, to) {
  const [a, b] = [new Date(from), new Date(to)];
  return `${DAY.format(a)} – ${a.toDateString() === b.toDateString() ? CLOCK.format(b) : DAY.format(b)}`;
}

/** "Bühne, Besucher". */
export const lineName = (line) =>
  [line.area ?? t("event.whole_place"), t(`event.class.${line.service_class}`)].join(", ");
export const lineKey = (line) => `${line.area_id ?? ""}.${line.service_class}`;

const ICONS = {
  draft: ["unknown", ""],
  confirmed: ["waiting", ""],
  setup: ["waiting", ""],
  live: ["ok", "is-ok"],
  teardown: ["waiting", ""],
  closed: ["done", ""],
  cancelled: ["close", ""],
};

/** Icon and word of an event's state. */
export function eventMark(state) {
  const [name, tone] = ICONS[state] ?? ["info", ""];
  return h("span", { class: `state ${tone}` }, icon(name), h("span", {}, t(`events.state.${state}`)));
}
