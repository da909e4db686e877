import { fromAddress, idInPath, toAddress } from "../lib/address.js";
import { alarmCard } from "../lib/alarms.js";
import { get, post } from "../lib/api.js";
import { empty, failed, shown } from "../lib/blank.js";
import { chart, expectChart } from "../lib/chart.js";
import { commandRow, issue } from "../lib/commands.js";
import { byId, fill, h, icon, put, settled } from "../lib/dom.js";
import { facts as told, file, goTo } from "../lib/facts.js";
import { alarmSaid, kinds, unitOf, valueText } from "../lib/kinds.js";
import { measure } from "../lib/numbers.js";
import { answer, live, onBack, start } from "../lib/page.js";
import { RANGES, span } from "../lib/ranges.js";
import { fieldOver, summary } from "../lib/series.js";
import { stateOf } from "../lib/states.js";
import { ago, duration, moment, now, renew, timeOf } from "../lib/times.js";
import { tellProblem, toast } from "../lib/toast.js";
import { commandName, fieldName, kindName, named, t } from "../lib/words.js";

const USUAL = { field: "", part: "", range: "24h", from: "", to: "" };
const SCALED = /(_pct|_w|_bps|_octets|_lx|_count|_ms)$/;
const values = fromAddress(USUAL);
const id = idInPath();
const place = {
  values: h("div"),
  chart: h("div"),
  commands: h("div"),
  alarms: h("div"),
  gaps: h("div"),
  facts: h("div"),
  events: h("div"),
  panel: h("div"),
};
let me,
  known,
  kind,
  device,
  latest,
  speaker = [],
  members = [],
  alarms = [],
  commands = [],
  silentAfter,
  tiles = new Map();

const section = (title, inside, more = "") =>
  h(
    "section",
    { class: `card ${more}`, "aria-label": title },
    h("div", { class: "card-head" }, h("h2", {}, title)),
    inside,
  );

function state() {
  const worst = ["critical", "major", "warning"].find((severity) =>
    alarms.some(
      (a) => !a.cleared_at && a.severity === severity && !(a.shelved_until && Date.parse(a.shelved_until) > now()),
    ),
  );
  return stateOf({ status: device.status, seen: device.seen, worst, silentAfter });
}

function tell() {
  const grave = alarms.find((a) => !a.cleared_at);
  const name = device.name,
    heard = device.seen ? ago(device.seen) : "";
  const is = state();
  const how =
    is === "alarm" || is === "warning"
      ? t("device.answer_alarm", {
          name,
          what: alarmSaid(known, device.kind, grave?.name ?? "").what,
          since: grave ? moment(grave.since) : "",
        })
      : t(`device.answer_${device.status === "unreachable" ? "unreachable" : is}`, {
          name,
          heard,
          since: device.status_since ? moment(device.status_since) : heard,
        });
  answer(how);
}

// Values

const stale = (row) => now() - Date.parse(row.ts) > silentAfter * 1000;

function valueTiles() {
  tiles = new Map();
  const parts = [...new Set(latest.filter((row) => row.channel === "telemetry").map((row) => row.part))];
  if (!parts.length) return empty(t("device.no_values"), t("device.no_values_text"));
  if (!parts.includes(values.part)) values.part = parts[0];
  const row = latest.find((r) => r.channel === "telemetry" && r.part === values.part);
  const picker =
    parts.length > 1 &&
    h(
      "select",
      {
        "aria-label": t("device.part"),
        onchange: ({ target }) => {
          values.part = target.value;
          values.field = "";
          showValues();
          draw();
        },
      },
      parts.map((part) => h("option", { value: part, selected: part === values.part }, part || t("device.whole"))),
    );
  const order = [...kind.fields.keys()];
  const fields = Object.keys(row.values).sort((a, b) => order.indexOf(a) - order.indexOf(b));
  if (!fields.includes(values.field)) values.field = fields.find((f) => kind.fields.get(f)?.number) ?? "";
  return [
    picker && h("div", { class: "toolbar" }, picker),
    h(
      "div",
      { class: "values" },
      fields.map((field) => tile(field, row)),
    ),
  ];
}

