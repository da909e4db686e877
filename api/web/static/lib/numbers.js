import { language } from "./facts.js";
import { t } from "./words.js";

const SPACE = "\u202f";
/** @type {Record<string, string>} */
const SYMBOLS = { 1: "", deg: "°", "": "" };
/** @type {Map<number, Intl.NumberFormat>} */
const cache = new Map();

/**
 * A number as people here write it; as many digits as help.
 * @param {number} value
 * @param {number} [digits]
 */
export function number(value, digits) {
  const most = digits ?? (Math.abs(value) >= 100 || Number.isInteger(value) ? 0 : Math.abs(value) >= 10 ? 1 : 2);
  const format = cache.get(most) ?? new Intl.NumberFormat(language, { maximumFractionDigits: most });
  cache.set(most, format);
  return format.format(value);
}

/**
 * With its unit: "40 %", "12,3 W".
 * @param {number} value
 * @param {string} [unit]
 * @param {number} [digits]
 */
export function measure(value, unit, digits) {
  const symbol = SYMBOLS[unit ?? ""] ?? unit;
  return symbol ? `${number(value, digits)}${symbol === "°" ? "" : SPACE}${symbol}` : number(value, digits);
}

/**
 * Bytes: "1,2 MB".
 * @param {number} count
 */
export function bytes(count) {
  const step = count < 1000 ? 0 : Math.min(4, Math.floor(Math.log10(count) / 3));
  return `${number(count / 1000 ** step)}${SPACE}${["B", "kB", "MB", "GB", "TB"][step]}`;
}

/** @param {boolean} value */
export const yesNo = (value) => t(value ? "shell.yes" : "shell.no");
