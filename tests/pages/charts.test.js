import assert from "node:assert/strict";
import { test } from "node:test";
import { json, NOW, page, serve } from "./support/browser.js";

const load = await page("de");
const { scaleOf, table, withGaps } = await load("lib/chart.js");
const { bucketFor, span } = await load("lib/ranges.js");
const { fieldOver, summary } = await load("lib/series.js");
const { csv } = await load("lib/table.js");
const { t } = await load("lib/words.js");
const { path } = await load("lib/svg.js");
const { gather } = await load("lib/clusters.js");
const { unitOf, valueText } = await load("lib/kinds.js");

const at = (/** @type {number} */ second) => new Date(second * 1000).toISOString();
const gap = (/** @type {number} */ from, /** @type {number} */ to) => ({ from: at(from), to: at(to) });

test("a line ends at a gap and begins behind it", () => {
  const [x, [y, z]] = withGaps([0, 10, 40, 50], [[1, 2, 3, 4], [5]], [gap(10, 40)]);
  assert.deepEqual(x, [0, 10, 25, 40, 50]);
  assert.deepEqual(y, [1, 2, null, 3, 4]);
  assert.deepEqual(z, [5, null, null, null, null]);
});

test("gaps need no order, and none is drawn behind the last value", () => {
  assert.deepEqual(withGaps([0, 30, 60], [[1, 2, 3]], [gap(30, 60), gap(0, 30), gap(60, 90)])[0], [0, 15, 30, 45, 60]);
  assert.deepEqual(withGaps([], [[]], [gap(0, 1)]), [[], [[]]]);
});

test("rates and levels begin at zero, others where they are", () => {
  assert.deepEqual(scaleOf({}, null, null), [0, 1]);
  assert.deepEqual(scaleOf({ top: 100 }, null, null), [0, 100]);
  assert.equal(scaleOf({ zero: true }, 40, 50)[0], 0);
  assert.ok(scaleOf({ zero: true, top: 100 }, 40, 50)[1] > 100);
  assert.ok(scaleOf({ zero: true }, -5, 50)[0] < -5);
  assert.ok(scaleOf({}, 40, 50)[0] > 39);
  assert.ok(scaleOf({}, 7, 7)[1] > 7, "a level line has room");
});

test("the table has the band beside the mean, and the unit in its head", () => {
  const lines = [{ label: "Leistung", y: [1, null], low: [0, null], high: [2, null] }];
  const { head, rows } = table({ label: "", unit: "W", x: [0, 10], lines });
  assert.equal(head[1], "Leistung Mittel (W)");
  assert.deepEqual(rows, [
    [new Date(0), 1, 0, 2],
    [new Date(10_000), null, null, null],
  ]);
  assert.equal(
    csv({ head: ["a;b", 'say "so"'], rows: [[new Date(0), null]] }),
    '"a;b","say ""so"""\r\n1970-01-01T00:00:00.000Z,',
  );
});

test("a range has no more points than a screen shows", () => {
  assert.equal(bucketFor([0, 3600], 10), null);
  assert.equal(bucketFor([0, 86_400], 10), "5m");
  assert.equal(bucketFor([0, 366 * 86_400], 10), "1d");
  assert.equal(bucketFor([0, 86_400], 3600), null);
});

test("a range that is none is the last day", () => {
  const now = NOW / 1000;
  assert.deepEqual(span({ range: "1h", from: "", to: "" }), [now - 3600, now]);
  assert.deepEqual(span({ range: "no", from: "yesterday", to: "" }), [now - 86_400, now]);
  assert.deepEqual(span({ range: "1h", from: at(100), to: at(200) }), [100, 200]);
});

test("buckets are drawn at their middle, with what is not told left out", async () => {
  /** @type {string[]} */
  const asked = [];
  const values = [{ power_w: { mean: 5, min: 1, max: 9 } }, { power_w: { mean: "<5", min: null, max: 7 } }, {}];
  serve((url) => {
    asked.push(url);
    const items = values.map((one, i) => ({ ts: at(i * 300), values: one }));
    return json({ items, gaps: [], source: "store", next_from: null });
  });
  const found = await fieldOver("L01", { field: "power_w", part: "", interval: 10, span: [0, 86_400] });
  assert.match(asked[0], /devices\/L01\/telemetry\?fields=power_w&from=.*&bucket=5m$/);
  assert.deepEqual(found.x, [150, 450]);
  assert.deepEqual(
    [found.y, found.low, found.high],
    [
      [5, null],
      [1, null],
      [9, 7],
    ],
  );
  assert.deepEqual([found.width, found.cut], [300, false]);
});

test("a chart is summed up in a sentence", () => {
  const measured = Object.assign((/** @type {number} */ value) => `${value} W`, { when: () => "22:30" });
  const said = summary({ x: [0, 1], y: [1, 3], gaps: [gap(0, 1)] }, measured);
  for (const part of ["1 W", "2 W", "3 W", "22:30"]) assert.ok(said.includes(part), said);
  assert.equal(summary({ x: [0], y: [null], gaps: [] }, measured), t("chart.empty"));
});

test("a path begins again after nothing", () => {
  assert.equal(path([[0, 1], [2, 3], null, [4, 5]]), "M0.0 1.0L2.0 3.0M4.0 5.0");
});

test("three of one cell are one mark, alone only when near enough", () => {
  const points = [1, 2, 3, 500].map((x) => ({ x, y: 1, item: { id: String(x) } }));
  const { singles, clusters } = gather(points, { alone: false });
  assert.deepEqual([singles.length, clusters.length, clusters[0].items.length, clusters[0].x], [1, 1, 3, 2]);
  assert.equal(gather(points, { alone: true }).singles.length, 4);
});

test("a value has the unit of its kind, else that of its name", () => {
  const kind = {
    name: "streetlight",
    fields: new Map([
      ["level_pct", { unit: "%" }],
      ["flow", { unit: "l/s" }],
    ]),
  };
  assert.equal(unitOf(kind, "flow"), "l/s");
  assert.equal(unitOf(undefined, "battery_v"), "V");
  assert.equal(valueText(kind, "level_pct", 40), "40\u202f%");
  assert.equal(valueText(kind, "lat", 49.4405), "49,4405");
  assert.equal(valueText(kind, "on", true), "ja");
  assert.equal(valueText(kind, "any", null), "–");
  assert.equal(valueText(kind, "since", "2026-07-14T20:00:00Z"), "heute 22:00:00");
});