function tile(field, row) {
  const numeric = kind.fields.get(field)?.number;
  const parts = {
    value: h("span", { class: numeric ? "value" : "value text" }),
    mark: h("span"),
    age: timeOf(row.ts, ago),
  };
  const inside = [
    h("span", { class: "name" }, fieldName(device.kind, field)),
    parts.value,
    h("span", { class: "age" }, parts.mark, parts.age),
  ];
  const element = numeric
    ? h(
        "button",
        { type: "button", "aria-pressed": String(field === values.field), onclick: () => pick(field) },
        inside,
      )
    : h("div", {}, inside);
  tiles.set(field, { ...parts, element });
  paint(field, row);
  return element;
}

function paint(field, row) {
  const made = tiles.get(field);
  if (!made) return;
  put(made.value, valueText(kind, field, row.values[field]));
  renew(made.age, row.ts);
  const old = stale(row);
  made.value.classList.toggle("is-stale", old);
  const mark = old ? "stale" : row.suspect ? "warning" : "";
  if (made.mark.dataset.is !== mark) {
    made.mark.dataset.is = mark;
    fill(
      made.mark,
      mark && [
        icon(mark, `is-${mark}`),
        h("span", { class: "hidden-text" }, t(old ? "state.stale" : "device.suspect")),
      ],
    );
  }
}

function repaint() {
  const row = latest.find((r) => r.channel === "telemetry" && r.part === values.part);
  if (!row) return;
  if (Object.keys(row.values).some((field) => !tiles.has(field))) showValues();
  for (const field of Object.keys(row.values)) paint(field, row);
}

const showValues = () => fill(place.values, valueTiles());

function pick(field) {
  values.field = field;
  for (const [name, made] of tiles)
    if (made.element.matches("button")) made.element.setAttribute("aria-pressed", String(name === field));
  draw();
}

// Chart

async function draw() {
  toAddress(values, USUAL);
  if (!values.field) return fill(place.chart, empty(t("device.no_values"), t("device.no_values_text")));
  const [from, to] = span(values),
    field = values.field,
    unit = unitOf(kind, field);
  return shown(place.chart, async () => {
    const found = await fieldOver(id, { field, part: values.part, interval: silentAfter / 3, span: [from, to] });
    const measured = Object.assign((value) => measure(value, unit), { when: moment });
    const { element } = await chart({
      label: fieldName(device.kind, field),
      unit: unit === "1" ? "" : unit,
      x: found.x,
      from,
      to,
      gaps: found.gaps,
      zero: SCALED.test(field),
      top: unit === "%" ? 100 : undefined,
      name: `${id}-${field}`,
      summary: summary(found, measured),
      lines: [{ label: fieldName(device.kind, field), y: found.y, low: found.low, high: found.high }],
    });
    const how = found.bucket ? t("chart.bucket", { bucket: duration(found.width) }) : t("chart.raw");
    return [element, h("p", { class: "note" }, how, found.cut && ` ${t("chart.cut")}`)];
  });
}

function ranges() {
  const chips = h("div", { class: "chips", role: "group", "aria-label": t("ranges.title") });
  const local = (second) => {
    const at = new Date(second * 1000);
    at.setMinutes(at.getMinutes() - at.getTimezoneOffset());
    return at.toISOString().slice(0, 16);
  };
  const begin = h("input", { type: "datetime-local", "aria-label": t("ranges.from") }),
    end = h("input", { type: "datetime-local", "aria-label": t("ranges.to") });
  const paint = () => {
    const own = Boolean(values.from);
    fill(
      chips,
      Object.keys(RANGES).map((range) =>
        h(
          "button",
          {
            type: "button",
            "data-range": range,
            "aria-pressed": String(!own && values.range === range),
            onclick: () => {
              Object.assign(values, { range, from: "", to: "" });
              paint();
              chips.querySelector(`[data-range="${range}"]`).focus();
              draw();
            },
          },
          t(`ranges.${range}`),
        ),
      ),
    );
    const [from, to] = span(values);
    begin.value = local(from);
    end.value = local(to);
  };
  const chosen = () => {
    if (!begin.value || !end.value || begin.value >= end.value) return;
    Object.assign(values, { from: new Date(begin.value).toISOString(), to: new Date(end.value).toISOString() });
    paint();
    draw();
  };
  begin.addEventListener("change", chosen);
  end.addEventListener("change", chosen);
  paint();
  return h("div", { class: "toolbar" }, chips, h("span", { class: "field-row" }, begin, " – ", end));
}

