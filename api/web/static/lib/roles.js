import { all, get } from "./api.js";
import { h } from "./dom.js";
import { facts } from "./facts.js";
import { rows } from "./form.js";
import { me } from "./page.js";
import { named, t } from "./words.js";

/** Name of a role as people here say it; kinds bring those of their own. */
export const roleName = (role) => named(role, `role.${role}`, ...facts.kinds.map((kind) => `${kind}.role.${role}`));

/** "Lichtbetrieb (Gruppe fauthweg)". */
export function heldText({ role, limits, tenant_id: town }, towns = []) {
  const parts = limits.map((limit) => {
    const [what, id] = limit.split("/");
    return `${named(what, `people.limit.${what}`)} ${id}`;
  });
  if (towns.length > 1)
    parts.unshift(town === null ? t("shell.all_towns") : (towns.find((x) => x.id === town)?.name ?? town));
  return parts.length ? `${roleName(role)} (${parts.join(", ")})` : roleName(role);
}

/** What roles can be limited to: groups and events that can be seen. */
export async function limits() {
  const [groups, events] = await Promise.all([
    all("/groups").catch(() => []),
    get("/events", { limit: 100 }).then(
      (p) => p.items,
      () => [],
    ),
  ]);
  return [
    ...groups.map((g) => [`group/${g.id}`, `${t("people.limit.group")} ${g.name}`]),
    ...events.map((e) => [`event/${e.id}`, `${t("people.limit.event")} ${e.name}`]),
  ];
}

/** The smallest role that can be given: what a new person begins with. */
export const least = (roles) =>
  roles
    .filter((r) => r.yours_to_give)
    .sort(
      (a, b) =>
        a.scopes.includes("*") - b.scopes.includes("*") ||
        (b.role === "viewer") - (a.role === "viewer") ||
        a.scopes.length - b.scopes.length,
    )[0]?.role;

let count = 0;

/** Rows of roles held, to be changed: {element, value()}. `roles` are those there are, `known` the limits. */
export function roleRows(held, roles, known) {
  const mine = roles.filter((r) => r.yours_to_give),
    list = `limits-${++count}`;
  const make = (one) => {
    const role = h(
      "select",
      { "aria-label": t("people.role") },
      mine.map((r) => h("option", { value: r.role }, roleName(r.role))),
    );
    const limit = h("input", {
      type: "text",
      list,
      "aria-label": t("people.limits"),
      placeholder: t("people.limits_none"),
      value: one.limits.join(", "),
      autocomplete: "off",
    });
    if (one.role) role.value = one.role;
    return {
      parts: h("div", { class: "role-row" }, role, limit),
      value: () => ({
        role: role.value,
        limits: limit.value
          .split(",")
          .map((x) => x.trim())
          .filter(Boolean),
        ...(one.tenant_id === undefined ? {} : { tenant_id: one.tenant_id }),
      }),
    };
  };
  return rows("roles", t("people.roles"), held, {
    add: t("people.role_add"),
    usual: { role: least(roles), limits: [], tenant_id: me.tenant_id },
    make,
    row: t("people.role"),
    note: [
      t("people.limits_note"),
      h(
        "datalist",
        { id: list },
        known.map(([value, text]) => h("option", { value }, text)),
      ),
    ],
  });
}
