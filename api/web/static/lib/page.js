import { away, get, patch, post, toSecondStep } from "./api.js";
import { failed } from "./blank.js";
import { byId, fill, h, icon, put } from "./dom.js";
import { ask, field, tell } from "./dialog.js";
import { facts, goTo, language } from "./facts.js";
import { Live } from "./live.js";
import { ago, moment, now, zone } from "./times.js";
import { t } from "./words.js";

const YEAR_S = 31_536_000;
/** @param {string} name @param {string} value */
const keep = (name, value) => {
  document.cookie = `lautern_${name}=${value}; Path=${facts.root || "/"}; Max-Age=${value ? YEAR_S : 0}; SameSite=Lax`;
};
const keys = [
  ["/", "help.search"],
  ["?", "help.help"],
  ["↑ ↓", "help.arrows"],
  ["Enter", "help.enter"],
  ["Esc", "help.back"],
  ["Tab", "help.tab"],
  ["+ −", "help.zoom"],
];
const frameState = {
  /** @type {(() => void) | null} */
  back: null,
  recounting: 0,
};

/** Who is signed in; `may(scope)` as the server decides it. */
export const me = /** @type {Me} */ ({});

/**
 * Begin a page: frame, menus, keys, who is there. Sends to the sign-in page where nobody is; does not return on a page
 * that is not for who is there: of a kind he may not read there is nothing, and what needs a right says so.
 */
export async function start() {
  frame();
  if (facts.open) return null;
  Object.assign(me, await get("/me"), { may: (/** @type {string} */ scope) => allowed(me, scope) });
  if (me.second_step) {
    toSecondStep();
    return new Promise(() => {});
  }
  if (me.must_set_password) goTo("/sign-in?set");
  if (me.language && me.language !== language && !document.cookie.includes("lautern_language=")) {
    keep("language", me.language);
    location.reload();
  }
  person();
  countAlarms();
  if (facts.kind && !me.kinds.includes(facts.kind)) return barred(404);
  if (facts.scope && !me.may(facts.scope)) return barred(403);
  return me;
}

/** @param {number} status */
function barred(status) {
  const state = failed({ status }),
    title = state.querySelector("strong").textContent;
  document.title = `${title} · Lautern`;
  fill(byId("main"), h("h1", { class: "hidden-text" }, title), state);
  return new Promise(() => {});
}

// The server decides; this only spares people what would be refused.
/** @param {{scopes: string[]}} who @param {string} scope */
const allowed = ({ scopes }, scope) =>
  scopes.includes(scope) || scopes.includes(`${scope.split(":")[0]}:*`) || scopes.includes("*");

/**
 * What Esc goes back to: called when no menu or dialog is open; returns true when it did something.
 * @param {() => unknown} work
 */
export function onBack(work) {
  frameState.back = work;
}

/**
 * The sentence that stands above everything else.
 * @param {string} text
 */
export const answer = (text) => put(byId("answer"), text);

/**
 * Say instead of the content why it could not be loaded; what is no Problem is an error of the page.
 * @param {any} problem
 * @param {() => void} [again]
 */
export function broken(problem, again) {
  if (problem.status === undefined) throw problem;
  answer(t("shell.failed"));
  fill(byId("content"), failed(problem, again));
}

/**
 * What reads a page's content, again too; where that fails the page says so.
 * @param {() => unknown} work
 */
export const reading = (work) =>
  async function read() {
    try {
      await work();
    } catch (problem) {
      broken(problem, read);
    }
  };

/**
 * A live stream shown in the frame: its age beside the sentence, the bar across the top when it is lost.
 * @param {object} given
 * @param {Told} given.on
 * @param {string[]} [given.topics]
 * @param {string[]} [given.kinds]
 * @param {(message: Change) => void} [given.reset]
 * @param {string | number} [given.after]
 */
export function live({ on, topics, kinds, reset, after }) {
  const mark = byId("live");
  const age = h("span");
  if (mark) fill(mark, icon("ok"), age).hidden = false;
  /** @param {Live} stream */
  const show = (stream) => {
    const { lost } = stream;
    mark?.classList.toggle("lost", lost);
    put(
      age,
      lost
        ? t("live.lost")
        : stream.heard
          ? t("live.since", { age: ago(Math.min(stream.heard, now())) })
          : t("live.begins"),
    );
    const bar = byId("connection");
    if (lost) {
      put(
        bar,
        t(stream.crowded ? "live.crowded" : "live.bar", {
          since: moment(stream.lostSince ?? now(), { seconds: true }),
        }),
      );
    }
    bar.hidden = !lost;
  };
  const stream = new Live({
    topics: topics && [...topics, "alarm"],
    kinds,
    after: after === undefined ? null : String(after),
    reset: reset ?? (() => location.reload()),
    state: show,
    on: {
      ...on,
      alarm: (data, message) => {
        recount();
        on.alarm?.(data, message);
      },
    },
  });
  setInterval(() => show(stream), 1000);
  return stream.start();
}

/** Count the open alarms again, soon. */
export function recount() {
  clearTimeout(frameState.recounting);
  frameState.recounting = setTimeout(countAlarms, 800);
}

