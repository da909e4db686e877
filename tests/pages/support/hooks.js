// The server has a kind's files at kinds/KIND/ beside lib/; on disk its folder is api/kinds/KIND/web/.
import { readFile } from "node:fs/promises";

const STATIC = new URL("../../../api/web/static/", import.meta.url).href;
const KINDS = new URL("../../../api/kinds/", import.meta.url).href;
const OURS = [STATIC, KINDS];

/** @param {string} url */
const isOurs = (url) => OURS.some((folder) => url.startsWith(folder)) && new URL(url).pathname.endsWith(".js");

/**
 * What one of our modules imports has its query too, so that each language has modules of its own.
 * @param {string} specifier
 * @param {{parentURL?: string}} context
 * @param {(specifier: string, context: object) => unknown} next
 */
export function resolve(specifier, context, next) {
  const parent = context.parentURL ?? "";
  if (!isOurs(parent) || !specifier.startsWith(".")) return next(specifier, context);
  const url = new URL(specifier, parent);
  url.search = new URL(parent).search;
  const shared = /\/api\/kinds\/(lib|vendor)\//.test(url.href);
  return { url: shared ? url.href.replace(KINDS, STATIC) : url.href, shortCircuit: true };
}

/**
 * @param {string} url
 * @param {object} context
 * @param {(url: string, context: object) => unknown} next
 */
export async function load(url, context, next) {
  if (!isOurs(url)) return next(url, context);
  return { format: "module", source: await readFile(new URL(url)), shortCircuit: true };
}