// Commands

const allowed = () => kind.commands.filter((command) => me.may(command.scope));

function showCommands() {
  const may = allowed();
  const cancel = (command) => kind.commands.some((one) => one.name === command.name && me.may(one.scope));
  const buttons =
    may.length > 0 &&
    h(
      "div",
      { class: "actions primary-outdoors" },
      may.map((command, at) =>
        h(
          "button",
          { type: "button", class: at ? "" : "primary", onclick: () => order(command) },
          commandName(kind.name, command.name),
        ),
      ),
    );
  const rows = (some) =>
    h(
      "ul",
      { class: "commands" },
      some.map((command) => commandRow(kind, command, cancel(command) && stop)),
    );
  const earlier = commands.slice(3);
  const list = h(
    "div",
    { class: "command-list" },
    commands.length ? rows(commands.slice(0, 3)) : h("p", { class: "quiet" }, t("commands.none")),
    earlier.length > 0 &&
      h("details", {}, h("summary", {}, t("commands.earlier", { n: earlier.length })), rows(earlier)),
  );
  if (place.commands.querySelector(".command-list") && place.commands.contains(document.activeElement)) {
    if (!document.activeElement.closest(".command-list"))
      place.commands.querySelector(".command-list").replaceWith(list);
  } else fill(place.commands, buttons, list);
}

async function order(command) {
  const filed = await issue(device, kind, command);
  if (!filed) return;
  toast(t("commands.filed"));
  await readCommands();
}

async function stop(command) {
  try {
    await post(`/commands/${command.id}/cancel`);
    toast(t("commands.cancelling"));
  } catch (problem) {
    tellProblem(problem);
  }
  await readCommands();
}

async function readCommands() {
  commands = (await get(`/devices/${id}/commands`, { limit: 10 })).items;
  showCommands();
}

// Alarms, gaps, identity, events

async function readAlarms() {
  alarms = (await get("/alarms", { device: id, limit: 20 })).items;
  tell();
  if (place.alarms.contains(document.activeElement)) return;
  const card = (alarm) =>
    alarmCard(alarm, {
      known,
      name: device.name,
      may: me.may,
      now: now(),
      told: tellProblem,
      changed: () => {
        document.activeElement?.blur();
        readAlarms();
      },
    });
  const open = alarms.filter((a) => !a.cleared_at),
    past = alarms.filter((a) => a.cleared_at).slice(0, 5);
  fill(
    place.alarms,
    open.length ? open.map(card) : h("p", { class: "quiet" }, t("device.no_alarms")),
    past.length > 0 && h("details", {}, h("summary", {}, t("device.past_alarms", { n: past.length })), past.map(card)),
  );
}