async function countAlarms() {
  const place = byId("alarm-count");
  if (!place) return;
  try {
    const { items, next_cursor: more } = await get("/alarms", { open: true, shelved: false, limit: 100 });
    const waiting = items.filter((a) => !a.acknowledged_at && a.severity !== "info");
    const n = waiting.length;
    const count = more && n ? `${n}+` : n.toLocaleString(language);
    fill(
      place,
      icon(n ? "alarm" : "bell"),
      h("span", {}, count),
      h("span", { class: "long" }, t("shell.alarms", { n })),
    );
    place.classList.toggle("any", n > 0);
    place.hidden = false;
  } catch {
    place.hidden = true;
  }
}

function person() {
  put(byId("my-name"), me.name);
  for (const entry of document.querySelectorAll(".nav li")) {
    const { scope, kind } = entry.dataset;
    entry.hidden = (scope && !allowed(me, scope)) || (kind && !me.kinds.includes(kind)) || false;
  }
  towns();
}

/** Which town is shown, and the others to go to. */
function towns() {
  const all = me.tenants ?? [];
  const mine = all.find((x) => x.id === me.tenant_id);
  const place = byId("town");
  if (all.length < 2) {
    put(place, mine?.name ?? all[0]?.name ?? "");
    return;
  }
  fill(
    place,
    h(
      "details",
      { class: "menu" },
      h(
        "summary",
        {},
        h("span", { class: "hidden-text" }, `${t("shell.town")}:`),
        mine?.name ?? t("shell.all_towns"),
        icon("chevron", "small"),
      ),
      h(
        "ul",
        {},
        all.map((town) =>
          h(
            "li",
            {},
            h(
              "button",
              {
                type: "button",
                "aria-current": town.id === me.tenant_id && "true",
                onclick: async () => {
                  await patch("/me", { tenant_id: town.id });
                  goTo("/city");
                },
              },
              town.name,
            ),
          ),
        ),
      ),
    ),
  );
}

function frame() {
  put(byId("zone"), zone);
  document.querySelector(".nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
  for (const link of document.querySelectorAll("#language a")) {
    link.addEventListener("click", async (/** @type {Event} */ event) => {
      event.preventDefault();
      keep("language", link.lang);
      if (me.actor) await patch("/me", { language: link.lang }).catch(() => {});
      const query = new URLSearchParams(location.search);
      query.delete("lang");
      location.assign(`${location.pathname}${query.size ? `?${query}` : ""}${location.hash}`);
      if (location.hash) location.reload();
    });
  }
  const theme = () => {
    const chosen = document.documentElement.dataset.theme ?? "";
    for (const button of document.querySelectorAll("[data-theme-choice]")) {
      button.setAttribute("aria-pressed", String(button.dataset.themeChoice === chosen));
    }
  };
  byId("theme").addEventListener("click", (/** @type {any} */ { target }) => {
    const choice = target.closest("button")?.dataset.themeChoice;
    if (choice === undefined) return;
    if (choice) document.documentElement.dataset.theme = choice;
    else delete document.documentElement.dataset.theme;
    keep("theme", choice);
    theme();
    document.dispatchEvent(new Event("themechange"));
  });
  theme();
  byId("help").addEventListener("click", help);
  byId("sign-out")?.addEventListener("click", async () => {
    await post("/logout").catch(() => {});
    away();
  });
  byId("password")?.addEventListener("click", changePassword);
  document.addEventListener("keydown", keyboard);
  document.addEventListener("click", ({ target }) => {
    closeMenus(target instanceof Element ? target.closest("details.menu") : null);
  });
}

/** @param {Element | null} [but] */
function closeMenus(but) {
  const open = [...document.querySelectorAll("details.menu[open]")].filter((menu) => menu !== but);
  for (const menu of open) menu.open = false;
  return open;
}

/** @param {any} event */
function keyboard(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  const typing = event.target.matches?.("input, textarea, select, [contenteditable]");
  if (event.key === "Escape") goBack(typing && event.target);
  else if (!typing && event.key === "/") search(event);
  else if (!typing && event.key === "?") help();
}

/**
 * Out of an open menu, else of the field, else of what the page has open.
 * @param {HTMLElement | false} typed
 */
function goBack(typed) {
  const [menu] = closeMenus();
  if (menu) menu.querySelector("summary").focus();
  else if (typed) typed.blur();
  else frameState.back?.();
}

/** @param {Event} event */
function search(event) {
  const input = byId("q");
  if (!input) return;
  event.preventDefault();
  input.focus();
  input.select();
}

function help() {
  closeMenus();
  tell(
    t("help.title"),
    h(
      "dl",
      { class: "facts" },
      keys.map(([key, text]) => [h("dt", {}, h("kbd", {}, key)), h("dd", {}, t(text))]),
    ),
  );
}

async function changePassword() {
  closeMenus();
  const fields = [
    field("current", t("sign_in.current"), { type: "password", autocomplete: "current-password", required: true }),
    field(
      "new",
      t("sign_in.new"),
      { type: "password", autocomplete: "new-password", minlength: 12, required: true },
      t("sign_in.rule"),
    ),
  ];
  const done = await ask(t("shell.password"), fields, t("sign_in.set"), async (data) => {
    await post("/me/password", data);
    return true;
  });
  if (done) tell(t("shell.password"), h("p", {}, t("sign_in.changed")));
}
