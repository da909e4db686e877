import { get, read as readTagged } from "../../lib/api.js";
import { fromAddress, idInPath, toAddress } from "../../lib/address.js";
import { failed } from "../../lib/blank.js";
import { byId, fill, h, put } from "../../lib/dom.js";
import { goTo } from "../../lib/facts.js";
import { answer, live, me, onBack, start } from "../../lib/page.js";
import { now } from "../../lib/times.js";
import { t } from "../../lib/words.js";
import { eventForm } from "./form.js";
import { Lines } from "./lines.js";
import { sentence } from "./sentence.js";
import { eventMark, rate, span, volume } from "./words.js";

const ADDRESS = { range: "6h", direction: "down", scale: "one", line: "" };
const RANGES = { "3h": 3, "6h": 6, "24h": 24, all: Infinity };
const BUCKETS = [
  ["1m", 60],
  ["2m", 120],
  ["5m", 300],
  ["10m", 600],
  ["15m", 900],
  ["30m", 1800],
  ["1h", 3600],
  ["3h", 10800],
];
const POINTS = 260,
  HOUR = 3600e3,
  LIVE_MS = 5000;

await start();
const id = idInPath();
onBack(() => goTo("/events"));
let asked = fromAddress(ADDRESS),
  event,
  tag,
  current,
  series = null,
  dirty = false,
  reading = null;
if (!RANGES[asked.range]) asked.range = ADDRESS.range;

const head = h("div", { class: "toolbar event-head" }),
  totals = h("dl", { class: "values event-totals" }),
  choices = h("div", { class: "toolbar event-choices" }),
  status = h("p", { class: "note", "aria-live": "polite" });
const lines = new Lines({ choose: (key) => change({ line: key }) });

function window_() {
  const begin = Date.parse(event.service_from),
    end = Math.min(Date.parse(event.service_to), now());
  const from = Math.max(begin, end - RANGES[asked.range] * HOUR),
    ours = Number.isFinite(from) && from < end;
  const seconds = (end - from) / 1000;
  const [name, width] = BUCKETS.find(([, w]) => seconds / w <= POINTS) ?? BUCKETS.at(-1);
  return ours ? { from: Math.floor(from / (width * 1000)) * width * 1000, to: end, name, width } : null;
}

async function readSeries() {
  const wanted = window_(),
    mine = (reading = {});
  series = null;
  lines.wait(true);
  put(status, wanted ? t("event.series_reads") : t("event.series_not_yet"));
  show();
  if (!wanted) {
    lines.wait(false);
    return;
  }
  try {
    const found = await get(`/events/${id}/series`, {
      bucket: wanted.name,
      from: new Date(wanted.from).toISOString(),
      to: new Date(wanted.to).toISOString(),
    });
    if (reading !== mine) return;
    series = { ...found, ...wanted, readAt: now() };
    put(status, "");
  } catch (problem) {
    if (problem.status === undefined) throw problem;
    if (reading === mine) put(status, problem.message);
  }
  lines.wait(false);
  show();
}

// Only what came since the last bucket: a whole range is much to count.
async function extend() {
  if (!series || now() - series.readAt < series.width * 1000 || now() > Date.parse(event.service_to)) return;
  const mine = series,
    last = series.lines[0]?.down.at(-1)?.start ?? new Date(series.from).toISOString();
  mine.readAt = now();
  const found = await get(`/events/${id}/series`, {
    bucket: mine.name,
    from: last,
    to: new Date(now()).toISOString(),
  }).catch(() => null);
  if (!found || series !== mine) return;
  for (const line of found.lines) {
    const old = mine.lines.find((l) => l.area_id === line.area_id && l.service_class === line.service_class);
    if (old) for (const way of ["down", "up"]) old[way] = [...old[way].filter((p) => p.start < last), ...line[way]];
  }
  mine.to = now();
}

async function readLive() {
  dirty = false;
  current = await get(`/events/${id}/live`);
  await extend();
  show();
}

