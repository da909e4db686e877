import { language } from "./facts.js";
import { t } from "./words.js";

const SPACE = "\u202f";
const SYMBOLS = { 1: "", deg: "°", "": "" };
const cache = new Map();

/** A number as people here write it; as many digits as help. */
export function number(value, digits) {
  const most = digits ?? (Math.abs(value) >= 100 || Number.isInteger(value) ? 0 : Math.abs(value) >= 10 ? 1 : 2);
  if (!cache.has(most)) cache.set(most, new Intl.NumberFormat(language, { maximumFractionDigits: most }));
  return cache.get(most).format(value);
}

/** With its unit: "40 %", "12,3 W". */
export function measure(value, unit, digits) {
  const symbol = SYMBOLS[unit] ?? unit ?? "";
  return symbol ? `${number(value, digits)}${symbol === "°" ? "" : SPACE}${symbol}` : number(value, digits);
}

/** Bytes: "1,2 MB". */
export function bytes(count) {
  const step = count < 1000 ? 0 : Math.min(4, Math.floor(Math.log10(count) / 3));
  return `${number(count / 1000 ** step)}${SPACE}${["B", "kB", "MB", "GB", "TB"][step]}`;
}

export const yesNo = (value) => t(value ? "shell.yes" : "shell.no");
