import { get, refusal } from "../lib/api.js";
import { fromAddress, toAddress } from "../lib/address.js";
import { empty } from "../lib/blank.js";
import { buttons } from "../lib/choices.js";
import { tell } from "../lib/dialog.js";
import { byId, fill, h, icon, refill, settled } from "../lib/dom.js";
import { facts } from "../lib/facts.js";
import { number } from "../lib/numbers.js";
import { answer, broken, start } from "../lib/page.js";
import { rowButton, stack } from "../lib/stacked_table.js";
import { moment, now, timeOf } from "../lib/times.js";
import { named, t, told } from "../lib/words.js";

const ADDRESS = { actor: "", action: "", object: "", result: "", days: "7" };
const DAYS = ["1", "7", "30", "all"];
const PAGE = 100;

await start();
const content = byId("content");
const view = {
  asked: fromAddress(ADDRESS),
  /** @type {Item<"/audit">[]} */
  entries: [],
  /** @type {string | null | undefined} */
  cursor: null,
};

const from = () =>
  view.asked.days === "all"
    ? undefined
    : new Date(new Date(now()).setHours(0, 0, 0, 0) - (Number(view.asked.days) - 1) * 864e5).toISOString();
const query = (further = {}) => ({
  actor: view.asked.actor,
  action: view.asked.action,
  object: view.asked.object,
  result: view.asked.result,
  from: from(),
  ...further,
});
const isFiltered = () => Object.entries(ADDRESS).some(([name, usual]) => view.asked[name] !== usual);

const verified = h("div", { "aria-live": "polite" });
const list = h("div", { class: "card" });
const form = h("form", { class: "toolbar audit-filters", onsubmit: (event) => event.preventDefault() });
const days = h("div", { class: "chips", role: "group", "aria-label": t("audit.when") });
const files = h("span", { class: "row-actions" });

/** @param {string} action */
const actionName = (action) =>
  named(action, `audit.action.${action}`, ...facts.kinds.map((kind) => `${kind}.action.${action}`));
/** @param {Item<"/audit">} entry */
const who = (entry) =>
  entry.actor.startsWith("machine:") ? t("audit.machine") : entry.name || entry.actor || t("audit.nobody");
/** @param {string} result */
const resultMark = (result) =>
  result === "ok"
    ? h("span", { class: "state" }, icon("done"), h("span", {}, t("audit.result.ok")))
    : h("span", { class: "state is-warning" }, icon("failed"), h("span", {}, named(result, `audit.result.${result}`)));

/** @param {Item<"/audit">} entry */
function row(entry) {
  /** @param {string} name @param {string} value @param {string} [text] */
  const pick = (name, value, text) =>
    h("button", { type: "button", class: "plain pick", onclick: () => change({ [name]: value }) }, text ?? value);
  return h(
    "tr",
    {},
    h(
      "td",
      { "data-label": t("audit.when"), class: "nowrap" },
      timeOf(entry.at, (at) => moment(at, { seconds: true })),
    ),
    h("td", { "data-label": t("audit.who") }, entry.actor ? pick("actor", entry.actor, who(entry)) : t("audit.nobody")),
    h("td", { "data-label": t("audit.what") }, pick("action", entry.action, actionName(entry.action))),
    h("td", { "data-label": t("audit.on") }, entry.object && pick("object", entry.object)),
    h("td", { "data-label": t("audit.result") }, resultMark(entry.result)),
    h(
      "td",
      {},
      rowButton(t("audit.more"), number(entry.seq), () => details(entry), { class: "plain" }),
    ),
  );
}

/** @param {Item<"/audit">} entry */
function details(entry) {
  const shown = [
    ["seq", number(entry.seq)],
    ["when", timeOf(entry.at, (at) => moment(at, { seconds: true }))],
    ["who", `${who(entry)} (${entry.actor || "–"})`],
    ["what", `${actionName(entry.action)} (${entry.action})`],
    ["on", entry.object],
    ["result", named(entry.result, `audit.result.${entry.result}`)],
    ["address", entry.address],
    ["request", h("span", { class: "mono" }, entry.request_id)],
    ["town", entry.tenant_id],
    [
      "detail",
      Object.keys(entry.detail).length > 0 && h("pre", { class: "mono" }, JSON.stringify(entry.detail, null, 2)),
    ],
    ["mac", h("span", { class: "mono" }, entry.mac)],
  ];
  return tell(
    t("audit.entry", { n: entry.seq }),
    h(
      "dl",
      { class: "facts" },
      shown.filter(([, value]) => value).map(([name, value]) => [h("dt", {}, t(`audit.${name}`)), h("dd", {}, value)]),
    ),
    { wide: true },
  );
}

