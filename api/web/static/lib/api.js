import { goTo, here, page } from "./facts.js";
import { learn } from "./times.js";
import { known, said, t } from "./words.js";

/** Where the API is. */
export const BASE = page("/api/v1");

/** What the server answered instead of what was asked for; `message` is a sentence for people. */
export class Problem extends Error {
  constructor(status, body, after) {
    const errors = (body.errors ?? []).map((error) => ({ ...error, message: said(error.message) }));
    super(sentence(status, body, errors, after));
    this.status = status;
    this.kind = (body.type ?? "").replace("urn:lautern:problem:", "");
    this.errors = errors;
    this.requestId = body.request_id ?? "";
    this.after = after;
  }
}

function sentence(status, body, errors, after) {
  const kind = (body.type ?? "").replace("urn:lautern:problem:", "");
  const detail = errors.length ? errors.map((e) => `${e.field}: ${e.message}`).join("; ") : said(body.detail ?? "");
  const key = [`problem.${kind}`, `problem.${status}`, "problem.other"].find(known);
  return t(key, { detail, after: after ?? 60, status, request: body.request_id ?? "" }).replace(/[:,] ?\.?$/, ".");
}

async function ask(method, path, { body, query, headers } = {}) {
  const given = Object.entries(query ?? {}).filter(([, v]) => v !== undefined && v !== null && v !== "");
  const address = `${BASE}${path}${given.length ? `?${new URLSearchParams(given)}` : ""}`;
  const sent = body === undefined ? {} : { "Content-Type": "application/json" };
  let answer;
  try {
    answer = await fetch(address, {
      method,
      credentials: "same-origin",
      headers: { Accept: "application/json", ...sent, ...headers },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch {
    throw new Problem(0, {});
  }
  const date = answer.headers.get("Date");
  if (date) learn(Date.parse(date));
  const found = answer.status === 204 ? null : await answer.json().catch(() => ({}));
  if (!answer.ok) {
    if (answer.status === 401 && !path.startsWith("/login")) {
      away();
      return new Promise(() => {});
    }
    const problem = new Problem(answer.status, found ?? {}, Number(answer.headers.get("Retry-After")) || undefined);
    if (!["second_factor_needed", "proof_too_old"].includes(problem.kind) || here() === "/sign-in") throw problem;
    toSecondStep();
    return new Promise(() => {});
  }
  return { found, etag: answer.headers.get("ETag") };
}

/** To the sign-in page, and back here afterwards. */
export function away() {
  if (here() !== "/sign-in") goTo(`/sign-in?${new URLSearchParams({ next: here() + location.search })}`);
}

/** To the second step of signing in, and back here afterwards. */
export function toSecondStep() {
  goTo(`/sign-in?${new URLSearchParams({ second: "", next: here() + location.search })}`);
}

export const get = async (path, query, options) => (await ask("GET", path, { query, ...options })).found;
export const post = async (path, body, options) => (await ask("POST", path, { body: body ?? {}, ...options })).found;
export const patch = async (path, body, etag) =>
  (await ask("PATCH", path, { body, headers: etag ? { "If-Match": etag } : {} })).found;
export const put = async (path, body, etag) =>
  (await ask("PUT", path, { body, headers: etag ? { "If-Match": etag } : {} })).found;
export const remove = async (path) => (await ask("DELETE", path)).found;
/** With its ETag, for a later patch. */
export const read = (path, query) => ask("GET", path, { query });

/** All pages of a list, at most `most` items. */
export async function all(path, query = {}, most = 5000) {
  const items = [];
  let cursor;
  do {
    const page = await get(path, { limit: 500, ...query, cursor });
    items.push(...page.items);
    cursor = page.next_cursor;
  } while (cursor && items.length < most);
  return items;
}