function show() {
  answer(sentence(event, current, series, asked.direction));
  showTotals();
  lines.show({ event, current, series, ...asked });
}

function showTotals() {
  const cell = (name, value, note) =>
    h(
      "div",
      {},
      h("dt", { class: "name" }, name),
      h("dd", { class: "value" }, value),
      note && h("dd", { class: "age" }, note),
    );
  const sum = (way) =>
    series?.lines.reduce((all, line) => all + line[way].reduce((bytes, p) => bytes + (p.volume_bytes ?? 0), 0), 0);
  const carried = (way) => series && t("event.carried", { volume: volume(sum(way)) });
  fill(
    totals,
    cell(t("event.total.down"), rate(current.total.down.used_bps), carried("down")),
    cell(t("event.total.up"), rate(current.total.up.used_bps), carried("up")),
    current.areas
      .filter((a) => a.area_id)
      .map((area) => cell(area.area, rate(area[asked.direction].used_bps), t(`event.direction.${asked.direction}`))),
  );
}

function showChoices() {
  const chips = (name, entries) =>
    h(
      "div",
      { class: "chips", role: "group", "aria-label": t(`event.choice.${name}`) },
      entries.map((value) =>
        h(
          "button",
          { type: "button", "aria-pressed": String(asked[name] === value), onclick: () => change({ [name]: value }) },
          t(`event.${name}.${value}`),
        ),
      ),
    );
  fill(
    choices,
    chips("direction", ["down", "up"]),
    chips("range", Object.keys(RANGES)),
    chips("scale", ["one", "own"]),
  );
}

async function change(wish) {
  const before = asked.range;
  asked = { ...asked, ...wish };
  toAddress(asked, ADDRESS, { push: true });
  showChoices();
  if (asked.range !== before) await readSeries();
  else show();
}

function showHead() {
  const csv = new URLSearchParams({ format: "csv", bucket: "15m" });
  fill(
    head,
    eventMark(event.state),
    h("span", {}, span(event.service_from, event.service_to)),
    event.place.name && h("span", { class: "quiet" }, event.place.name),
    h(
      "span",
      { class: "event-actions" },
      h("a", { class: "button", href: `/api/v1/events/${id}/series?${csv}`, download: "" }, t("event.csv.series")),
      h("a", { class: "button", href: `/api/v1/events/${id}/live?format=csv`, download: "" }, t("event.csv.live")),
      me.may("events:write") && h("button", { type: "button", onclick: edit }, t("events.change")),
    ),
  );
}

async function edit() {
  const changed = await eventForm(event, tag);
  if (changed) location.reload();
}

async function begin() {
  try {
    const tagged = await readTagged(`/events/${encodeURIComponent(id)}`);
    ({ found: event, etag: tag } = tagged);
    put(byId("name"), event.name);
    document.title = `${event.name} · Lautern`;
    current = await get(`/events/${id}/live`);
    showHead();
    showChoices();
    fill(byId("content"), head, totals, choices, status, lines.element);
    await readSeries();
  } catch (problem) {
    if (problem.status === undefined) throw problem;
    answer(t(problem.status === 404 ? "shell.not_found" : "shell.failed"));
    fill(byId("content"), failed(problem, begin));
  }
}

addEventListener("popstate", () => {
  asked = fromAddress(ADDRESS);
  showChoices();
  readSeries();
});
const begun = begin();
live({
  topics: ["telemetry", "state", "event", "capacity_test"],
  kinds: ["event_network"],
  on: {
    telemetry: () => {
      dirty = true;
    },
    state: () => {
      dirty = true;
    },
    capacity_test: () => {
      dirty = true;
    },
    event: () => {
      dirty = true;
    },
  },
});
await begun;
setInterval(() => {
  if (dirty && current && !document.hidden)
    readLive().catch((problem) => {
      if (problem.status === undefined) throw problem;
    });
}, LIVE_MS);
