import assert from "node:assert/strict";
import { test } from "node:test";
import { NOW, page } from "../support/browser.js";

const de = await page("de");
const german = {
  ...(await de("kinds/event_network/sentence.js")),
  ...(await de("kinds/event_network/words.js")),
  ...(await de("kinds/event_network/small_chart.js")),
};
const en = await page("en");
const english = await en("kinds/event_network/sentence.js");

const at = (/** @type {number} */ minutes) => new Date(NOW + minutes * 60e3).toISOString();
const point = (/** @type {number} */ minute, /** @type {number | null} */ mean, max = mean) => ({
  start: at(minute),
  mean_bps: mean,
  max_bps: max,
  max_is_upper_bound: false,
});
const way = { used_bps: 4.5e6, booked_bps: 200e6, saturated: false };
const line = (/** @type {object} */ more = {}) => ({
  area: "Bühne",
  area_id: "b",
  service_class: "visitors",
  booking_id: "1",
  breaches: [],
  down: way,
  up: way,
  ...more,
});
const EVENT = { state: "live", service_from: at(-600), service_to: at(60) };
const current = (/** @type {any[]} */ lines) => ({ in_service: true, lines, total: { down: way, up: way } });
const series = {
  from: NOW - 600 * 60e3,
  lines: [{ area_id: "b", service_class: "visitors", down: [point(-60, 1e6, 150e6), point(-30, 2e6)], up: [] }],
};

test("rates have few digits, volumes decimal units", () => {
  assert.equal(german.rate(4.51e6), "4,5\u202fMbit/s");
  assert.equal(german.rate(412_400_000), "412\u202fMbit/s");
  assert.equal(german.rate(null), "–");
  assert.equal(german.bare(200e6), "200");
  assert.equal(german.volume(12.3e9), "12\u202fGB");
});

test("a running event says whether what was booked is there, and how near use came", () => {
  const kept = german.sentence(EVENT, current([line()]), series, "down");
  assert.match(kept, /150.*200\sMbit\/s.*21:30.*Bühne/);
  const broken = german.sentence(EVENT, current([line({ breaches: [{ reason: "rate" }] }), line()]), null, "down");
  assert.match(broken, /^Eine von 2 Buchungen .*Bühne/);
  assert.notEqual(english.sentence(EVENT, current([line()]), series, "down"), kept);
  const draft = german.sentence({ ...EVENT, state: "draft" }, current([]), null, "down");
  assert.equal(draft, german.sentence({ ...EVENT, state: "draft" }, current([line()]), series, "up"));
});

test("the peak is the highest second, or the mean where none was told", () => {
  assert.equal(german.peakOf([]), null);
  assert.deepEqual(german.peakOf([point(0, null), point(1, 5, 9), point(2, 7)]), {
    bps: 9,
    at: at(1),
    bound: false,
  });
  assert.equal(german.peakOf([point(0, 8, null)]).bps, 8);
});

test("a line is drawn in runs, with gaps where nothing was measured", () => {
  const minute = 60e3;
  const { known, gaps } = german.runs([point(0, 1), point(1, 2), point(2, null), point(3, null), point(4, 3)], minute);
  assert.deepEqual(
    known.map((run) => run.map(({ mean }) => mean)),
    [[1, 2], [3]],
  );
  assert.deepEqual(gaps, [{ from: NOW + 2 * minute, to: NOW + 4 * minute }]);
  assert.equal(german.runs([point(0, 1), point(2, 2)], minute).known.length, 2, "a missing bucket is a gap too");
});
