import { alarmCard } from "../lib/alarms.js";
import { get } from "../lib/api.js";
import { fill, focused, h } from "../lib/dom.js";
import { me } from "../lib/page.js";
import { moment, now, timeOf } from "../lib/times.js";
import { tellProblem } from "../lib/toast.js";
import { named, t } from "../lib/words.js";
import { id, place, tell, view } from "./view.js";

/** Open alarms, and the newest that are over. */
export async function readAlarms() {
  view.alarms = (await get("/alarms", { device: id, limit: 20 })).items;
  tell();
  if (place.alarms.contains(focused())) return;
  /** @param {Alarm} alarm */
  const card = (alarm) =>
    alarmCard(alarm, {
      known: view.known,
      name: view.device.name,
      may: me.may,
      now: now(),
      told: tellProblem,
      changed: () => {
        focused()?.blur();
        readAlarms();
      },
    });
  const open = view.alarms.filter((a) => !a.cleared_at),
    past = view.alarms.filter((a) => a.cleared_at).slice(0, 5);
  fill(
    place.alarms,
    open.length ? open.map(card) : h("p", { class: "quiet" }, t("device.no_alarms")),
    past.length > 0 && h("details", {}, h("summary", {}, t("device.past_alarms", { n: past.length })), past.map(card)),
  );
}

/** What the device sent and nobody received. */
export async function readGaps() {
  if (!me.may("ledger:read") || !view.device.device_id) {
    place.gaps.closest("section")?.toggleAttribute("hidden", true);
    return;
  }
  const { items } = await get("/ledger/gaps", { device_id: view.device.device_id });
  const missing = items.reduce((sum, gap) => sum + gap.missing, 0);
  fill(
    place.gaps,
    h(
      "p",
      {},
      missing
        ? t("device.gaps", { n: missing, whole: items.reduce((sum, gap) => sum + gap.missing + gap.received, 0) })
        : t("device.no_gaps"),
    ),
    items.length > 0 &&
      h(
        "ul",
        { class: "quiet" },
        items
          .slice(0, 5)
          .map((gap) =>
            h(
              "li",
              {},
              t("device.gap", { n: gap.missing, first: gap.first_seq, last: gap.last_seq }),
              " ",
              timeOf(gap.at),
            ),
          ),
      ),
  );
}

/** @param {string} name */
const eventName = (name) => view.kind.alarms.get(name)?.what ?? named(name, `${view.device.kind}.event.${name}`);

/** What the device said of itself. */
export async function readEvents() {
  const { items } = await get(`/devices/${id}/events`, { limit: 20 });
  fill(
    place.events,
    items.length
      ? h(
          "ul",
          { class: "events" },
          items.slice(0, 12).map((event) =>
            h(
              "li",
              {},
              timeOf(event.ts, (at) => moment(at, { seconds: true })),
              " ",
              h("span", {}, eventName(event.name), event.values.active === false && ` (${t("device.over")})`),
            ),
          ),
        )
      : h("p", { class: "quiet" }, t("device.no_events")),
  );
}
