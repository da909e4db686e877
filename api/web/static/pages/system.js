import { get } from "../lib/api.js";
import { shown } from "../lib/blank.js";
import { byId, fill, h, icon } from "../lib/dom.js";
import { language } from "../lib/facts.js";
import { bytes, number, yesNo } from "../lib/numbers.js";
import { answer, me, start } from "../lib/page.js";
import { ago, duration, moment, timeOf } from "../lib/times.js";
import { kindPlural, named, t } from "../lib/words.js";

/** @typedef {Answer<"/system">["parts"][number]} Health */
/** @typedef {Answer<"/system">["jobs"][number]} Job */

const EVERY_MS = 5000;
/** @type {("received" | "stored" | "duplicate" | "conflict" | "dead_letter" | "in_journal" | "lost")[]} */
const LEDGER = ["received", "stored", "duplicate", "conflict", "dead_letter", "in_journal", "lost"];
const OPEN = new Set();
const view = {
  timer: 0,
};

/** @param {string} part */
const partName = (part) => {
  const [name, rest] = part.split("/");
  const said = named(part, `part.${part}`, `part.${name}`);
  return rest && said === t(`part.${name}`) ? `${said}: ${rest}` : said;
};

/** @param {string} name @param {any} value */
function told(name, value) {
  if (typeof value === "boolean") return yesNo(value);
  if (typeof value !== "number") {
    return value === null ? "–" : String(typeof value === "object" ? JSON.stringify(value) : value);
  }
  if (name.endsWith("bytes")) return bytes(value);
  if (name.endsWith("_us")) return moment(value / 1000, { seconds: true });
  if (name.endsWith("_s")) return duration(value);
  if (name.endsWith("_pct")) return `${number(value)} %`;
  return name === "pid" ? String(value) : number(value);
}

/** @param {{cause: string, remedy: string}} what */
function trouble({ cause, remedy }) {
  return h(
    "div",
    { class: "card trouble" },
    h("h2", { class: "state is-alarm" }, icon("alarm"), h("span", {}, cause)),
    h("p", {}, h("strong", {}, t("system.remedy"), " "), remedy),
  );
}

/** @param {Answer<"/system">} system */
function parts(system) {
  const threads = system.parts.filter((part) => part.part.startsWith("loop/") && part.ok);
  const sorted = system.parts.filter((part) => !threads.includes(part)).sort((a, b) => Number(a.ok) - Number(b.ok));
  /** @param {Health[]} some */
  const rows = (some) =>
    some.map((part) =>
      h(
        "tr",
        {},
        h("th", { scope: "row" }, partName(part.part)),
        h(
          "td",
          {},
          h(
            "span",
            { class: `state is-${part.ok ? "ok" : "alarm"}` },
            icon(part.ok ? "done" : "alarm"),
            h("span", {}, part.ok ? t("system.works") : part.silent ? t("system.silent") : t("system.broken")),
          ),
        ),
        h("td", { "data-label": t("system.heard") }, part.heartbeat_at ? timeOf(part.heartbeat_at, ago) : "–"),
        h("td", { "data-label": t("system.success") }, part.last_success_at ? timeOf(part.last_success_at, ago) : "–"),
        h("td", {}, detail(part)),
      ),
    );
  /** @param {Health[]} some */
  const table = (some) =>
    h(
      "table",
      { class: "stack" },
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          ["part", "state", "heard", "success", "detail"].map((name) => h("th", { scope: "col" }, t(`system.${name}`))),
        ),
      ),
      h("tbody", {}, rows(some)),
    );
  return h(
    "section",
    { class: "card" },
    h("h2", {}, t("system.parts")),
    table(sorted),
    threads.length > 0 &&
      h(
        "details",
        {
          open: OPEN.has("threads"),
          ontoggle: ({ target }) => {
            OPEN[target.open ? "add" : "delete"]("threads");
          },
        },
        h("summary", {}, t("system.threads", { n: threads.length })),
        table(threads),
      ),
  );
}

/** @param {number} seconds */
const took = (seconds) => (seconds < 1 ? `${number(seconds * 1000, 0)} ms` : duration(seconds));

/** @param {Job} job */
function result(job) {
  if (job.cause) return h("span", { class: "state is-alarm" }, icon("alarm"), h("span", {}, job.cause));
  if (job.ok === null) return h("span", { class: "quiet" }, t("system.not_run"));
  if (job.done === null) return t("system.done_uncounted");
  return job.done ? t("system.done", { n: job.done }) : t("system.done_nothing");
}

/** @param {Answer<"/system">} system */
function jobs(system) {
  /** @param {string | null} at */
  const next = (at) => {
    if (!at) return "–";
    return new Date(at) <= new Date(system.at) ? t("system.due_now") : timeOf(at);
  };
  /** @param {Job} job */
  const row = (job) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, named(job.job, `job.${job.job}`)),
      h("td", { "data-label": t("system.last_run") }, job.last_run_at ? timeOf(job.last_run_at, ago) : "–"),
      h("td", { "data-label": t("system.duration") }, job.duration_s === null ? "–" : took(job.duration_s)),
      h("td", { "data-label": t("system.result") }, result(job)),
      h("td", { "data-label": t("system.next_run") }, next(job.next_run_at)),
    );
  const columns = ["job", "last_run", "duration", "result", "next_run"];
  const heads = columns.map((name) => h("th", { scope: "col" }, t(`system.${name}`)));
  return h(
    "section",
    { class: "card" },
    h("h2", {}, t("system.jobs")),
    h("table", { class: "stack" }, h("thead", {}, h("tr", {}, heads)), h("tbody", {}, system.jobs.map(row))),
  );
}

