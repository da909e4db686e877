import { all, get, post, remove } from "../lib/api.js";
import { fromAddress, toAddress } from "../lib/address.js";
import { empty, shown } from "../lib/blank.js";
import { chips, select } from "../lib/choices.js";
import { confirm } from "../lib/dialog.js";
import { byId, fill, h, icon, refill } from "../lib/dom.js";
import { answer, broken, start } from "../lib/page.js";
import { rowButton, stack } from "../lib/stacked_table.js";
import { now } from "../lib/times.js";
import { sayAloud, tellProblem, toast } from "../lib/toast.js";
import { listed, t } from "../lib/words.js";
import { messageTable, outcome, outcomeText, STATES, troubled } from "../notifications/messages.js";
import { ruleForm } from "../notifications/rule_form.js";
import { ruleText } from "../notifications/rules.js";
import { changeTarget, newTarget } from "../notifications/target_form.js";

/** @typedef {import("../notifications/rules.js").Rule} Rule */
/** @typedef {Item<"/notification-targets">} Target */
/** @typedef {Item<"/groups">} Group */
/** @typedef {Item<"/notifications">} Message */

const ADDRESS = { state: "", target: "" };
const PAGE = 50,
  WATCHED_MS = 60_000,
  PAUSE_MS = 700,
  NAMED = 3;

await start();
const content = byId("content");
const view = {
  asked: fromAddress(ADDRESS),
  /** @type {Map<string, Message | undefined>} */
  newest: new Map(),
  /** @type {Target[]} */
  targets: [],
  /** @type {Rule[]} */
  rules: [],
  /** @type {Group[]} */
  groups: [],
  /** @type {Message[]} */
  messages: [],
  /** @type {string | null | undefined} */
  next: null,
};
const [who, when, sent] = ["who", "when", "sent"].map(() => h("section", { class: "card" }));
const filters = h("div", { class: "toolbar" }),
  list = h("div");

const names = () => new Map([...view.targets, ...view.groups].map((one) => [one.id, one.name]));
/** @param {Rule} rule @param {string} id */
const uses = (rule, id) => [rule, ...rule.escalation].some((part) => part.targets.includes(id));
/**
 * @param {string} word
 * @param {string} key
 * @param {string} name
 * @param {() => unknown} work
 * @param {string | false | null | undefined} [look]
 */
const act = (word, key, name, work, look) =>
  rowButton(t(`notifications.${word}`), name, () => Promise.resolve(work()).catch(tellProblem), {
    "data-key": key,
    class: look,
  });
const off = () => h("span", { class: "state is-offline" }, icon("close"), h("span", {}, t("notifications.off")));
/** @param {string} name @param {Child} button */
const head = (name, button) => h("div", { class: "card-head" }, h("h2", {}, t(`notifications.${name}`)), button);

function sentence() {
  const active = view.rules.filter((rule) => rule.enabled),
    told = view.targets.filter((one) => one.enabled && active.some((rule) => uses(rule, one.id)));
  if (!told.length) {
    return t(
      !view.targets.length
        ? "notifications.answer_none"
        : !active.length
          ? "notifications.answer_no_rule"
          : "notifications.answer_off",
      { n: view.targets.length },
    );
  }
  const bad = told.filter((one) => troubled(view.newest.get(one.id))),
    called = (/** @type {Target[]} */ some) =>
      some.length > NAMED ? t("notifications.targets", { n: some.length }) : listed(some.map((one) => one.name));
  const state = bad.length
    ? t("notifications.answer_bad", { targets: called(bad) })
    : t(
        told.some((one) => view.newest.get(one.id)?.state === "sent")
          ? "notifications.answer_good"
          : "notifications.answer_new",
      );
  return `${t("notifications.answer", { n: active.length, targets: called(told) })} ${state}`;
}

/** @param {Target} target */
function targetRow(target) {
  const message = view.newest.get(target.id);
  return h(
    "tr",
    {},
    h(
      "th",
      { scope: "row" },
      h("span", { class: "person-name" }, target.name),
      h("span", { class: "quiet" }, target.address),
    ),
    h("td", {}, t(`notifications.channel.${target.channel}`)),
    h(
      "td",
      { "data-label": t("notifications.last") },
      !target.enabled ? off() : message ? outcome(message) : t("notifications.untried"),
    ),
    h(
      "td",
      {},
      h(
        "div",
        { class: "row-actions" },
        target.enabled && act("try", `try-${target.id}`, target.name, () => tryOut(target)),
        act("change", `change-${target.id}`, target.name, () => saved(changeTarget(target))),
        act("remove", `remove-${target.id}`, target.name, () => take("target", target)),
      ),
    ),
  );
}

/** @param {Rule} rule */
function ruleRow(rule) {
  return h(
    "tr",
    {},
    h("th", { scope: "row" }, h("span", { class: "person-name" }, rule.name), !rule.enabled && off()),
    h("td", {}, ruleText(rule, names())),
    h(
      "td",
      {},
      h(
        "div",
        { class: "row-actions" },
        act("change", `change-${rule.id}`, rule.name, () => saved(ruleForm(rule, view.targets, view.groups))),
        act("remove", `remove-${rule.id}`, rule.name, () => take("rule", rule)),
      ),
    ),
  );
}

/** @param {string[]} heads @param {HTMLElement[]} rows */
const table = (heads, rows) =>
  stack(
    heads.map((name) => t(`notifications.${name}`)),
    rows,
    t("people.actions"),
  );

