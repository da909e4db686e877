import { facts, file, language } from "./facts.js";

/** @typedef {string | Record<string, string>} Entry */

/** @param {string} name @returns {Promise<Record<string, Entry>>} */
const words = async (name) => (await fetch(file(`messages/${name}.json`))).json();
const [shared, own] = await Promise.all([words(language), words(`${facts.page}.${language}`)]);
const entries = { ...shared, ...own };
const plural = new Intl.PluralRules(language);
const LIST = new Intl.ListFormat(language, { type: "conjunction" });

/**
 * Whether there is a text for the key.
 * @param {string} key
 */
export const known = (key) => Object.hasOwn(entries, key);

/**
 * Text of a key; `{name}` is replaced, and `n` chooses between one and other. Numbers are written as people here do.
 * @param {string} key
 * @param {Record<string, any>} [values]
 */
export function t(key, values = {}) {
  const entry = entries[key];
  if (entry === undefined) return key;
  const text = typeof entry === "string" ? entry : (entry[plural.select(values.n)] ?? entry.other);
  return text.replace(/\{(\w+)\}/g, (whole, name) => {
    const value = values[name];
    return typeof value === "number" ? value.toLocaleString(language) : (value ?? whole);
  });
}

/**
 * Text of the first key there is, else the name itself made readable: kinds may leave words out.
 * @param {string} name
 * @param {...string} keys
 */
export function named(name, ...keys) {
  const key = keys.find(known);
  if (key) return t(key);
  const readable = String(name).replaceAll("_", " ");
  return readable.charAt(0).toLocaleUpperCase(language) + readable.slice(1);
}

/** @param {string} kind */
export const kindName = (kind) => named(kind, `${kind}.one`);
/** @param {string} kind */
export const kindPlural = (kind) => named(kind, `${kind}.many`, `${kind}.one`);
/** @param {string} kind @param {string} field */
export const fieldName = (kind, field) => named(field, `${kind}.field.${field}`, `field.${field}`);
/** @param {string} kind @param {string} name */
export const alarmName = (kind, name) => named(name, `${kind}.alarm.${name}`, `alarm.${name}`);
/** @param {string} kind @param {string} name */
export const commandName = (kind, name) => named(name, `${kind}.command.${name}`, `command.${name}`);
/**
 * A word a device says, such as a reason or mode.
 * @param {string | undefined} kind
 * @param {string} value
 */
export const valueName = (kind, value) => named(value, `${kind}.value.${value}`, `value.${value}`);

/**
 * "Lichtdienst, Leitung und Ticket".
 * @param {string[]} names
 */
export const listed = (names) => LIST.format(names);

/** @typedef {{code?: string, params?: Record<string, any>}} Coded */

/**
 * What a code of the server says here, such as that of a refusal; without a text of ours what the server says itself.
 * A kind's own codes begin with its name and a dot.
 * @param {Coded} coded
 * @param {string} [otherwise]
 * @returns {string}
 */
export function told({ code = "", params = {} }, otherwise = code.replaceAll("_", " ")) {
  const kind = code.slice(0, code.lastIndexOf(".") + 1);
  const key = `${kind}problem.${code.slice(kind.length)}`;
  if (!known(key)) return otherwise;
  const written = (/** @type {any} */ value) => (value?.code ? told(value).replace(/\.$/, "") : value);
  const values = Object.entries(params).map(([name, value]) => [
    name,
    Array.isArray(value) ? value.map(written).join(", ") : written(value),
  ]);
  return t(key, Object.fromEntries(values));
}