function show() {
  const n = view.entries.length,
    refused = view.entries.filter((e) => e.result !== "ok").length;
  const words = { n, count: view.cursor ? `${number(n)}+` : number(n) };
  answer(
    n
      ? [
          t("audit.answer", words),
          refused > 0 && t("audit.answer_refused", { n: refused }),
          t("audit.answer_last", {
            at: moment(view.entries[0].at),
            what: actionName(view.entries[0].action),
            who: who(view.entries[0]),
          }),
        ]
          .filter(Boolean)
          .join(" ")
      : t("audit.answer_none"),
  );
  const texts = DAYS.map((d) => /** @type {const} */ ([d, t(`audit.days.${d}`)]));
  refill(
    days,
    buttons(texts, view.asked.days, (d) => change({ days: d })),
  );
  /** @param {string} format */
  const address = (format) => {
    const given = Object.entries(query({ format })).flatMap(([name, v]) => (v ? [[name, String(v)]] : []));
    return `/api/v1/audit?${new URLSearchParams(given)}`;
  };
  fill(
    files,
    h("a", { class: "button", href: address("csv"), download: "" }, t("audit.csv")),
    h("a", { class: "button", href: "/api/v1/audit?format=jsonl", download: "" }, t("audit.jsonl")),
  );
  if (!n) {
    fill(
      list,
      empty(
        t("audit.none"),
        t("audit.none_text"),
        isFiltered() && h("button", { type: "button", onclick: () => change(ADDRESS) }, t("audit.clear")),
      ),
    );
    return;
  }
  fill(
    list,
    stack(
      ["when", "who", "what", "on", "result"].map((name) => t(`audit.${name}`)),
      view.entries.map(row),
      t("audit.more"),
    ),
    view.cursor && h("p", { class: "actions" }, h("button", { type: "button", onclick: more }, t("audit.earlier"))),
  );
}

const inputs = ["actor", "action", "object", "result"].map((name) =>
  h("input", {
    type: "search",
    name,
    value: view.asked[name],
    maxlength: 512,
    autocomplete: "off",
    "aria-label": t(`audit.filter.${name}`),
    placeholder: t(`audit.filter.${name}`),
    oninput: settled(400, () => change(/** @type {any} */ (Object.fromEntries(new FormData(form))))),
  }),
);
fill(form, inputs);

/** @param {Values} wish */
async function change(wish) {
  view.asked = { ...view.asked, ...wish };
  toAddress(view.asked, ADDRESS, { push: true });
  for (const input of inputs) if (input.value !== view.asked[input.name]) input.value = view.asked[input.name];
  await read();
}

async function more() {
  const page = await get("/audit", query({ limit: PAGE, cursor: view.cursor }));
  view.entries = [...view.entries, ...page.items];
  view.cursor = page.next_cursor;
  show();
}

async function verify() {
  button.disabled = true;
  fill(verified, h("p", { class: "note" }, t("audit.verifying")));
  try {
    const found = await get("/audit/verify");
    fill(
      verified,
      found.ok
        ? h(
            "p",
            { class: "verdict" },
            icon("done", "is-ok"),
            t("audit.good", { n: found.entries, anchors: number(found.anchors), last: number(found.last_seq) }),
          )
        : h(
            "p",
            { class: "problem" },
            t("audit.bad", {
              what: told(found.first_bad ?? {}, found.first_bad?.sentence),
              n: number(found.entries),
            }),
          ),
    );
  } catch (thrown) {
    fill(verified, h("p", { class: "problem" }, refusal(thrown).message));
  } finally {
    button.disabled = false;
  }
}

const button = h("button", { type: "button", class: "primary", onclick: verify }, t("audit.verify"));

async function read() {
  try {
    const page = await get("/audit", query({ limit: PAGE }));
    view.entries = page.items;
    view.cursor = page.next_cursor;
    if (!list.isConnected) {
      fill(
        content,
        h("div", { class: "toolbar" }, button, files),
        verified,
        h("div", { class: "toolbar" }, days),
        form,
        list,
      );
    }
    show();
  } catch (problem) {
    broken(problem, () => location.reload());
  }
}

addEventListener("popstate", () => {
  view.asked = fromAddress(ADDRESS);
  for (const input of inputs) input.value = view.asked[input.name];
  read();
});
await read();
