import { all } from "../../lib/api.js";
import { fromAddress, toAddress } from "../../lib/address.js";
import { empty } from "../../lib/blank.js";
import { buttons } from "../../lib/choices.js";
import { byId, eachFrame, fill, h, refill, settled } from "../../lib/dom.js";
import { measure } from "../../lib/numbers.js";
import { answer, broken, live, me, onBack, start } from "../../lib/page.js";
import { stateMark, stateOf } from "../../lib/states.js";
import { ago, timeOf } from "../../lib/times.js";
import { t } from "../../lib/words.js";
import { Control } from "./control.js";
import { Night } from "./night.js";
import { along, Street } from "./street.js";
import { answerOf, doubts, forces, listed, stillTrue } from "./words.js";

/** @typedef {import("./words.js").Lamp} Lamp */

const ADDRESS = { group: "", lamps: "" };
const MOST = 500;
const SILENT_S = 180;

await start();
const asked = fromAddress(ADDRESS);
const kind = "streetlight";
const view = {
  /** @type {Lamp[]} */
  lamps: [],
  /** @type {Item<"/light-groups">[]} */
  groups: [],
  /** @type {Map<string, Alarm>} */
  alarms: new Map(),
  /** @type {string[]} */
  chosen: [],
};

const street = new Street(byId("street"), { choose: pick });
const night = new Night(byId("night"));
const control = me.may("lights:dim") ? new Control(byId("control"), { changed: () => reload() }) : null;
byId("control").hidden = !control;
onBack(() => {
  if (view.chosen.length) street.select([]);
});

/** @param {any} lamp */
function shown(lamp) {
  const alarm = view.alarms.get(lamp.id);
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
  view.alarms = new Map(grave.sort((a, b) => b.since.localeCompare(a.since)).map((a) => [a.asset_id, a]));
}

async function read() {
  const [found] = await Promise.all([all("/streetlights", { group: asked.group }, MOST), readAlarms()]);
  return found.slice(0, MOST).map(shown);
}

/** @param {string[]} ids */
function pick(ids) {
  view.chosen = ids;
  asked.lamps = ids.join(",");
  toAddress(asked, ADDRESS);
  show();
}

const target = () => (view.chosen.length ? view.lamps.filter((l) => view.chosen.includes(l.id)) : view.lamps);
const group = () => view.groups.find((g) => g.id === asked.group);

const show = eachFrame(() => {
  answer(answerOf(view.lamps, street.names));
  showForce();
  control?.aim({
    lamps: target(),
    group: view.chosen.length ? null : group(),
    names: street.names,
    sunrise: night.sunrise,
  });
});

function showForce() {
  const some = target(),
    names = street.names;
  const one = some.length === 1 ? some[0] : null;
  const title = one ? one.name : view.chosen.length ? t("light.chosen", { n: some.length }) : t("light.in_force");
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
            : listed(ours.map((/** @type {Lamp} */ l) => names.get(l.id) ?? l.id)),
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
  const place = byId("groups");
  place.hidden = view.groups.length < 2 && !(view.groups.length === 1 && asked.group === "");
  /** @type {[string, string][]} */
  const options = view.groups.map((g) => [g.id, `${g.name} (${g.members.length})`]);
  refill(place, buttons([["", t("light.every")], ...options], asked.group, go));
}

/** @param {string} id */
async function go(id) {
  asked.group = id;
  toAddress(asked, ADDRESS, { push: true });
  showGroups();
  view.chosen = [];
  await begin();
}

async function begin() {
  view.lamps = along(await read());
  if (!view.lamps.length) {
    for (const name of ["chosen", "night", "control"]) byId(name).hidden = true;
    answer(t("light.answer.none"));
    fill(
      byId("street"),
      empty(t("light.none"), t("light.none_text"), h("a", { class: "button", href: "/devices" }, t("devices.title"))),
    );
    return;
  }
  street.show(view.lamps);
  await night.read(asked.group, view.lamps);
  show();
}

const reload = settled(250, async () => {
  const found = new Map((await read().catch(() => [])).map((l) => [l.id, l]));
  view.lamps = view.lamps.map((l) => found.get(l.id) ?? l);
  for (const lamp of view.lamps) street.update(lamp);
  show();
});

/** @param {News} news @param {Change} change */
function told({ devices }, change) {
  for (const news of devices) {
    const at = view.lamps.findIndex((l) => l.id === news.device_id);
    if (at < 0) continue;
    const before = view.lamps[at],
      values = changed(news);
    const moved = (values.level_pct ?? before.level_pct) !== before.level_pct;
    view.lamps[at] = shown({ ...before, last_seen_at: change.at, ...values, why: stillTrue(before, moved) });
    street.update(view.lamps[at]);
    if (moved) reload();
  }
  show();
}

/** @param {News["devices"][number]} news */
function changed({ ts, values }) {
  /** @type {Partial<Lamp>} */
  const found = {};
  if (typeof values.level_pct === "number") Object.assign(found, { level_pct: values.level_pct, level_at: ts });
  if (typeof values.power_w === "number") Object.assign(found, { power_w: values.power_w, power_at: ts });
  return found;
}

try {
  view.groups = await all("/light-groups");
  if (!new URLSearchParams(location.search).has("group") && view.groups.length === 1) asked.group = view.groups[0].id;
  ADDRESS.group = view.groups.length === 1 ? view.groups[0].id : "";
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
  for (const [at, lamp] of view.lamps.entries()) {
    const fresh = shown(lamp);
    if (fresh.state !== lamp.state) {
      view.lamps[at] = fresh;
      street.update(fresh);
      reload();
    }
  }
  night.tick();
}, 15_000);
