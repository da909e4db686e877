import { all } from "../../lib/api.js";
import { fromAddress, toAddress } from "../../lib/address.js";
import { empty } from "../../lib/blank.js";
import { byId, eachFrame, fill, h, settled } from "../../lib/dom.js";
import { measure } from "../../lib/numbers.js";
import { answer, broken, live, me, onBack, start } from "../../lib/page.js";
import { stateMark, stateOf } from "../../lib/states.js";
import { ago, timeOf } from "../../lib/times.js";
import { t } from "../../lib/words.js";
import { Control } from "./control.js";
import { Night } from "./night.js";
import { along, Street } from "./street.js";
import { answerOf, doubts, forces, listed } from "./words.js";

const ADDRESS = { group: "", lamps: "" };
const MOST = 500;
const SILENT_S = 180;

await start();
const asked = fromAddress(ADDRESS);
const kind = "streetlight";
let lamps = [],
  groups = [],
  alarms = new Map(),
  chosen = [];

const street = new Street(byId("street"), { choose: pick });
const night = new Night(byId("night"));
const control = me.may("lights:dim") ? new Control(byId("control"), { changed: () => reload() }) : null;
byId("control").hidden = !control;
onBack(() => {
  if (chosen.length) street.select([]);
});

function shown(lamp) {
  const alarm = alarms.get(lamp.id);
  const seen = lamp.last_seen_at ? Date.parse(lamp.last_seen_at) : null;
  return {
    ...lamp,
    seen,
    alarm,
    state: stateOf({ status: lamp.status, seen, worst: alarm?.severity, silentAfter: SILENT_S }),
  };
}

async function readAlarms() {
  const found = await all("/alarms", { open: true, kind });
  const grave = found.filter((a) => a.severity === "critical" || a.severity === "major");
  alarms = new Map(grave.sort((a, b) => b.since.localeCompare(a.since)).map((a) => [a.asset_id, a]));
}

async function read() {
  const [found] = await Promise.all([all("/streetlights", { group: asked.group }, MOST), readAlarms()]);
  return found.slice(0, MOST).map(shown);
}

function pick(ids) {
  chosen = ids;
  asked.lamps = ids.join(",");
  toAddress(asked, ADDRESS);
  show();
}

const target = () => (chosen.length ? lamps.filter((l) => chosen.includes(l.id)) : lamps);
const group = () => groups.find((g) => g.id === asked.group);

const show = eachFrame(() => {
  answer(answerOf(lamps, street.names ?? new Map()));
  showForce();
  control?.aim({ lamps: target(), group: chosen.length ? null : group(), names: street.names, sunrise: night.sunrise });
});

function showForce() {
  const some = target(),
    names = street.names;
  const one = some.length === 1 ? some[0] : null;
  const title = one ? one.name : chosen.length ? t("light.chosen", { n: some.length }) : t("light.in_force");
  const rows = forces(some).map(({ lamps: ours, text, then }) =>
    h(
      "li",
      {},
      some.length > 1 &&
        h(
          "span",
          { class: "force-count" },
          ours.length === some.length
            ? t("light.all_of", { n: ours.length })
            : listed(ours.map((l) => names.get(l.id))),
        ),
      h("span", { class: "force-text" }, text),
      then && h("span", { class: "quiet" }, then),
    ),
  );
  const said = one ? doubts(one) : [];
  const power = some.map((l) => l.power_w).filter((w) => w !== null);
  fill(
    byId("chosen"),
    h("div", { class: "card-head" }, h("h2", {}, title), one && stateMark(one.state)),
    h("ul", { class: "forces" }, rows),
    said.map((text) => h("p", { class: "doubt" }, text)),
    h(
      "dl",
      { class: "facts" },
      power.length > 0 && [
        h("dt", {}, t("light.power")),
        h(
          "dd",
          {},
          measure(
            power.reduce((a, b) => a + b, 0),
            "W",
            0,
          ),
          power.length < some.length && ` ${t("light.power_of", { n: power.length })}`,
        ),
      ],
      one && [h("dt", {}, t("light.heard")), h("dd", {}, timeOf(one.last_seen_at, ago))],
      one && [
        h("dt", {}, t("light.device")),
        h("dd", {}, h("a", { href: `/devices/${encodeURIComponent(one.id)}` }, one.id)),
      ],
    ),
  );
}

function showGroups() {
  const entries = [["", t("light.every")], ...groups.map((g) => [g.id, `${g.name} (${g.members.length})`])];
  const place = byId("groups");
  place.hidden = groups.length < 2 && !(groups.length === 1 && asked.group === "");
  fill(
    place,
    entries.map(([id, name]) =>
      h("button", { type: "button", "aria-pressed": String(id === asked.group), onclick: () => go(id) }, name),
    ),
  );
}

async function go(id) {
  asked.group = id;
  toAddress(asked, ADDRESS, { push: true });
  showGroups();
  chosen = [];
  await begin();
}

async function begin() {
  lamps = along(await read());
  if (!lamps.length) {
    for (const name of ["chosen", "night", "control"]) byId(name).hidden = true;
    answer(t("light.answer.none"));
    fill(
      byId("street"),
      empty(t("light.none"), t("light.none_text"), h("a", { class: "button", href: "/devices" }, t("devices.title"))),
    );
    return;
  }
  street.show(lamps);
  await night.read(asked.group, lamps);
  show();
}

const reload = settled(250, async () => {
  const found = new Map((await read().catch(() => [])).map((l) => [l.id, l]));
  lamps = lamps.map((l) => found.get(l.id) ?? l);
  for (const lamp of lamps) street.update(lamp);
  show();
});

function told({ devices }, change) {
  for (const news of devices) {
    const at = lamps.findIndex((l) => l.id === news.device_id);
    if (at < 0) continue;
    lamps[at] = shown({ ...lamps[at], last_seen_at: change.at, ...changed(news) });
    street.update(lamps[at]);
  }
  show();
}

function changed({ ts, values }) {
  const found = {};
  if (typeof values.level_pct === "number") Object.assign(found, { level_pct: values.level_pct, level_at: ts });
  if (typeof values.power_w === "number") Object.assign(found, { power_w: values.power_w, power_at: ts });
  return found;
}

try {
  groups = await all("/light-groups");
  if (!new URLSearchParams(location.search).has("group") && groups.length === 1) asked.group = groups[0].id;
  ADDRESS.group = groups.length === 1 ? groups[0].id : "";
  showGroups();
  const before = asked.lamps.split(",").filter(Boolean);
  await begin();
  if (before.length) street.select(before);
} catch (problem) {
  broken(problem, () => location.reload());
}
live({
  topics: ["telemetry", "state", "status", "command"],
  kinds: [kind],
  on: {
    telemetry: told,
    state: (data, change) => {
      told(data, change);
      reload();
    },
    status: reload,
    command: (data) => {
      control?.heard(data);
      reload();
    },
    alarm: reload,
  },
});
setInterval(() => {
  for (const [at, lamp] of lamps.entries()) {
    const fresh = shown(lamp);
    if (fresh.state !== lamp.state) {
      lamps[at] = fresh;
      street.update(fresh);
      show();
    }
  }
  night.tick();
}, 15_000);
