import { goTo, here, language, page } from "./facts.js";
import { learn } from "./times.js";
import { t, told } from "./words.js";

/** Where the API is. */
export const BASE = page("/api/v1");

/** @typedef {{field: string, message: string, code?: string, params?: Record<string, any>}} FieldError */

/** What the server answered instead of what was asked for; `message` is a sentence for people. */
export class Problem extends Error {
  /** @param {number} status @param {any} [body] @param {number} [after] */
  constructor(status, body = {}, after = undefined) {
    /** @type {FieldError[]} */
    const errors = (body.errors ?? []).map((/** @type {FieldError} */ error) => ({
      ...error,
      message: told(error, error.message),
    }));
    super(sentence(status, body, errors, after));
    this.status = status;
    this.kind = kindOf(body);
    this.code = body.code ?? this.kind;
    this.errors = errors;
    this.requestId = body.request_id ?? "";
    this.after = after;
  }
}

/**
 * What was thrown, if the server or the network said no; anything else is an error of the page, and thrown on.
 * @param {unknown} thrown
 */
export function refusal(thrown) {
  if (thrown instanceof Problem) return thrown;
  throw thrown;
}

/** @param {any} body */
const kindOf = (body) => (body.type ?? "").replace("urn:lautern:problem:", "");

/** @param {number} status @param {any} body @param {FieldError[]} errors @param {number} [after] */
function sentence(status, body, errors, after) {
  if (!status) return t("problem.no_answer");
  const { detail, title } = body;
  const what = told({ code: kindOf(body) }, title ?? t("problem.other", { status, request: body.request_id ?? "" }));
  const fields = errors.map((e) => (e.message === what ? e.field : `${e.field}: ${e.message}`)).join("; ");
  const more = fields || (detail && told(body, detail));
  const said = more ? `${what.replace(/[.:]$/, "")}: ${more.replace(/\.$/, "")}.` : what;
  return status === 429 ? `${said} ${t("problem.wait", { after: after ?? 60 })}` : said;
}

/**
 * @typedef {object} Options
 * @property {any} [body]
 * @property {Query} [query]
 * @property {Record<string, string>} [headers]
 */

/** @param {string} method @param {string} path @param {Options} options */
async function send(method, path, { body, query, headers }) {
  const given = Object.entries(query ?? {}).filter(([, v]) => v !== undefined && v !== null && v !== "");
  const text = given.map(([name, value]) => [name, String(value)]);
  const sent = body === undefined ? undefined : { "Content-Type": "application/json" };
  try {
    return await fetch(`${BASE}${path}${text.length ? `?${new URLSearchParams(text)}` : ""}`, {
      method,
      credentials: "same-origin",
      headers: { Accept: "application/json", "Accept-Language": language, ...sent, ...headers },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch {
    throw new Problem(0);
  }
}

/** @type {() => Promise<never>} */
const never = () => new Promise(() => {});

/** @param {string} method @param {string} path @param {Options} [options] */
async function ask(method, path, options = {}) {
  const answer = await send(method, path, options);
  const date = answer.headers.get("Date");
  if (date) learn(Date.parse(date));
  const found = answer.status === 204 ? null : await answer.json().catch(() => ({}));
  if (answer.ok) return { found, etag: answer.headers.get("ETag") };
  if (answer.status === 401 && !path.startsWith("/login")) {
    away();
    return never();
  }
  const problem = new Problem(answer.status, found ?? {}, Number(answer.headers.get("Retry-After")) || undefined);
  if (!["second_factor_needed", "proof_too_old"].includes(problem.kind) || here() === "/sign-in") throw problem;
  toSecondStep();
  return never();
}

/** To the sign-in page, and back here afterwards. */
export function away() {
  if (here() !== "/sign-in") goTo(`/sign-in?${new URLSearchParams({ next: here() + location.search })}`);
}

/** To the second step of signing in, and back here afterwards. */
export function toSecondStep() {
  goTo(`/sign-in?${new URLSearchParams({ second: "", next: here() + location.search })}`);
}

/** @param {string | null | undefined} etag */
const matching = (etag) => (etag ? { "If-Match": etag } : undefined);

/**
 * @template {string} P
 * @param {P} path
 * @param {Query} [query]
 * @param {Options} [options]
 * @returns {Promise<AnswerOf<"get", P>>}
 */
export const get = async (path, query, options) => (await ask("GET", path, { query, ...options })).found;

/**
 * @template {string} P
 * @param {P} path
 * @param {object} [body]
 * @param {Options} [options]
 * @returns {Promise<AnswerOf<"post", P>>}
 */
export const post = async (path, body, options) => (await ask("POST", path, { body: body ?? {}, ...options })).found;

/**
 * @template {string} P
 * @param {P} path
 * @param {object} body
 * @param {string | null} [etag]
 * @returns {Promise<AnswerOf<"patch", P>>}
 */
export const patch = async (path, body, etag) => (await ask("PATCH", path, { body, headers: matching(etag) })).found;

/**
 * @template {string} P
 * @param {P} path
 * @param {object} body
 * @param {string | null} [etag]
 * @returns {Promise<AnswerOf<"put", P>>}
 */
export const put = async (path, body, etag) => (await ask("PUT", path, { body, headers: matching(etag) })).found;

/** @param {string} path @returns {Promise<any>} */
export const remove = async (path) => (await ask("DELETE", path)).found;

/**
 * With its ETag, for a later patch.
 * @template {string} P
 * @param {P} path
 * @returns {Promise<{found: AnswerOf<"get", P>, etag: string | null}>}
 */
export const read = (path) => ask("GET", path);

/**
 * All pages of a list, at most `most` items.
 * @template {string} P
 * @param {P} path
 * @param {Query} [query]
 * @returns {Promise<ItemOf<AnswerOf<"get", P>>[]>}
 */
export async function all(path, query = {}, most = 5000) {
  const items = [];
  let cursor;
  do {
    /** @type {any} */
    const found = await get(path, { limit: 500, ...query, cursor });
    items.push(...found.items);
    cursor = found.next_cursor;
  } while (cursor && items.length < most);
  return items;
}
