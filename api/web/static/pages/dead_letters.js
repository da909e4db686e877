import { fromAddress, toAddress } from "../lib/address.js";
import { get, post } from "../lib/api.js";
import { empty, shown } from "../lib/blank.js";
import { select } from "../lib/choices.js";
import { confirm, open } from "../lib/dialog.js";
import { byId, fill, h } from "../lib/dom.js";
import { goTo } from "../lib/facts.js";
import { bytes } from "../lib/numbers.js";
import { answer, me, onBack, start } from "../lib/page.js";
import { timeOf } from "../lib/times.js";
import { tellProblem, toast } from "../lib/toast.js";
import { kindName, kindPlural, named, t } from "../lib/words.js";

const USUAL = { kind: "", reason: "", q: "" };
const REASONS = [
  "bad_topic",
  "bad_json",
  "wrong_type",
  "out_of_range",
  "missing_field",
  "unknown_version",
  "wrong_device",
  "unknown_kind",
  "unknown_event",
  "clock_ahead",
  "too_old",
  "too_large",
  "bad_encoding",
  "unregistered",
  "store_refused",
];
const ROW = 16,
  MOST_ROWS = 256;
const values = fromAddress(USUAL);
/** @param {string} reason */
const why = (reason) => named(reason, `reason.${reason}`);
const state = {
  /** @type {Item<"/dead-letters">[]} */
  letters: [],
  /** @type {string | null | undefined} */
  next: null,
};

const table = h("div");

/** @param {string | null} [cursor] @returns {Promise<Node>} */
async function read(cursor) {
  const page = await get("/dead-letters", {
    kind: values.kind,
    reason: values.reason,
    device_id: /^[\w-]{1,64}$/.test(values.q) ? values.q : "",
    limit: 100,
    cursor,
  });
  state.letters = cursor ? [...state.letters, ...page.items] : page.items;
  state.next = page.next_cursor;
  toAddress(values, USUAL);
  tell();
  return view();
}

function tell() {
  if (!state.letters.length) {
    answer(t(values.kind || values.reason || values.q ? "dead_letters.answer_filtered" : "dead_letters.answer_none"));
    return;
  }
  const counts = new Map();
  for (const { reason } of state.letters) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  const [[reason, n]] = [...counts].sort((a, b) => b[1] - a[1]);
  answer(
    t(state.next ? "dead_letters.answer_many" : "dead_letters.answer", {
      n: state.letters.length,
      most: n,
      why: why(reason),
    }),
  );
}

/** @param {Item<"/dead-letters">} letter */
function row(letter) {
  const about = { why: why(letter.reason), device: letter.device_id ?? letter.topic };
  const size = letter.size_bytes === null ? t("dead_letters.not_kept") : bytes(letter.size_bytes);
  return h(
    "tr",
    {},
    h("td", { class: "nowrap" }, timeOf(letter.received_at)),
    h("th", { scope: "row" }, why(letter.reason)),
    h(
      "td",
      { "data-label": t("dead_letters.device") },
      letter.device_id ?? "–",
      letter.kind && ` (${kindName(letter.kind)})`,
    ),
    h("td", { class: "mono" }, letter.topic),
    h("td", { class: "number nowrap", "data-label": t("dead_letters.size") }, size),
    h(
      "td",
      {},
      h(
        "button",
        { type: "button", onclick: () => look(letter.id).catch(tellProblem) },
        t(letter.replayed_at ? "dead_letters.replayed" : "dead_letters.look"),
        h("span", { class: "hidden-text" }, t("dead_letters.look_at", about)),
      ),
    ),
  );
}

function view() {
  if (!state.letters.length) return empty(t("dead_letters.none"), t("dead_letters.none_text"));
  const head = ["at", "why", "device", "topic", "size", "did"].map((name) =>
    h("th", { scope: "col", class: name === "size" && "number" }, t(`dead_letters.${name}`)),
  );
  const older = () => read(state.next).then((made) => fill(table, made), tellProblem);
  return h(
    "div",
    { class: "card" },
    h("table", { class: "stack" }, h("thead", {}, h("tr", {}, head)), h("tbody", {}, state.letters.map(row))),
    state.next &&
      h("div", { class: "list-end" }, h("button", { type: "button", onclick: older }, t("dead_letters.older"))),
  );
}

