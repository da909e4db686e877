import assert from "node:assert/strict";
import { test } from "node:test";
import { NOW, page } from "../support/browser.js";

const de = await page("de");
const german = { ...(await de("kinds/streetlight/words.js")), ...(await de("kinds/streetlight/street.js")) };
const en = await page("en");
const english = await en("kinds/streetlight/words.js");

const at = (/** @type {number} */ hours) => new Date(NOW + hours * 3600e3).toISOString();
const set = (/** @type {number} */ level_pct, /** @type {any} */ cause, /** @type {string} */ until_at) => ({
  code: "set_until",
  params: { level_pct, cause, until_at },
});
const lamp = (/** @type {string} */ id, more = {}) => ({
  id,
  name: `Fauthweg ${id}`,
  state: "ok",
  lat: 49.44,
  lon: 7.77,
  level_pct: 40,
  plan_level_pct: 40,
  override_active: false,
  in_force: { level_pct: 40, reason: "schedule", until: at(2), ref: null },
  asked: [],
  why: [set(40, { code: "cause.program" }, at(2))],
  ...more,
});
const failed = { name: "lamp_failure", since: at(-1), severity: "major" };
const names = (/** @type {any[]} */ lamps) => german.shortNames(lamps);

test("the street says who reports, what is broken and what holds", () => {
  const well = [lamp("L01"), lamp("L02")];
  assert.equal(german.answerOf([], new Map()), "Hier gibt es noch keine Leuchten.");
  assert.match(german.answerOf(well, names(well)), /^Alle 2 Leuchten melden sich; .+\. .+\.$/);
  const some = [lamp("L01", { state: "alarm", alarm: failed }), lamp("L02", { state: "offline" }), lamp("L03")];
  const said = german.answerOf(some, names(some));
  assert.match(said, /^2 von 3 Leuchten melden sich; .*L01.*21:30/);
  assert.match(english.answerOf(some, names(some)), /^2 of 3 /);
});

test("an override is told with its end", () => {
  const lamps = [lamp("L01", { override_active: true }), lamp("L02")];
  assert.match(german.answerOf(lamps, names(lamps)), /00:30/);
});

test("lamps with the same in force are one line", () => {
  const cause = {
    code: "from_reason",
    params: { cause: { code: "cause.override" }, issuer: "A. Beispiel", reason: "Fest" },
  };
  const held = { why: [set(80, cause, at(2)), { code: "otherwise", params: { level_pct: 40 } }] };
  const [first, second] = german.forces([lamp("L1"), lamp("L2", held), lamp("L3", held)]);
  assert.deepEqual([first.lamps.length, second.lamps.length], [2, 1]);
  assert.match(first.text, /80\s%.*A\. Beispiel.*Fest/);
  assert.match(second.text, /^40\s% bis 00:30, nach Programm$/);
  assert.match(english.forces([lamp("L1")])[0].text, /^40\s% until 12:30.* its light program$/);
  const untold = { why: [{ code: "unknown" }] };
  assert.match(german.forces([lamp("L1", untold), lamp("L2", untold)])[0].text, /^haben /);
  assert.match(first.then, /40\s%/);
});

test("what is doubtful about a lamp is said, and nothing of one that is well", () => {
  assert.deepEqual(german.doubts(lamp("L1")), []);
  const told = [
    { code: "does", params: { level_pct: 0 } },
    {
      code: "pending",
      params: { wanted: { code: "wanted.plan" }, issuer: "A. Beispiel", answer: { code: "answer.sent" } },
    },
    { code: "heard", params: { n: 4 } },
  ];
  const why = [...lamp("L1").why, ...told];
  const said = german.doubts(lamp("L1", { alarm: failed, why }));
  assert.equal(said.length, 4);
  assert.equal(said[2], "Befehl von A. Beispiel: zurück zum Plan, gesendet, noch ohne Antwort.");
  assert.equal(said[3], "Zuletzt gehört vor 4 Minuten.");
  assert.equal(german.doubts(lamp("L1", { why: [{ code: "offline" }] })).length, 1);
});

test("what a lamp says since ends the doubts it answers", () => {
  const why = [
    { code: "does", params: { level_pct: 0 } },
    { code: "heard", params: { n: 4 } },
  ];
  const codes = (/** @type {boolean} */ moved) =>
    german.stillTrue(lamp("L1", { why }), moved).map((/** @type {any} */ r) => r.code);
  assert.deepEqual([codes(false), codes(true)], [["does"], []]);
});

test("many lamps are named by the first, and short where they have a street in common", () => {
  assert.equal(german.listed(["a", "b"]), "a und b");
  assert.match(german.listed([..."abcdefgh"]), /^a, b, c, d, e, f .*2/);
  assert.deepEqual([...german.shortNames([lamp("L01"), lamp("L02")]).values()], ["L01", "L02"]);
  assert.deepEqual([...german.shortNames([lamp("L01")]).values()], ["Fauthweg L01"]);
});

test("lamps stand in the order of their street, from west to east", () => {
  const street = [3, 1, 2].map((n) => lamp(`L${n}`, { lat: 49.44 - n * 0.001, lon: 7.77 + (4 - n) * 0.001 }));
  assert.deepEqual(
    german.along(street).map(({ id }) => id),
    ["L3", "L2", "L1"],
  );
  const unplaced = [lamp("L10", { lat: null }), lamp("L9"), lamp("L1")];
  assert.deepEqual(
    german.along(unplaced).map(({ id }) => id),
    ["L1", "L9", "L10"],
  );
});
