import { get, refusal } from "../lib/api.js";
import { failed, shown } from "../lib/blank.js";
import { expectChart } from "../lib/chart.js";
import { byId, fill, focused, h, put, settled } from "../lib/dom.js";
import { facts as told, file, goTo } from "../lib/facts.js";
import { kinds } from "../lib/kinds.js";
import { answer, live, me, onBack, start } from "../lib/page.js";
import { kindName, t } from "../lib/words.js";
import { readCommands } from "../device/commands.js";
import { draw, ranges } from "../device/history.js";
import { readConnectors, showFacts } from "../device/identity.js";
import { readAlarms, readEvents, readGaps } from "../device/past.js";
import { repaint, showValues } from "../device/tiles.js";
import { id, place, tell, view } from "../device/view.js";

/** @typedef {import("../device/view.js").Newest} Newest */

/** @param {string} title @param {Child} inside */
const section = (title, inside, more = "") =>
  h(
    "section",
    { class: `card ${more}`, "aria-label": title },
    h("div", { class: "card-head" }, h("h2", {}, title)),
    inside,
  );

/** @param {Newest["channel"]} channel */
function hear(channel) {
  return (/** @type {News} */ { devices }, /** @type {Change} */ { at }) => {
    for (const news of devices.filter((one) => one.device_id === id)) {
      view.device.seen = Date.parse(at);
      if (channel === "status") {
        view.device.status = news.values.state;
        view.device.status_since = news.ts;
      }
      const row = view.latest.find((r) => r.channel === channel && r.part === (news.part ?? ""));
      if (row) Object.assign(row, { ts: news.ts, values: news.values, suspect: news.suspect ?? false });
      else {
        view.latest.push({
          channel,
          part: news.part ?? "",
          ts: news.ts,
          values: news.values,
          suspect: news.suspect ?? false,
        });
      }
      if (channel === "telemetry") repaint();
      else if (!place.facts.contains(focused()) && !place.facts.querySelector("details[open]")) showFacts();
      tell();
    }
  };
}

const again = settled(200, () => readCommands().catch(() => {}));

async function begin() {
  const [found, newest, all] = await asked;
  view.known = all;
  view.device = { ...found, seen: found.last_seen_at ? Date.parse(found.last_seen_at) : null };
  view.kind = /** @type {Kind} */ (view.known.get(view.device.kind));
  view.latest = newest.items;
  const every =
    view.latest.find((r) => r.channel === "state")?.values.reporting_interval_s ??
    view.device.attributes.reporting_interval_s;
  view.silentAfter =
    typeof every === "number" && every > 0
      ? every * (view.kind.silent_after_s / view.kind.interval_s)
      : view.kind.silent_after_s;
  document.title = `${view.device.name} · Lautern`;
  put(document.querySelector("h1"), `${kindName(view.device.kind)} ${view.device.name}`);
  fill(
    byId("content"),
    h(
      "div",
      { class: "device" },
      h(
        "div",
        { class: "device-main" },
        place.panel,
        section(t("device.values"), place.values),
        section(t("device.history"), [ranges(), place.chart]),
      ),
      h(
        "div",
        { class: "device-side" },
        section(t("commands.commands"), place.commands, "first-outdoors"),
        section(t("alarms.title"), place.alarms),
        section(t("device.identity"), place.facts),
        section(t("device.missing"), place.gaps),
        section(t("device.events"), place.events),
      ),
    ),
  );
  showValues();
  showFacts();
  tell();
  draw();
  shown(place.commands, () => readCommands());
  shown(place.alarms, () => readAlarms());
  shown(place.gaps, () => readGaps());
  readConnectors().catch(() => {});
  shown(place.events, () => readEvents());
}

// Nothing waits for what it does not need.
expectChart();
const asked = Promise.all([get(`/devices/${id}`), get(`/devices/${id}/latest`), kinds()]);
asked.catch(() => {});
await start();
onBack(() => goTo(`/devices?${new URLSearchParams(view.kind ? { kind: view.kind.name } : {})}`));
try {
  await begin();
  const panel = told.panels[view.device.kind];
  if (panel) {
    import(file(panel)).then((module) => module.show(place.panel, { device: view.device, kind: view.kind, me }));
  }
  live({
    kinds: [view.device.kind],
    reset: () => location.reload(),
    on: {
      telemetry: hear("telemetry"),
      state: hear("state"),
      status: hear("status"),
      info: hear("info"),
      command: ({ commands: news }) => {
        if (Object.values(news).some((one) => one.asset_id === id)) again();
      },
      alarm: (data) => {
        if (data.asset_id === id) readAlarms().catch(() => {});
      },
    },
  });
  setInterval(() => {
    repaint();
    tell();
  }, 5000);
} catch (thrown) {
  const problem = refusal(thrown);
  answer(problem.status === 404 ? t("shell.not_found") : problem.message);
  fill(
    byId("content"),
    failed(problem, () => location.reload()),
  );
}
