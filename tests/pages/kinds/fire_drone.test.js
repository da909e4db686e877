import assert from "node:assert/strict";
import { test } from "node:test";
import { page } from "../support/browser.js";

const load = await page("de");
const { airTime, distance, position } = await load("kinds/fire_drone/words.js");
const { gapsOf } = await load("kinds/fire_drone/charts.js");
const { withGaps } = await load("lib/chart.js");

test("time in the air is said in two units at most", () => {
  assert.equal(airTime(283), "4 min 43 s");
  assert.equal(airTime(4320), "1 h 12 min");
  assert.equal(airTime(59.6), "1 min 0 s");
  assert.equal(airTime(7), "7 s");
});

test("a distance is in metres until it is long", () => {
  assert.equal(distance(628), "628\u202fm");
  assert.equal(distance(2430), "2,4\u202fkm");
  assert.equal(distance(null), "–");
  assert.equal(position({ lat: 49.4405, lon: 7.7705 }), "49,4405° N, 7,7705° O");
});

test("the gaps of a flight are gaps in its charts", () => {
  const gap = { from: "1970-01-01T00:00:10Z", until: "1970-01-01T00:00:40Z", duration_s: 30, straight_m: 5 };
  const gaps = gapsOf({ quality: { gaps: [gap] } });
  assert.deepEqual(withGaps([0, 10, 40], [[1, 2, 3]], gaps), [[0, 10, 25, 40], [[1, 2, null, 3]]]);
});
