import assert from "node:assert/strict";
import { test } from "node:test";
import { NOW, page } from "./support/browser.js";

const de = await page("de");
const german = {
  town: await de("lib/town_devices.js"),
  alarms: await de("lib/alarms.js"),
  rules: await de("notifications/rules.js"),
  commands: await de("lib/commands.js"),
};
const en = await page("en");
const english = {
  town: await en("lib/town_devices.js"),
  alarms: await en("lib/alarms.js"),
  rules: await en("notifications/rules.js"),
};

/** @param {string} id @param {State} [state] */
const thing = (id, state = "ok") => ({ id, name: id, kind: "streetlight", state });

test("the town says who does not report, by name as long as they are few", () => {
  const { sentence } = german.town;
  assert.equal(sentence([]), "Noch keine Geräte.");
  assert.equal(sentence([thing("L01"), thing("L02")]), "Alle 2 Geräte melden sich.");
  const some = sentence([thing("L01"), thing("L07", "alarm"), thing("L09", "offline")]);
  assert.match(some, /^2 von 3 Geräten melden sich; .*L07.*; .*L09.*\.$/);
  const many = sentence(["L1", "L2", "L3", "L4"].map((id) => thing(id, "stale")));
  assert.doesNotMatch(many, /L1/);
  assert.match(english.town.sentence([thing("L01"), thing("L07", "alarm")]), /^All 2 devices .*L07.*\.$/);
});

test("what is urgent stands first, the rest by name as people count", () => {
  const items = [thing("L10"), thing("L2"), thing("L3", "stale"), thing("L4", "alarm")];
  assert.deepEqual(
    items.sort(german.town.urgent).map(({ id }) => id),
    ["L4", "L3", "L2", "L10"],
  );
});

test("a town is filtered by all that is asked for at once", () => {
  const town = { items: new Map(), members: new Map([["g", new Set(["L1", "L2"])]]) };
  for (const item of [thing("L1"), thing("L2", "alarm"), thing("L3", "alarm")]) town.items.set(item.id, item);
  const found = (/** @type {object} */ wanted) =>
    german.town
      .filtered(town, { kind: "", state: "", group: "", q: "", ...wanted })
      .map((/** @type {Thing} */ i) => i.id);
  assert.deepEqual(found({}), ["L1", "L2", "L3"]);
  assert.deepEqual(found({ state: "alarm,warning" }), ["L2", "L3"]);
  assert.deepEqual(found({ state: "alarm", group: "g" }), ["L2"]);
  assert.deepEqual(found({ q: " l3 " }), ["L3"]);
  assert.deepEqual(found({ kind: "fire_drone" }), []);
});

test("an alarm says whether somebody has it in hand", () => {
  const alarm = { cleared_at: null, shelved_until: null, acknowledged_at: null, acknowledged_by: "A. Beispiel" };
  const later = new Date(NOW + 3600e3).toISOString();
  const said = (/** @type {object} */ more) => german.alarms.handled({ ...alarm, ...more }, NOW);
  assert.equal(said({}), "noch von niemandem gesehen");
  assert.match(said({ acknowledged_at: later }), /A\. Beispiel.*heute 23:30/);
  assert.match(said({ shelved_until: later, shelved_by: "B. Muster" }), /B\. Muster.*23:30/);
  assert.equal(said({ shelved_until: new Date(NOW - 1).toISOString() }), said({}), "the shelf is over");
  assert.match(said({ cleared_at: later, shelved_until: later }), /heute 23:30/);
});

const RULE = {
  severities: ["major", "critical"],
  kinds: ["streetlight"],
  targets: ["t"],
  groups: [],
  duty: { spans: [], zone: "Europe/Berlin", region: null },
  critical_always: true,
  gather_s: 30,
  repeat_min: null,
  escalation: [],
  resolved: true,
};
const NAMES = new Map([
  ["t", "Lichtdienst"],
  ["u", "Leitung"],
]);

test("a rule is said in sentences", () => {
  const plain = german.rules.ruleText(RULE, NAMES);
  assert.match(plain, /Lichtdienst/);
  const whole = german.rules.ruleText(
    {
      ...RULE,
      duty: { ...RULE.duty, spans: [{ weekdays: ["mon", "tue", "wed", "sat"], from: "07:00", until: "16:00" }] },
      repeat_min: 60,
      escalation: [{ after_min: 30, targets: ["u", "gone"] }],
    },
    NAMES,
  );
  assert.match(whole, /Mo–Mi, Sa 07:00–16:00/);
  assert.match(whole, /Leitung und gone/);
  assert.ok(whole.length > plain.length);
  const elsewhere = {
    ...RULE,
    duty: { ...RULE.duty, zone: "UTC", spans: [{ weekdays: ["sun"], from: "1", until: "2" }] },
  };
  assert.match(english.rules.ruleText(elsewhere, NAMES), /Sun 1–2 \(UTC\)/);
});

test("severities with one left out between are said one by one", () => {
  const { leastSeverity, severityText } = german.rules;
  assert.equal(leastSeverity({ severities: [] }), "info");
  assert.equal(leastSeverity({ severities: ["critical", "major"] }), "major");
  assert.equal(leastSeverity({ severities: ["critical", "warning"] }), "");
  assert.match(severityText({ severities: ["critical", "warning"] }), / und /);
});

test("a command says what was asked of the device", () => {
  const kind = { name: "streetlight", fields: new Map() };
  const text = german.commands.argumentsText(kind, { arguments: { level_pct: 80, priority: "override" } });
  assert.match(text, /^80\s%, .+ .+$/);
});
