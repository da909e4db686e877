// A browser without a window, as far as the pages' modules need one.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mock } from "node:test";
import { Window } from "happy-dom";

const ROOT = new URL("../../../", import.meta.url);
const GLOBALS = [
  ...["document", "location", "history", "Node", "Element", "HTMLElement", "HTMLTimeElement", "Event", "KeyboardEvent"],
  ...["FormData", "DOMException", "DOMParser", "getComputedStyle", "CSS", "matchMedia", "addEventListener"],
];
const KINDS = readdirSync(new URL("api/kinds/", ROOT), { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && !entry.name.startsWith("_"))
  .map(({ name }) => name)
  .sort();
const FACTS = {
  page: "test",
  open: false,
  kind: null,
  kinds: KINDS,
  scope: null,
  digest: "0",
  root: "",
  tiles: { url: "", attribution: "" },
  panels: {},
};

/** Evening of a summer's day in Kaiserslautern. */
export const NOW = Date.parse("2026-07-14T20:30:00Z");

/** @type {(url: string, options: any) => unknown} */
const unanswered = (url) => Promise.reject(new TypeError(`nobody answers ${url}`));
const server = { answer: unanswered };

/**
 * Let `answer(url, options)` be what the server says from now on.
 * @param {(url: string, options: any) => unknown} answer
 */
export function serve(answer) {
  server.answer = answer;
}

/** @param {any} body */
export const json = (body, status = 200, headers = {}) =>
  new Response(JSON.stringify(body), { status, headers: { "Content-Type": "application/json", ...headers } });

/** @param {string} language */
function catalogue(language) {
  const folders = ["devices/wording/", ...KINDS.map((kind) => `devices/${kind}/wording/`)];
  const found = {};
  for (const path of folders.map((folder) => new URL(`${folder}${language}.json`, ROOT)).filter(existsSync)) {
    Object.assign(found, JSON.parse(readFileSync(path, "utf8")));
  }
  return found;
}

/** @param {string | URL | Request} url @param {any} options */
async function fetched(url, options) {
  const messages = /\/messages\/(?:\w+\.)?(\w+)\.json$/.exec(String(url));
  return messages ? json(catalogue(messages[1])) : server.answer(String(url), options);
}

/** @param {string} language */
function build(language) {
  const window = new Window({ url: "http://lautern.test/city" });
  const scope = /** @type {any} */ (globalThis);
  for (const name of GLOBALS) {
    const value = /** @type {any} */ (window)[name];
    const bound = typeof value === "function" && !/^[A-Z]/.test(name) ? value.bind(window) : value;
    Object.defineProperty(scope, name, { value: bound, configurable: true, writable: true });
  }
  scope.ResizeObserver = class {
    observe() {}
  };
  scope.requestAnimationFrame = (/** @type {() => void} */ work) => setTimeout(work, 0);
  scope.devicePixelRatio = 1;
  document.documentElement.lang = language;
  document.body.innerHTML = `<script type="application/json" id="facts">${JSON.stringify(FACTS)}</script>
    <div id="toasts"></div><div id="aloud"></div>`;
}

/**
 * A fresh page in a language; resolves with what loads modules in it, such as `load("lib/words.js")` or
 * `load("kinds/streetlight/words.js")`. The clock stands at NOW.
 * @param {"de" | "en"} language
 */
export async function page(language) {
  build(language);
  const repeat = globalThis.setInterval;
  const scope = /** @type {any} */ (globalThis);
  // What repeats for as long as a page is open shall not keep the process.
  scope.setInterval = (/** @type {any[]} */ ...given) => repeat(.../** @type {[any]} */ (given)).unref();
  scope.fetch = fetched;
  mock.timers.reset();
  mock.timers.enable({ apis: ["Date"], now: NOW });
  pages.made += 1;
  const query = `?page=${pages.made}`;
  /** @type {(name: string) => Promise<any>} */
  return (name) => {
    const path = name.replace(/^kinds\/(\w+)\//, "api/kinds/$1/web/").replace(/^(?!api\/)/, "api/web/static/");
    return import(new URL(path, ROOT).href + query);
  };
}

const pages = { made: 0 };
