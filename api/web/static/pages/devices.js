import { fromAddress, toAddress } from "../lib/address.js";
import { refusal } from "../lib/api.js";
import { empty, failed } from "../lib/blank.js";
import { byId, eachFrame, fill, h, settled } from "../lib/dom.js";
import { goTo } from "../lib/facts.js";
import { countStates, filterBar } from "../lib/filters.js";
import { List } from "../lib/list.js";
import { answer, live, start } from "../lib/page.js";
import { deviceRow } from "../lib/rows.js";
import { Town, filtered, sentence, urgent } from "../lib/town_devices.js";
import { t } from "../lib/words.js";

const USUAL = { q: "", kind: "", state: "", group: "" };
const values = fromAddress(USUAL);
const search = byId("q");
const parts = {
  /** @type {any} */
  bar: null,
};

const list = new List({
  label: t("devices.title"),
  row: deviceRow,
  choose: (id) => goTo(`/devices/${id}`),
  empty: () => empty(t("city.none"), town.items.size ? t("city.none_text") : t("devices.first")),
});
const town = new Town({
  changed: (items, heard) => {
    for (const device of heard ?? []) {
      const item = town.items.get(device.device_id);
      if (item) list.update(item);
    }
    for (const item of items) list.update(item);
    if (items.length) told();
  },
});
const told = eachFrame(() => {
  const some = filtered(town, { ...values, state: "" });
  answer(sentence(some));
  parts.bar.paint(countStates(some));
});

function show() {
  list.show(filtered(town, values).sort(urgent));
  told();
  toAddress(values, USUAL);
}

await start();
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
try {
  const after = await town.read();
  const present = [...new Set([...town.items.values()].map((item) => item.kind))].sort();
  parts.bar = filterBar(values, { kinds: present, groups: town.groups, change: show });
  fill(byId("content"), h("div", { class: "card flush" }, parts.bar.element, list.element));
  show();
  town.reread = settled(700, async () => {
    await town.read();
    for (const item of town.items.values()) list.update(item);
    told();
  });
  live({ on: town.on, topics: ["telemetry", "state", "status", "info", "device"], after, reset: town.reread });
  setInterval(() => town.age(), 5000);
} catch (thrown) {
  const problem = refusal(thrown);
  answer(problem.message);
  fill(
    byId("content"),
    failed(problem, () => location.reload()),
  );
}
