import { all, patch, remove } from "../lib/api.js";
import { confirm } from "../lib/dialog.js";
import { byId, fill, h, icon } from "../lib/dom.js";
import { language } from "../lib/facts.js";
import { answer, me, start } from "../lib/page.js";
import { roleName } from "../lib/roles.js";
import { ago, timeOf } from "../lib/times.js";
import { tellProblem, toast } from "../lib/toast.js";
import { shown } from "../lib/blank.js";
import { named, t } from "../lib/words.js";

const BROWSERS = [["Edg/", "Edge"], ["OPR/", "Opera"], ["Firefox/", "Firefox"], ["Chrome/", "Chrome"], ["Safari/", "Safari"], ["curl/", "curl"], ["python", "Python"]];
const SYSTEMS = [["Android", "Android"], ["iPhone", "iPhone"], ["iPad", "iPad"], ["Windows", "Windows"], ["Mac OS", "macOS"], ["Linux", "Linux"]];

await start();
answer(t("account.answer", { name: me.name, roles: me.roles.map(roleName).join(", ") || t("account.no_role") }));

const word = (agent, names) => names.find(([part]) => agent.includes(part))?.[1];
const browser = (agent) => [word(agent, BROWSERS), word(agent, SYSTEMS)].filter(Boolean).join(", ") || t("account.unknown_browser");

async function speak(wish) {
  await patch("/me", { language: wish }).catch(tellProblem);
  document.querySelector(`#language a[lang="${wish}"]`).click();
}

const limits = me.limits.map((limit) => { const [what, id] = limit.split("/"); return `${named(what, `people.limit.${what}`)} ${id}`; });
const sessions = h("div");
fill(byId("content"), h("div", { class: "columns" },
  h("section", { class: "card" }, h("h2", {}, t("account.me")),
    h("dl", { class: "facts" },
      h("dt", {}, t("people.name")), h("dd", {}, me.name),
      h("dt", {}, t("people.id")), h("dd", {}, me.actor.replace(/^user:/, "")),
      h("dt", {}, t("people.roles")), h("dd", {}, me.roles.map(roleName).join(", ") || "–"),
      limits.length > 0 && [h("dt", {}, t("people.limits")), h("dd", {}, limits.join(", "))]),
    h("div", { class: "actions" }, h("button", { type: "button", class: "primary", onclick: () => byId("password").click() }, t("shell.password"))),
    h("h3", { class: "account-part" }, t("people.language")),
    h("div", { class: "chips", role: "group", "aria-label": t("people.language") }, ["de", "en"].map((one) =>
      h("button", { type: "button", lang: one, "aria-pressed": String(one === language), onclick: () => speak(one) }, t(`people.language.${one}`))))),
  h("section", { class: "card" }, h("h2", {}, t("account.sessions")), sessions)));

function row(session) {
  return h("li", {}, icon(session.current ? "ok" : "person", session.current ? "is-ok" : ""),
    h("div", {}, h("strong", {}, browser(session.agent)), session.current && ` ${t("account.here")}`, h("p", { class: "note" }, session.address, " · ", t("account.used"), " ", timeOf(session.last_used_at, ago))));
}

async function endOthers() {
  if (!await confirm(t("account.end"), t("account.end_text"), t("account.end"), { danger: true })) return;
  await remove("/me/sessions").then(() => toast(t("account.ended")), tellProblem);
  await read();
}

const read = () => shown(sessions, async () => {
  const found = await all("/me/sessions");
  return [h("ul", { class: "sessions" }, found.map(row)), found.length > 1 && h("div", { class: "actions" }, h("button", { type: "button", onclick: endOthers }, t("account.end")))];
});
await read();
