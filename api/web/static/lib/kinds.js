import { get } from "./api.js";
import { language } from "./facts.js";
import { measure, number, yesNo } from "./numbers.js";
import { moment } from "./times.js";
import { alarmName, valueName } from "./words.js";

const answered = {
  /** @type {Promise<Kinds> | null} */
  asked: null,
};
/** @template {{name: string}} T @param {T[]} list */
const byName = (list) => new Map(list.map((one) => [one.name, one]));

/** What the kinds say of themselves, by name; asked for once. */
export const kinds = () =>
  (answered.asked ??= get("/kinds", { lang: language }).then(
    ({ items }) =>
      new Map(items.map((kind) => [kind.name, { ...kind, fields: byName(kind.fields), alarms: byName(kind.alarms) }])),
  ));

/**
 * What an alarm means, as it follows the device's name, and what to do about it.
 * @param {Kinds} known
 * @param {string} kind
 * @param {string} name
 */
export function alarmSaid(known, kind, name) {
  const said = known.get(kind)?.alarms.get(name);
  return { what: said?.what ?? alarmName(kind, name), remedy: said?.remedy ?? "" };
}

const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d/;
/** @type {Record<string, string>} */
const UNITS = {
  pct: "%",
  w: "W",
  v: "V",
  a: "A",
  m: "m",
  s: "s",
  h: "h",
  k: "K",
  hz: "Hz",
  celsius: "°C",
  c: "°C",
  deg: "deg",
  dbm: "dBm",
  wh: "Wh",
  ms: "m/s",
};

/**
 * Unit of a field as the kind declares it, else as its name ends.
 * @param {Kind | undefined} kind
 * @param {string} field
 */
export function unitOf(kind, field) {
  const declared = kind?.fields.get(field)?.unit;
  return declared ?? UNITS[field.split("_").at(-1)] ?? "";
}

/**
 * A value as people read it.
 * @param {Kind | undefined} kind
 * @param {string} field
 * @param {any} value
 */
export function valueText(kind, field, value) {
  if (value === null || value === undefined) return "–";
  if (typeof value === "boolean") return yesNo(value);
  if (typeof value === "number") {
    return field.endsWith("lat") || field.endsWith("lon") ? number(value, 5) : measure(value, unitOf(kind, field));
  }
  if (Array.isArray(value)) return value.length ? value.map((v) => valueName(kind?.name, v)).join(", ") : "–";
  if (INSTANT.test(value)) return moment(value, { seconds: true });
  return /^[a-z][a-z_]+$/.test(value) ? valueName(kind?.name, value) : String(value);
}
