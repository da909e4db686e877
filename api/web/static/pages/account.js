import { all, get, patch, post, remove } from "../lib/api.js";
import { confirm, open, tell } from "../lib/dialog.js";
import { byId, fill, h, icon } from "../lib/dom.js";
import { language } from "../lib/facts.js";
import { answer, me, start } from "../lib/page.js";
import { roleName } from "../lib/roles.js";
import { codes, enrol } from "../lib/second_factor.js";
import { ago, timeOf } from "../lib/times.js";
import { tellProblem, toast } from "../lib/toast.js";
import { shown } from "../lib/blank.js";
import { named, t } from "../lib/words.js";

const BROWSERS = [
  ["Edg/", "Edge"],
  ["OPR/", "Opera"],
  ["Firefox/", "Firefox"],
  ["Chrome/", "Chrome"],
  ["Safari/", "Safari"],
  ["curl/", "curl"],
  ["python", "Python"],
];
const SYSTEMS = [
  ["Android", "Android"],
  ["iPhone", "iPhone"],
  ["iPad", "iPad"],
  ["Windows", "Windows"],
  ["Mac OS", "macOS"],
  ["Linux", "Linux"],
];

await start();
answer(t("account.answer", { name: me.name, roles: me.roles.map(roleName).join(", ") || t("account.no_role") }));

/** @param {string} agent @param {string[][]} names */
const word = (agent, names) => names.find(([part]) => agent.includes(part))?.[1];
/** @param {string} agent */
const browser = (agent) =>
  [word(agent, BROWSERS), word(agent, SYSTEMS)].filter(Boolean).join(", ") || t("account.unknown_browser");

/** @param {string} wish */
async function speak(wish) {
  await patch("/me", { language: wish }).catch(tellProblem);
  document.querySelector(`#language a[lang="${wish}"]`).click();
}

const limits = me.limits.map((limit) => {
  const [what, id] = limit.split("/");
  return `${named(what, `people.limit.${what}`)} ${id}`;
});
const sessions = h("div"),
  factors = h("div");
fill(
  byId("content"),
  h(
    "div",
    { class: "columns" },
    h(
      "section",
      { class: "card" },
      h("h2", {}, t("account.me")),
      h(
        "dl",
        { class: "facts" },
        h("dt", {}, t("people.name")),
        h("dd", {}, me.name),
        h("dt", {}, t("people.id")),
        h("dd", {}, me.actor.replace(/^user:/, "")),
        h("dt", {}, t("people.roles")),
        h("dd", {}, me.roles.map(roleName).join(", ") || "–"),
        limits.length > 0 && [h("dt", {}, t("people.limits")), h("dd", {}, limits.join(", "))],
      ),
      h(
        "div",
        { class: "actions" },
        h("button", { type: "button", class: "primary", onclick: () => byId("password").click() }, t("shell.password")),
      ),
      h("h3", { class: "account-part" }, t("people.language")),
      h(
        "div",
        { class: "chips", role: "group", "aria-label": t("people.language") },
        ["de", "en"].map((one) =>
          h(
            "button",
            { type: "button", lang: one, "aria-pressed": String(one === language), onclick: () => speak(one) },
            t(`people.language.${one}`),
          ),
        ),
      ),
    ),
    h("section", { class: "card" }, h("h2", {}, t("account.second")), factors),
    h("section", { class: "card" }, h("h2", {}, t("account.sessions")), sessions),
  ),
);

/** @param {Item<"/me/sessions">} session */
function row(session) {
  return h(
    "li",
    {},
    icon(session.current ? "ok" : "person", session.current ? "is-ok" : ""),
    h(
      "div",
      {},
      h("strong", {}, browser(session.agent)),
      session.current && ` ${t("account.here")}`,
      h("p", { class: "note" }, session.address, " · ", t("account.used"), " ", timeOf(session.last_used_at, ago)),
    ),
  );
}

/** @param {Answer<"/me/second-factors">["items"][number]} factor */
function factorRow(factor) {
  const take = async () => {
    if (
      !(await confirm(
        t("account.second_remove"),
        t("account.second_remove_text", { name: factor.name }),
        t("account.second_remove"),
        { danger: true },
      ))
    ) {
      return;
    }
    await remove(`/me/second-factors/${factor.id}`).then(() => toast(t("account.second_removed")), tellProblem);
    await readFactors();
  };
  return h(
    "li",
    {},
    icon("lock"),
    h(
      "div",
      {},
      h("strong", {}, factor.name),
      h(
        "p",
        { class: "note" },
        t(`second.method.${factor.method}`),
        factor.last_used_at && [" · ", t("account.used"), " ", timeOf(factor.last_used_at, ago)],
      ),
    ),
    h(
      "button",
      { type: "button", "aria-label": t("account.second_remove_named", { name: factor.name }), onclick: take },
      t("account.second_remove"),
    ),
  );
}

/** @param {boolean} possible */
async function addFactor(possible) {
  const place = h("div"),
    close = h("form", { method: "dialog", class: "actions" }, h("button", {}, t("shell.cancel")));
  const { dialog, closed } = open(t("account.second_add"), [place, close]);
  enrol(place, possible, () => dialog.close());
  await closed;
  await readFactors();
}

async function renewCodes() {
  if (!(await confirm(t("second.renew"), t("second.renew_text"), t("second.renew")))) return;
  const made = await post("/me/recovery-codes").catch(tellProblem);
  if (made) await tell(t("second.codes"), codes(made.recovery_codes));
  await readFactors();
}

const readFactors = () =>
  shown(factors, async () => {
    const found = await get("/me/second-factors");
    const none = h("p", {}, t(found.required ? "account.second_required" : "account.second_none"));
    return [
      found.items.length ? h("ul", { class: "sessions" }, found.items.map(factorRow)) : none,
      found.items.length > 0 && h("p", { class: "note" }, t("second.codes_left", { n: found.recovery_codes_left })),
      h(
        "div",
        { class: "actions" },
        h("button", { type: "button", onclick: () => addFactor(found.passkeys_possible) }, t("account.second_add")),
        found.items.length > 0 && h("button", { type: "button", onclick: renewCodes }, t("second.renew")),
      ),
    ];
  });

async function endOthers() {
  if (!(await confirm(t("account.end"), t("account.end_text"), t("account.end"), { danger: true }))) return;
  await remove("/me/sessions").then(() => toast(t("account.ended")), tellProblem);
  await read();
}

const read = () =>
  shown(sessions, async () => {
    const found = await all("/me/sessions");
    return [
      h("ul", { class: "sessions" }, found.map(row)),
      found.length > 1 &&
        h("div", { class: "actions" }, h("button", { type: "button", onclick: endOthers }, t("account.end"))),
    ];
  });
await Promise.all([read(), readFactors()]);
