import { get, read as readTagged, refusal } from "../../lib/api.js";
import { fromAddress, idInPath, toAddress } from "../../lib/address.js";
import { failed } from "../../lib/blank.js";
import { chips } from "../../lib/choices.js";
import { byId, fill, h, put, refill } from "../../lib/dom.js";
import { goTo } from "../../lib/facts.js";
import { answer, live, me, onBack, start } from "../../lib/page.js";
import { now } from "../../lib/times.js";
import { t } from "../../lib/words.js";
import { eventForm } from "./form.js";
import { Lines } from "./lines.js";
import { sentence } from "./sentence.js";
import { eventMark, rate, span, volume } from "./words.js";

/** @typedef {import("./words.js").CityEvent} CityEvent */
/** @typedef {import("./words.js").Live} Live */
/** @typedef {import("./words.js").Line} Line */
/** @typedef {import("./words.js").Way} Way */
/** @typedef {import("./words.js").Series} Series */

const ADDRESS = { range: "6h", direction: "down", scale: "one", line: "" };
/** @type {Record<string, number>} */
const RANGES = { "3h": 3, "6h": 6, "24h": 24, all: Infinity };
/** @type {[string, number][]} */
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
/** @type {Way[]} */
const WAYS = ["down", "up"];
const POINTS = 260,
  HOUR = 3600e3,
  LIVE_MS = 5000;

await start();
const id = idInPath();
onBack(() => goTo("/events"));
const view = {
  asked: fromAddress(ADDRESS),
  /** @type {CityEvent} */
  event: /** @type {any} */ (null),
  /** @type {string | null} */
  tag: null,
  /** @type {Live} */
  current: /** @type {any} */ (null),
  /** @type {Series | null} */
  series: null,
  dirty: false,
  /** @type {object | null} */
  reading: null,
};
if (!RANGES[view.asked.range]) view.asked.range = ADDRESS.range;

const head = h("div", { class: "toolbar event-head" }),
  totals = h("dl", { class: "values event-totals" }),
  choices = h("div", { class: "toolbar event-choices" }),
  status = h("p", { class: "note", "aria-live": "polite" });
const lines = new Lines({ choose: (key) => change({ line: key }) });

function window_() {
  const first = Date.parse(view.event.service_from),
    end = Math.min(Date.parse(view.event.service_to), now());
  const from = Math.max(first, end - RANGES[view.asked.range] * HOUR),
    ours = Number.isFinite(from) && from < end;
  const seconds = (end - from) / 1000;
  const [name, width] = BUCKETS.find(([, w]) => seconds / w <= POINTS) ?? BUCKETS.at(-1);
  return ours ? { from: Math.floor(from / (width * 1000)) * width * 1000, to: end, name, width } : null;
}

async function readSeries() {
  const wanted = window_(),
    mine = (view.reading = {});
  view.series = null;
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
    if (view.reading !== mine) return;
    view.series = { ...found, ...wanted, readAt: now() };
    put(status, "");
  } catch (thrown) {
    const { message } = refusal(thrown);
    if (view.reading === mine) put(status, message);
  }
  lines.wait(false);
  show();
}

// Only what came since the last bucket: a whole range is much to count.
async function extend() {
  const mine = view.series;
  if (!mine || now() - mine.readAt < mine.width * 1000 || now() > Date.parse(view.event.service_to)) return;
  const last = mine.lines[0]?.down.at(-1)?.start ?? new Date(mine.from).toISOString();
  mine.readAt = now();
  const found = await get(`/events/${id}/series`, {
    bucket: mine.name,
    from: last,
    to: new Date(now()).toISOString(),
  }).catch(() => null);
  if (!found || view.series !== mine) return;
  for (const line of found.lines) {
    const old = mine.lines.find((l) => l.area_id === line.area_id && l.service_class === line.service_class);
    if (old) for (const way of WAYS) old[way] = [...old[way].filter((p) => p.start < last), ...line[way]];
  }
  mine.to = now();
}

