import assert from "node:assert/strict";
import { test } from "node:test";
import { NOW, page } from "./support/browser.js";

const de = await page("de");
const german = { ...(await de("lib/words.js")), ...(await de("lib/numbers.js")), ...(await de("lib/times.js")) };
const en = await page("en");
const english = { ...(await en("lib/words.js")), ...(await en("lib/numbers.js")), ...(await en("lib/times.js")) };
const SPACE = "\u202f";

test("a text is chosen by number, which is written as people there do", () => {
  assert.equal(german.t("list.shown", { shown: 200, n: 1234 }), "200 von 1.234 gezeigt");
  assert.match(english.t("list.shown", { shown: 200, n: 1234 }), /1,234/);
  assert.notEqual(german.t("chart.gaps", { n: 1 }), german.t("chart.gaps", { n: 2 }).replace("2", "1"));
  assert.equal(german.t("no.such.key"), "no.such.key");
});

test("a name without words is made readable", () => {
  assert.equal(german.named("bad_topic", "no.such.key"), "Bad topic");
  assert.equal(german.fieldName("streetlight", "level_pct"), german.t("streetlight.field.level_pct"));
});

test("names are listed as people say them", () => {
  assert.equal(german.listed(["L01", "L02", "L03"]), "L01, L02 und L03");
  assert.equal(english.listed(["L01", "L02", "L03"]), "L01, L02, and L03");
});

test("numbers have as many digits as help, and their unit", () => {
  assert.equal(german.measure(40, "%"), `40${SPACE}%`);
  assert.equal(german.measure(12.345, "W"), `12,3${SPACE}W`);
  assert.equal(english.measure(1.2345, "V"), `1.23${SPACE}V`);
  assert.equal(german.measure(180, "deg"), "180°");
  assert.equal(german.measure(5, "1"), "5");
  assert.equal(german.bytes(1_234_000), `1,23${SPACE}MB`);
  assert.equal(german.bytes(0), `0${SPACE}B`);
});

test("an instant is said by its day", () => {
  const hour = 3600e3;
  assert.equal(german.moment(NOW), "heute 22:30");
  assert.equal(german.moment(NOW - 24 * hour), "gestern 22:30");
  assert.match(english.moment(NOW + 24 * hour), /^tomorrow 10:30\sPM$/);
  assert.equal(german.moment(NOW - 72 * hour), "11. Juli, 22:30");
  assert.match(german.moment("2024-01-02T12:00:00Z"), /2024, 13:00$/);
  assert.equal(german.hourOf("2026-07-14T04:05:00Z"), "06:05");
});

test("an age is never in the future", () => {
  assert.equal(german.ago(NOW - 3000), "vor 3 s");
  assert.equal(german.ago(NOW + 60_000), german.ago(NOW));
  assert.equal(english.ago(NOW - 7_200_000), "2h ago");
});

test("lengths of time have one unit", () => {
  assert.match(german.duration(1800), /^30\s?[Mm]/);
  assert.match(german.duration(5400), /^1,5\s?(h|Std)/);
  assert.match(english.duration(86400 * 3), /^3\s?d/);
});

test("the server's clock counts, if it is another", () => {
  german.learn(NOW + 600_000);
  assert.match(german.ago(NOW), /^vor 10 m/);
  german.learn(NOW + 1000);
  assert.equal(german.now(), NOW);
});

test("an age on the page goes on by itself, another kind of time does not", () => {
  const element = german.timeOf(NOW - 5000, german.ago);
  assert.equal(element.textContent, "vor 5 s");
  german.renew(element, NOW - 60_000);
  assert.match(element.textContent, /^vor 1 m/);
  assert.match(element.title, /UTC/);
  assert.equal(german.timeOf(null).textContent, german.t("shell.never"));
});
