import { fromAddress, toAddress } from "../lib/address.js";
import { get, refusal } from "../lib/api.js";
import { blank, empty, failed, shown } from "../lib/blank.js";
import { byId, eachFrame, fill, h, icon, settled } from "../lib/dom.js";
import { countStates, filterBar } from "../lib/filters.js";
import { alarmSaid, kinds, valueText } from "../lib/kinds.js";
import { List } from "../lib/list.js";
import { CityMap } from "../lib/city_map.js";
import { answer, live, onBack, start } from "../lib/page.js";
import { deviceRow } from "../lib/rows.js";
import { severityIcon, stateMark } from "../lib/states.js";
import { ago, timeOf } from "../lib/times.js";
import { Town, filtered, sentence, urgent } from "../lib/town_devices.js";
import { fieldName, kindName, t } from "../lib/words.js";

const USUAL = { q: "", kind: "", state: "", group: "", device: "", pane: "list" };
const values = fromAddress(USUAL);
const search = byId("q");
const stage = document.querySelector(".city");
const parts = {
  /** @type {any} */
  bar: null,
  /** @type {any} */
  map: null,
  asked: "",
};

const list = new List({
  label: t("city.list"),
  row: deviceRow,
  choose,
  empty: () =>
    empty(t("city.none"), t("city.none_text"), h("button", { type: "button", onclick: clear }, t("filters.clear"))),
});
// Rows change in place as news comes; they are put in order anew only when somebody asks for other ones.
const moved = new Set();
const town = new Town({
  changed: (items, heard) => {
    for (const item of items) {
      moved.add(item);
      parts.map.update(item);
    }
    for (const device of heard ?? []) {
      const item = town.items.get(device.device_id);
      if (item) list.update(item);
    }
    if (items.length) told();
    if (heard?.some((device) => device.device_id === values.device)) detail(values.device, true);
  },
});
const told = eachFrame(() => {
  const some = filtered(town, { ...values, state: "" });
  answer(sentence(some));
  parts.bar.paint(countStates(some));
  for (const item of moved) list.update(item);
  moved.clear();
});

function show({ fit = false } = {}) {
  const items = filtered(town, values).sort(urgent);
  list.show(items);
  parts.map.show(items);
  if (fit) parts.map.fit();
  told();
  toAddress(values, USUAL);
}

function clear() {
  Object.assign(values, { q: "", kind: "", state: "", group: "" });
  search.value = "";
  for (const select of document.querySelectorAll(".filters select")) select.value = "";
  show({ fit: true });
  list.focus();
}

/** @param {string} id */
function choose(id) {
  values.device = id;
  list.select(id);
  parts.map.select(id);
  toAddress(values, USUAL, { push: true });
  detail(id);
  if (innerWidth <= 760) byId("detail").scrollIntoView({ block: "start" });
}

function close() {
  values.device = "";
  list.select(null);
  parts.map.select(null);
  byId("detail").hidden = true;
  toAddress(values, USUAL, { push: true });
}

/** @param {string} id */
const detail = (id, quietly = false) => {
  parts.asked = id;
  byId("detail").hidden = false;
  if (quietly) refresh();
  else shown(byId("detail"), () => card(id));
};
const refresh = settled(300, async () => {
  const id = parts.asked,
    made = await card(id).catch(() => null);
  if (made && id === values.device && !byId("detail").contains(document.activeElement)) fill(byId("detail"), made);
});

/** @param {string} id */
async function card(id) {
  const item = town.items.get(id);
  if (!item) return blank("empty", t("shell.not_found"), t("shell.not_found_text"));
  const [known, latest, alarms] = await Promise.all([
    kinds(),
    get(`/devices/${id}/latest`),
    item.alarms ? get("/alarms", { device: id, open: true, shelved: false }) : { items: [] },
  ]);
  const kind = known.get(item.kind);
  const rows = latest.items.filter(
    (row) => row.channel === "telemetry" && row.part === latest.items.find((r) => r.channel === "telemetry")?.part,
  );
  const measured = rows
    .flatMap((row) => Object.entries(row.values).map(([field, value]) => ({ field, value })))
    .slice(0, 8);
  return h(
    "div",
    { class: "card" },
    h(
      "div",
      { class: "card-head" },
      h("h2", {}, item.name),
      stateMark(item.state),
      h("button", { type: "button", class: "plain", onclick: close, "aria-label": t("shell.close") }, icon("close")),
    ),
    alarms.items.map((alarm) =>
      h(
        "p",
        { class: "state" },
        icon(severityIcon(alarm.severity), `is-${severityIcon(alarm.severity)}`),
        h("span", {}, alarmSaid(known, alarm.kind, alarm.name).what, ", ", t("alarms.since"), " ", timeOf(alarm.since)),
      ),
    ),
    h(
      "dl",
      { class: "facts" },
      h("dt", {}, t("device.kind")),
      h("dd", {}, kindName(item.kind)),
      h("dt", {}, t("device.seen")),
      h("dd", {}, timeOf(item.seen, ago)),
      measured.map(({ field, value }) => [
        h("dt", {}, fieldName(item.kind, field)),
        h("dd", {}, valueText(kind, field, value)),
      ]),
    ),
    h("div", { class: "actions" }, h("a", { class: "button primary", href: `/devices/${id}` }, t("city.open"))),
  );
}

function panes() {
  const tabs = [byId("tab-list"), byId("tab-map")];
  /** @param {string} name */
  const pick = (name) => {
    values.pane = name;
    stage.dataset.pane = name;
    for (const tab of tabs) {
      const chosen = tab.id === `tab-${name}`;
      tab.setAttribute("aria-selected", String(chosen));
      tab.tabIndex = chosen ? 0 : -1;
    }
    toAddress(values, USUAL);
  };
  for (const tab of tabs) {
    tab.addEventListener("click", () => pick(tab.id.slice(4)));
    tab.addEventListener("keydown", ({ key }) => {
      if (key !== "ArrowLeft" && key !== "ArrowRight") return;
      const other = tabs.find((one) => one !== tab) ?? tab;
      pick(other.id.slice(4));
      other.focus();
    });
  }
  pick(values.pane === "map" ? "map" : "list");
}

const read = town.read();
read.catch(() => {});
await start();
parts.map = new CityMap(byId("map"), { label: t("city.map"), choose });
search.value = values.q;
byId("search").addEventListener("submit", (event) => {
  event.preventDefault();
  list.focus();
});
search.addEventListener(
  "input",
  settled(120, () => {
    values.q = search.value;
    show();
  }),
);
onBack(() => {
  if (values.device) {
    const id = values.device;
    close();
    list.select(id);
    list.select(null);
    list.focus();
  }
});
addEventListener("popstate", () => location.reload());
panes();
try {
  const after = await read;
  const present = [...new Set([...town.items.values()].map((item) => item.kind))].sort();
  parts.bar = filterBar(values, { kinds: present, groups: town.groups, change: () => show({ fit: true }) });
  fill(byId("pane-list"), parts.bar.element, list.element);
  show({ fit: true });
  if (values.device) {
    list.select(values.device);
    parts.map.select(values.device);
    detail(values.device);
  }
  town.reread = settled(700, async () => {
    await town.read();
    parts.map.show(filtered(town, values));
    for (const item of town.items.values()) list.update(item);
    told();
  });
  live({ on: town.on, topics: ["telemetry", "state", "status", "info", "device"], after, reset: town.reread });
  setInterval(() => town.age(), 5000);
} catch (thrown) {
  const problem = refusal(thrown);
  answer(problem.message);
  fill(
    byId("pane-list"),
    failed(problem, () => location.reload()),
  );
}