function show() {
  answer(sentence());
  const first = !view.targets.length ? "target" : "rule",
    look = (/** @type {string} */ name) => name === first && "primary";
  const addTarget = act(
    "target_add",
    "add",
    "",
    () => saved(newTarget(), "notifications.target_saved"),
    look("target"),
  );
  refill(
    who,
    head("who", view.targets.length > 0 && addTarget),
    view.targets.length
      ? table(["name", "channel", "last"], view.targets.map(targetRow))
      : empty(t("notifications.no_target"), t("notifications.no_target_text"), addTarget),
  );
  const addRule =
    view.targets.length > 0 &&
    act("rule_add", "add", "", () => saved(ruleForm(null, view.targets, view.groups)), look("rule"));
  refill(
    when,
    head("when", view.rules.length > 0 && addRule),
    view.rules.length
      ? table(["name", "rule"], view.rules.map(ruleRow))
      : empty(
          t("notifications.no_rule"),
          t(view.targets.length ? "notifications.no_rule_text" : "notifications.first_target"),
          addRule,
        ),
  );
  showFilters();
}

/** @param {Values} wish */
function choose(wish) {
  Object.assign(view.asked, wish);
  toAddress(view.asked, ADDRESS, { push: true });
  return readMessages();
}

function showFilters() {
  /** @type {[string, string][]} */
  const states = STATES.map((state) => [state, t(`notifications.state.${state}`)]);
  /** @type {[string, string][]} */
  const addressees = view.targets.map((one) => [one.id, one.name]);
  refill(
    filters,
    chips(t("filters.state"), [["", t("filters.all")], ...states], view.asked.state, (state) => choose({ state })),
    addressees.length > 1 &&
      select(t("notifications.every_target"), addressees, view.asked.target, (target) => choose({ target })),
  );
}

function messagesShown() {
  if (view.messages.length) {
    return [
      messageTable(view.messages, names()),
      view.next &&
        h(
          "div",
          { class: "list-end" },
          h("button", { type: "button", onclick: () => more().catch(tellProblem) }, t("alarms.older")),
        ),
    ];
  }
  if (!view.asked.state && !view.asked.target) {
    return empty(t("notifications.no_message"), t("notifications.no_message_text"));
  }
  return empty(
    t("notifications.none_here"),
    t("notifications.none_here_text"),
    h("button", { type: "button", onclick: () => choose(ADDRESS) }, t("filters.clear")),
  );
}

/** @param {string | null} [cursor] */
const messagePage = (cursor) => get("/notifications", { ...view.asked, limit: PAGE, cursor });

async function more() {
  const page = await messagePage(view.next);
  view.messages = [...view.messages, ...page.items];
  view.next = page.next_cursor;
  fill(list, messagesShown());
}

async function firstMessages() {
  showFilters();
  ({ items: view.messages, next_cursor: view.next } = await messagePage());
  return messagesShown();
}

/** @type {() => Promise<void>} */
const readMessages = () => shown(list, firstMessages);

/**
 * Wait for what a dialog makes; then say so and show it.
 * @param {any} asking
 */
async function saved(asking, said = "notifications.saved") {
  if (!(await asking)) return;
  toast(t(said));
  await read();
}

/**
 * Send a test and follow it in the target's row until it has arrived, failed, or a minute is over.
 * @param {Target & {tried?: boolean}} target
 */
async function tryOut(target) {
  if (target.tried) return;
  target.tried = true;
  try {
    let message = await post(`/notification-targets/${target.id}/test`),
      told = "";
    for (const end = now() + WATCHED_MS; ; message = await get(`/notifications/${message.id}`)) {
      const text = outcomeText(message);
      if (text !== told) {
        view.newest.set(target.id, message);
        sayAloud(`${target.name}: ${(told = text)}`);
        show();
        fill(list, await firstMessages());
      }
      if (message.state !== "queued" || now() > end) return;
      await new Promise((done) => setTimeout(done, PAUSE_MS));
    }
  } finally {
    target.tried = false;
  }
}

/** @param {string} what @param {{id: string, name: string}} one */
async function take(what, { id, name }) {
  if (
    !(await confirm(
      t("notifications.remove_title", { name }),
      t(`notifications.remove_text.${what}`),
      t("notifications.remove"),
      { danger: true },
    ))
  ) {
    return;
  }
  await remove(`/notification-${what}s/${id}`);
  await saved(true, "notifications.removed");
}

/**
 * Newest message to a target.
 * @param {Target} target
 * @returns {Promise<[string, Message | undefined]>}
 */
const newestTo = async ({ id }) => [id, (await get("/notifications", { target: id, limit: 1 })).items[0]];

async function read() {
  try {
    [{ items: view.targets }, { items: view.rules }, view.groups] = await Promise.all([
      get("/notification-targets"),
      get("/notification-rules"),
      all("/groups").catch(() => []),
    ]);
    view.newest = new Map(await Promise.all(view.targets.map(newestTo)));
    if (!who.isConnected) fill(content, who, when, fill(sent, head("sent", null), filters, list));
    show();
  } catch (problem) {
    broken(problem, read);
    return;
  }
  await readMessages();
}

addEventListener("popstate", () => {
  view.asked = fromAddress(ADDRESS);
  readMessages();
});
await read();
