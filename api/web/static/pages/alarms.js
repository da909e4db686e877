import { fromAddress, toAddress } from "../lib/address.js";
import { get, refusal } from "../lib/api.js";
import { alarmCard, isShelved } from "../lib/alarms.js";
import { empty, failed } from "../lib/blank.js";
import { buttons, select } from "../lib/choices.js";
import { byId, fill, h, put, refill, settled } from "../lib/dom.js";
import { alarmSaid, kinds } from "../lib/kinds.js";
import { answer, live, me, recount, start } from "../lib/page.js";
import { now } from "../lib/times.js";
import { sayAloud, tellProblem } from "../lib/toast.js";
import { kindPlural, t } from "../lib/words.js";

const USUAL = { show: "open", kind: "", q: "" };
const VIEWS = ["open", "shelved", "all"];
const values = fromAddress(USUAL);
const names = new Map();
const view = {
  /** @type {Alarm[]} */
  alarms: [],
  /** @type {Kinds} */
  known: new Map(),
  /** @type {string | null | undefined} */
  next: null,
  /** @type {Alarm[]} */
  held: [],
};

const box = h("div", { class: "alarms" });
const more = h("div", { class: "list-end" });
const news = h("button", {
  type: "button",
  class: "plain new-mark",
  hidden: true,
  onclick: () => {
    news.hidden = true;
    read();
  },
});

/** @param {string | null} [cursor] */
function query(cursor) {
  /** @type {Query} */
  const asked = { kind: values.kind, limit: 100, cursor };
  if (values.show !== "all") asked.open = true;
  if (values.show === "open") asked.shelved = false;
  if (values.show === "shelved") asked.shelved = true;
  return get("/alarms", asked);
}

async function read() {
  const [page, city] = await Promise.all([query(), names.size ? null : get("/city")]);
  for (const item of city?.items ?? []) names.set(item.id, item.name);
  view.alarms = page.items;
  view.next = page.next_cursor;
  show();
}

/** @param {Alarm} alarm */
const nameOf = (alarm) => names.get(alarm.asset_id) ?? alarm.asset_id;
/** @param {Alarm} alarm */
const passes = (alarm) =>
  !values.q ||
  `${nameOf(alarm)} ${alarm.asset_id} ${alarmSaid(view.known, alarm.kind, alarm.name).what}`
    .toLocaleLowerCase()
    .includes(values.q.toLocaleLowerCase());
const RANK = { critical: 0, major: 1, warning: 2, info: 3 };
/** @param {Alarm} a @param {Alarm} b */
const first = (a, b) =>
  Number(Boolean(a.cleared_at)) - Number(Boolean(b.cleared_at)) ||
  Number(Boolean(a.acknowledged_at)) - Number(Boolean(b.acknowledged_at)) ||
  RANK[a.severity] - RANK[b.severity] ||
  b.since.localeCompare(a.since);

function show() {
  toAddress(values, USUAL);
  const some = view.alarms.filter(passes).sort(first);
  fill(box, some.map(card));
  if (!some.length) {
    fill(
      box,
      empty(
        t(values.show === "open" ? "alarms.none" : "alarms.none_here"),
        t(values.show === "open" ? "alarms.none_text" : "alarms.none_here_text"),
      ),
    );
  }
  fill(
    more,
    view.next &&
      h(
        "button",
        {
          type: "button",
          onclick: async () => {
            const page = await query(view.next);
            view.alarms.push(...page.items);
            view.next = page.next_cursor;
            show();
          },
        },
        t("alarms.older"),
      ),
  );
  more.hidden = !view.next;
  tell();
}

/** @param {Alarm} alarm */
const card = (alarm) =>
  alarmCard(alarm, {
    known: view.known,
    name: nameOf(alarm),
    may: me.may,
    now: now(),
    told: tellProblem,
    changed,
    level: "h2",
  });

/** @param {Alarm} alarm */
function changed(alarm) {
  view.alarms = view.alarms.map((one) => (one.id === alarm.id ? alarm : one));
  const place = box.querySelector(`[data-id="${CSS.escape(alarm.id)}"]`);
  if (place) {
    const fresh = card(alarm);
    place.replaceWith(fresh);
    fresh.querySelector("a").focus();
  }
  tell();
  recount();
}

function tell() {
  const open = view.alarms.filter((a) => !a.cleared_at && !isShelved(a, now()));
  const waiting = open.filter((a) => !a.acknowledged_at);
  const silent = open.filter((a) => a.name === "device_silent" || a.name === "device_offline");
  if (values.show === "shelved") {
    answer(t("alarms.answer_shelved", { n: view.alarms.length }));
    return;
  }
  if (!open.length) {
    answer(t("alarms.answer_none"));
    return;
  }
  const gravest = [...waiting].sort(first)[0];
  const parts = [
    t("alarms.answer", { n: open.length }),
    waiting.length ? t("alarms.answer_waiting", { n: waiting.length }) : t("alarms.answer_seen"),
  ];
  if (silent.length) parts.push(t("alarms.answer_silent", { n: silent.length }));
  if (gravest) {
    parts.push(
      t("alarms.answer_gravest", {
        what: `${nameOf(gravest)} ${alarmSaid(view.known, gravest.kind, gravest.name).what}`,
      }),
    );
  }
  answer(`${parts.join("; ")}.`);
}

// A new alarm is announced with a count and does not push what somebody is reading.
const refetch = settled(600, async () => {
  const page = await query().catch(() => null);
  if (!page) return;
  const here = new Map(view.alarms.map((a) => [a.id, a]));
  view.held = page.items.filter((a) => !here.has(a.id) && !a.cleared_at);
  for (const alarm of page.items) if (here.has(alarm.id)) changed(alarm);
  const shown = new Set(page.items.map((a) => a.id));
  for (const alarm of view.alarms.filter((a) => !a.cleared_at && !shown.has(a.id)).slice(0, 20)) {
    changed(await get(`/alarms/${alarm.id}`));
  }
  news.hidden = !view.held.length;
  if (!view.held.length) return;
  put(news, t("alarms.new", { n: view.held.length }));
  sayAloud(t("alarms.new", { n: view.held.length }));
});

function toolbar() {
  const views = h("div", { class: "chips", role: "group", "aria-label": t("alarms.view") });
  const texts = VIEWS.map((name) => /** @type {const} */ ([name, t(`alarms.view_${name}`)]));
  /** @param {string} name */
  const choose = (name) => {
    values.show = name;
    paint();
    read().catch(tellProblem);
  };
  const paint = () => refill(views, buttons(texts, values.show, choose));
  paint();
  const options = [...view.known.keys()].map((name) => /** @type {const} */ ([name, kindPlural(name)]));
  const kind =
    options.length > 1 &&
    select(t("filters.kind"), options, values.kind, (chosen) => {
      values.kind = chosen;
      read().catch(tellProblem);
    });
  return h("div", { class: "toolbar" }, views, kind, news);
}

await start();
byId("q").value = values.q;
byId("search").addEventListener("submit", (event) => event.preventDefault());
byId("q").addEventListener(
  "input",
  settled(120, () => {
    values.q = byId("q").value;
    show();
  }),
);
try {
  view.known = await kinds();
  fill(byId("content"), toolbar(), box, more);
  await read();
  live({ on: { alarm: refetch }, topics: [], reset: refetch });
} catch (thrown) {
  const problem = refusal(thrown);
  answer(problem.message);
  fill(
    byId("content"),
    failed(problem, () => location.reload()),
  );
}