/** @param {Health} part */
function detail(part) {
  const facts = Object.entries(part.detail ?? {});
  if (!facts.length) return "";
  return h(
    "details",
    { open: OPEN.has(part.part), ontoggle: ({ target }) => OPEN[target.open ? "add" : "delete"](part.part) },
    h("summary", { "aria-label": t("system.detail_of", { part: partName(part.part) }) }, t("system.details")),
    h(
      "dl",
      { class: "facts" },
      facts.map(([name, value]) => [h("dt", {}, named(name, `detail.${name}`)), h("dd", {}, told(name, value))]),
    ),
  );
}

/** @param {Item<"/ledger">[]} lines */
function ledger(lines) {
  /** @param {Item<"/ledger">} line */
  const kind = (line) => (line.kind === "-" ? t("system.no_kind") : kindPlural(line.kind));
  return h(
    "section",
    { class: "card" },
    h(
      "div",
      { class: "card-head" },
      h("h2", {}, t("system.ledger")),
      h("p", { class: "quiet" }, t(lines.every((l) => l.balanced) ? "system.balanced" : "system.unbalanced")),
    ),
    h("p", { class: "note" }, t("system.ledger_text")),
    h(
      "div",
      { class: "table-wrap", tabindex: "0", role: "group", "aria-label": t("system.ledger") },
      h(
        "table",
        {},
        h(
          "thead",
          {},
          h(
            "tr",
            {},
            h("th", { scope: "col" }, t("system.what")),
            LEDGER.map((name) => h("th", { scope: "col", class: "number" }, t(`ledger.${name}`))),
          ),
        ),
        h(
          "tbody",
          {},
          lines.map((line) =>
            h(
              "tr",
              {},
              h("th", { scope: "row" }, kind(line), ", ", t(`ledger.${line.unit}`)),
              LEDGER.map((name) =>
                h("td", { class: "number" }, line[name] ? number(line[name], 0) : h("span", { class: "quiet" }, "0")),
              ),
            ),
          ),
        ),
      ),
    ),
  );
}

/** @param {Item<"/ledger/gaps">[]} found */
function gaps(found) {
  const missing = found.reduce((sum, gap) => sum + gap.missing, 0);
  return h(
    "section",
    { class: "card" },
    h("h2", {}, t("system.gaps")),
    h(
      "p",
      { class: "quiet" },
      found.length ? t("system.gaps_text", { n: missing, devices: found.length }) : t("system.no_gaps"),
    ),
    found.length > 0 &&
      h(
        "table",
        { class: "stack" },
        h(
          "thead",
          {},
          h(
            "tr",
            {},
            ["device", "missing", "since_when"].map((name) =>
              h("th", { scope: "col", class: name === "missing" && "number" }, t(`system.${name}`)),
            ),
          ),
        ),
        h(
          "tbody",
          {},
          found
            .slice(0, 20)
            .map((gap) =>
              h(
                "tr",
                {},
                h("th", { scope: "row" }, gap.device_id),
                h(
                  "td",
                  { class: "number", "data-label": t("system.missing") },
                  t("system.of", { missing: gap.missing, whole: gap.missing + gap.received }),
                ),
                h("td", {}, timeOf(gap.at)),
              ),
            ),
        ),
      ),
  );
}

/** @param {Answer<"/system">} system */
function versions(system) {
  return h(
    "section",
    { class: "card" },
    h("h2", {}, t("system.versions")),
    h(
      "dl",
      { class: "facts" },
      h("dt", {}, "Lautern"),
      h("dd", {}, system.version),
      h("dt", {}, t("system.api")),
      h("dd", {}, system.api_version),
      h("dt", {}, "Python"),
      h("dd", {}, system.python),
    ),
  );
}

async function read() {
  /** @param {string} scope @param {string} path @param {Query} [query] */
  const may = (scope, path, query) =>
    me.may(scope)
      ? get(path, query).then(
          ({ items }) => items,
          () => null,
        )
      : null;
  const [system, lines, holes] = await Promise.all([
    get("/system", { lang: language }),
    me.tenant_id === null ? may("ledger:read", "/ledger") : null,
    may("ledger:read", "/ledger/gaps", { limit: 100 }),
  ]);
  answer(system.ready ? t("system.answer_well", { n: system.parts.length }) : system.summary);
  return h(
    "div",
    { class: "stackup" },
    system.troubles.map(trouble),
    parts(system),
    system.jobs.length > 0 && jobs(system),
    lines && ledger(lines),
    h("div", { class: "columns" }, holes && gaps(holes), versions(system)),
  );
}

function again() {
  clearTimeout(view.timer);
  view.timer = setTimeout(async () => {
    const place = byId("content");
    if (!document.hidden && !place.contains(document.activeElement)) {
      await read().then(
        (made) => fill(place, made),
        (problem) => answer(problem.message),
      );
    }
    again();
  }, EVERY_MS);
}

await start();
await shown(byId("content"), () =>
  read().catch((problem) => {
    answer(problem.message);
    throw problem;
  }),
);
again();