async function readGaps() {
  if (!me.may("ledger:read") || !device.device_id) {
    place.gaps.parentElement.hidden = true;
    return;
  }
  const { items } = await get("/ledger/gaps", { device_id: device.device_id });
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

const eventName = (name) =>
  kind.alarms.has(name) ? kind.alarms.get(name).what : named(name, `${device.kind}.event.${name}`);

async function readEvents() {
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

const link = (one) => (one ? h("a", { href: `/devices/${one}` }, one) : t("device.connector_hidden"));

async function readConnectors() {
  const [above, below] = await Promise.all(["connectors", "members"].map((what) => get(`/devices/${id}/${what}`)));
  speaker = above.items.filter((one) => !one.until);
  members = below.items;
  if (speaker.length + members.length) showFacts();
}

function showFacts() {
  const row = (channel) => latest.find((r) => r.channel === channel && r.part === "")?.values ?? {};
  const more = (found) =>
    Object.entries(found)
      .filter(([name]) => name !== "lat" && name !== "lon")
      .map(([name, value]) => [h("dt", {}, fieldName(device.kind, name)), h("dd", {}, valueText(kind, name, value))]);
  fill(
    place.facts,
    h(
      "dl",
      { class: "facts" },
      h("dt", {}, t("device.id")),
      h("dd", {}, device.id),
      h("dt", {}, t("device.controller")),
      h("dd", {}, device.device_id ?? t("device.no_controller")),
      h("dt", {}, t("device.status")),
      h("dd", {}, t(`connection.${device.status}`), device.status_since && [", ", timeOf(device.status_since)]),
      h("dt", {}, t("device.seen")),
      h("dd", {}, timeOf(device.seen, ago)),
      device.lat !== null && [
        h("dt", {}, t("device.place")),
        h(
          "dd",
          {},
          h(
            "a",
            { href: `/city?${new URLSearchParams({ device: id, pane: "map" })}` },
            `${valueText(kind, "lat", device.lat)}, ${valueText(kind, "lon", device.lon)}`,
          ),
        ),
      ],
      speaker.length > 0 && [
        h("dt", {}, t("device.connector")),
        h(
          "dd",
          {},
          speaker.map((one) => link(one.id)),
        ),
      ],
      members.length > 0 && [
        h("dt", {}, t("device.members", { n: members.length })),
        h(
          "dd",
          {},
          members.slice(0, 50).map((one, at) => [at > 0 && ", ", link(one.id)]),
          members.length > 50 && ", …",
        ),
      ],
      device.via && [h("dt", {}, t("device.via")), h("dd", {}, h("a", { href: `/devices/${device.via}` }, device.via))],
      more(device.attributes),
    ),
    Object.keys(row("state")).length > 0 &&
      h("details", {}, h("summary", {}, t("device.settings")), h("dl", { class: "facts" }, more(row("state")))),
    Object.keys(row("info")).length > 0 &&
      h("details", {}, h("summary", {}, t("device.maker")), h("dl", { class: "facts" }, more(row("info")))),
  );
}

// Live

function hear(channel) {
  return ({ devices }, { at }) => {
    for (const news of devices.filter((one) => one.device_id === id)) {
      device.seen = Date.parse(at);
      if (channel === "status") {
        device.status = news.values.state;
        device.status_since = news.ts;
      }
      const row = latest.find((r) => r.channel === channel && r.part === (news.part ?? ""));
      if (row) Object.assign(row, { ts: news.ts, values: news.values, suspect: news.suspect ?? false });
      else
        latest.push({
          channel,
          part: news.part ?? "",
          ts: news.ts,
          values: news.values,
          suspect: news.suspect ?? false,
        });
      if (channel === "telemetry") repaint();
      else if (!place.facts.contains(document.activeElement) && !place.facts.querySelector("details[open]"))
        showFacts();
      tell();
    }
  };
}

const again = settled(200, () => readCommands().catch(() => {}));

async function begin() {
  const [found, newest, all] = await asked;
  known = all;
  device = { ...found, seen: found.last_seen_at ? Date.parse(found.last_seen_at) : null };
  kind = known.get(device.kind);
  latest = newest.items;
  const told =
    latest.find((r) => r.channel === "state")?.values.reporting_interval_s ?? device.attributes.reporting_interval_s;
  silentAfter =
    typeof told === "number" && told > 0 ? told * (kind.silent_after_s / kind.interval_s) : kind.silent_after_s;
  document.title = `${device.name} · Lautern`;
  put(document.querySelector("h1"), `${kindName(device.kind)} ${device.name}`);
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
me = await start();
onBack(() => goTo(`/devices?${new URLSearchParams(kind ? { kind: kind.name } : {})}`));
try {
  await begin();
  const panel = told.panels[device.kind];
  if (panel) import(file(panel)).then((module) => module.show(place.panel, { device, kind, me }));
  live({
    kinds: [device.kind],
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
} catch (problem) {
  if (problem.status === undefined) throw problem;
  answer(problem.status === 404 ? t("shell.not_found") : problem.message);
  fill(
    byId("content"),
    failed(problem, () => location.reload()),
  );
}