/**
 * Bytes as hexadecimal with the text beside, 16 a row.
 * @param {Uint8Array} content
 */
function dump(content) {
  const rows = [];
  for (let at = 0; at < Math.min(content.length, ROW * MOST_ROWS); at += ROW) {
    const some = [...content.slice(at, at + ROW)];
    const hex = some
      .map((b) => b.toString(16).padStart(2, "0"))
      .join(" ")
      .padEnd(ROW * 3 - 1);
    const text = some.map((b) => (b >= 32 && b < 127 ? String.fromCharCode(b) : "·")).join("");
    rows.push(`${at.toString(16).padStart(5, "0")}  ${hex}  ${text}`);
  }
  return rows.join("\n");
}

/** @param {string | number} id */
async function look(id) {
  const letter = await get(`/dead-letters/${id}`);
  const content =
    letter.payload_base64 === null ? null : Uint8Array.from(atob(letter.payload_base64), (c) => c.charCodeAt(0));
  /** @param {string} label @param {string | null} text */
  const area = (label, text) => [
    h("h3", {}, label),
    h("pre", { class: "bytes", tabindex: "0", role: "group", "aria-label": label }, text),
  ];
  const { dialog } = open(
    why(letter.reason),
    [
      h(
        "dl",
        { class: "facts" },
        h("dt", {}, t("dead_letters.exactly")),
        h("dd", {}, letter.detail || "–"),
        h("dt", {}, t("dead_letters.topic")),
        h("dd", { class: "mono" }, letter.topic),
        h("dt", {}, t("dead_letters.at")),
        h("dd", {}, timeOf(letter.received_at)),
        h("dt", {}, t("dead_letters.delivery")),
        h("dd", {}, t(letter.retained ? "dead_letters.retained" : "dead_letters.fresh", { qos: letter.qos })),
        letter.replayed_at && [h("dt", {}, t("dead_letters.replayed")), h("dd", {}, timeOf(letter.replayed_at))],
      ),
      content
        ? [
            area(t("dead_letters.text"), letter.payload_text),
            area(t("dead_letters.bytes"), dump(content)),
            content.length > ROW * MOST_ROWS && h("p", { class: "note" }, t("dead_letters.cut")),
          ]
        : h("p", {}, t("dead_letters.no_bytes")),
      h(
        "div",
        { class: "actions" },
        h("button", { type: "button", autofocus: true, onclick: () => dialog.close() }, t("shell.close")),
        content &&
          me.may("dead_letters:replay") &&
          h(
            "button",
            { type: "button", class: "primary", onclick: () => replay(letter, dialog) },
            t("dead_letters.replay"),
          ),
      ),
    ],
    { wide: true },
  );
}

/** @param {{id: string | number}} letter @param {HTMLDialogElement} dialog */
async function replay(letter, dialog) {
  if (!(await confirm(t("dead_letters.replay_title"), t("dead_letters.replay_text"), t("dead_letters.replay")))) return;
  try {
    await post(`/dead-letters/${letter.id}/replay`);
    dialog.close();
    toast(t("dead_letters.asked"));
    setTimeout(() => read().then((made) => fill(table, made), tellProblem), 1500);
  } catch (problem) {
    tellProblem(problem);
  }
}

function toolbar() {
  const again = () => shown(table, () => read());
  /** @param {"kind" | "reason"} name @param {string} label @param {[string, string][]} options */
  const choose = (name, label, options) =>
    select(label, options, values[name], (value) => {
      values[name] = value;
      again();
    });
  return h(
    "div",
    { class: "toolbar" },
    me.kinds.length > 1 &&
      choose(
        "kind",
        t("filters.kind"),
        me.kinds.map((kind) => [kind, kindPlural(kind)]),
      ),
    choose(
      "reason",
      t("dead_letters.every"),
      REASONS.map((reason) => [reason, why(reason)]),
    ),
  );
}

await start();
byId("q").value = values.q;
byId("search").addEventListener("submit", (event) => {
  event.preventDefault();
  values.q = byId("q").value.trim();
  shown(table, () => read());
});
onBack(() => {
  if (values.q || values.kind || values.reason) goTo("/dead-letters");
});
fill(byId("content"), toolbar(), table);
await shown(table, () =>
  read().catch((/** @type {any} */ problem) => {
    answer(problem.message);
    throw problem;
  }),
);
