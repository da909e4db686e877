import { all, get } from "./api.js";
import { h } from "./dom.js";
import { facts } from "./facts.js";
import { me } from "./page.js";
import { named, t } from "./words.js";

/** Name of a role as people here say it; kinds bring those of their own. */
export const roleName = (role) => named(role, `role.${role}`, ...facts.kinds.map((kind) => `${kind}.role.${role}`));

/** "Lichtbetrieb (Gruppe fauthweg)". */
export function heldText({ role, limits, tenant_id: town }, towns = []) {
  const parts = limits.map((limit) => { const [what, id] = limit.split("/"); return `${named(what, `people.limit.${what}`)} ${id}`; });
  if (towns.length > 1) parts.unshift(town === null ? t("shell.all_towns") : towns.find((x) => x.id === town)?.name ?? town);
  return parts.length ? `${roleName(role)} (${parts.join(", ")})` : roleName(role);
}

/** What roles can be limited to: groups and events that can be seen. */
export async function limits() {
  const [groups, events] = await Promise.all([all("/groups").catch(() => []), get("/events", { limit: 100 }).then((p) => p.items, () => [])]);
  return [...groups.map((g) => [`group/${g.id}`, `${t("people.limit.group")} ${g.name}`]), ...events.map((e) => [`event/${e.id}`, `${t("people.limit.event")} ${e.name}`])];
}

let count = 0;

/** The smallest role that can be given: what a new person begins with. */
export const least = (roles) => roles.filter((r) => r.yours_to_give).sort((a, b) => a.scopes.includes("*") - b.scopes.includes("*") || (b.role === "viewer") - (a.role === "viewer") || a.scopes.length - b.scopes.length)[0]?.role;

/** Rows of roles held, to be changed: {element, value()}. `roles` are those there are, `known` the limits. */
export function roleRows(held, roles, known) {
  const mine = roles.filter((r) => r.yours_to_give), list = `limits-${++count}`, rows = h("div", { class: "role-rows" });
  const add = (one) => {
    const n = ++count;
    const role = h("select", { "aria-label": t("people.role"), "data-part": "role" }, mine.map((r) => h("option", { value: r.role }, roleName(r.role))));
    const limit = h("input", { type: "text", list, "aria-label": t("people.limits"), "data-part": "limits", placeholder: t("people.limits_none"), value: one.limits.join(", "), autocomplete: "off", id: `limit-${n}` });
    if (one.role) role.value = one.role;
    const row = h("div", { class: "role-row", role: "group", "aria-label": t("people.role") }, role, limit,
      h("button", { type: "button", onclick: () => { row.remove(); more.focus(); } }, t("people.role_remove")));
    row.town = one.tenant_id;
    rows.append(row);
    return role;
  };
  const more = h("button", { type: "button", onclick: () => add({ role: least(roles), limits: [], tenant_id: me.tenant_id }).focus() }, t("people.role_add"));
  for (const one of held) add(one);
  const element = h("fieldset", {}, h("legend", {}, t("people.roles")), rows, more, h("p", { class: "note" }, t("people.limits_note")),
    h("datalist", { id: list }, known.map(([value, text]) => h("option", { value }, text))));
  const value = () => [...rows.children].map((row) => ({
    role: row.querySelector('[data-part="role"]').value,
    limits: row.querySelector('[data-part="limits"]').value.split(",").map((x) => x.trim()).filter(Boolean),
    ...(row.town === undefined ? {} : { tenant_id: row.town }),
  }));
  return { element, value };
}