async function readLive() {
  view.dirty = false;
  view.current = await get(`/events/${id}/live`);
  await extend();
  show();
}

/** The way that is asked for. */
const direction = () => /** @type {Way} */ (view.asked.direction === "up" ? "up" : "down");

function show() {
  answer(sentence(view.event, view.current, view.series, direction()));
  showTotals();
  lines.show({ event: view.event, current: view.current, series: view.series, ...view.asked, direction: direction() });
}

function showTotals() {
  /** @param {string} name @param {string} value @param {Child} [note] */
  const cell = (name, value, note) =>
    h(
      "div",
      {},
      h("dt", { class: "name" }, name),
      h("dd", { class: "value" }, value),
      note && h("dd", { class: "age" }, note),
    );
  /** @param {Way} way */
  const sum = (way) =>
    view.series?.lines.reduce((all, line) => all + line[way].reduce((bytes, p) => bytes + (p.volume_bytes ?? 0), 0), 0);
  /** @param {Way} way */
  const carried = (way) => view.series && t("event.carried", { volume: volume(sum(way) ?? 0) });
  fill(
    totals,
    cell(t("event.total.down"), rate(view.current.total.down.used_bps), carried("down")),
    cell(t("event.total.up"), rate(view.current.total.up.used_bps), carried("up")),
    view.current.areas
      .filter((a) => a.area_id)
      .map((area) =>
        cell(area.area ?? "", rate(area[direction()].used_bps), t(`event.direction.${view.asked.direction}`)),
      ),
  );
}

function showChoices() {
  /** @param {string} name @param {string[]} values */
  const chipsOf = (name, values) =>
    chips(
      t(`event.choice.${name}`),
      values.map((value) => [value, t(`event.${name}.${value}`)]),
      view.asked[name],
      (value) => change({ [name]: value }),
    );
  refill(choices, chipsOf("direction", WAYS), chipsOf("range", Object.keys(RANGES)), chipsOf("scale", ["one", "own"]));
}

/** @param {Values} wish */
async function change(wish) {
  const before = view.asked.range;
  view.asked = { ...view.asked, ...wish };
  toAddress(view.asked, ADDRESS, { push: true });
  showChoices();
  if (view.asked.range !== before) await readSeries();
  else show();
}

function showHead() {
  const csv = new URLSearchParams({ format: "csv", bucket: "15m" });
  fill(
    head,
    eventMark(view.event.state),
    h("span", {}, span(view.event.service_from, view.event.service_to)),
    view.event.place.name && h("span", { class: "quiet" }, view.event.place.name),
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
  const changed = await eventForm(view.event, view.tag);
  if (changed) location.reload();
}

async function begin() {
  try {
    const tagged = await readTagged(`/events/${encodeURIComponent(id)}`);
    ({ found: view.event, etag: view.tag } = tagged);
    put(byId("name"), view.event.name);
    document.title = `${view.event.name} · Lautern`;
    view.current = await get(`/events/${id}/live`);
    showHead();
    showChoices();
    fill(byId("content"), head, totals, choices, status, lines.element);
    await readSeries();
  } catch (thrown) {
    const problem = refusal(thrown);
    answer(t(problem.status === 404 ? "shell.not_found" : "shell.failed"));
    fill(byId("content"), failed(problem, begin));
  }
}

addEventListener("popstate", () => {
  view.asked = fromAddress(ADDRESS);
  showChoices();
  readSeries();
});
const begun = begin();
live({
  topics: ["telemetry", "state", "event", "capacity_test"],
  kinds: ["event_network"],
  on: {
    telemetry: () => {
      view.dirty = true;
    },
    state: () => {
      view.dirty = true;
    },
    capacity_test: () => {
      view.dirty = true;
    },
    event: () => {
      view.dirty = true;
    },
  },
});
await begun;
setInterval(() => {
  if (view.dirty && view.current && !document.hidden) readLive().catch(refusal);
}, LIVE_MS);
