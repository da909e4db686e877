import { all, get } from "./api.js";
import { freshId, h } from "./dom.js";
import { facts } from "./facts.js";
import { rows } from "./form.js";
import { me } from "./page.js";
import { named, t } from "./words.js";

/** @typedef {{role?: string, limits?: string[], tenant_id?: string | null}} Held */
/** @typedef {Item<"/roles">} Role */

/**
 * Name of a role as people here say it; kinds bring those of their own.
 * @param {string} role
 */
export const roleName = (role) => named(role, `role.${role}`, ...facts.kinds.map((kind) => `${kind}.role.${role}`));

/**
 * "Lichtbetrieb (Gruppe fauthweg)".
 * @param {Held} held
 * @param {{id: string | null, name: string}[]} [towns]
 */
export function heldText({ role = "", limits: given = [], tenant_id: town }, towns) {
  const parts = given.map((limit) => {
    const [what, id] = limit.split("/");
    return `${named(what, `people.limit.${what}`)} ${id}`;
  });
  if (towns && towns.length > 1) {
    parts.unshift(town === null ? t("shell.all_towns") : (towns.find((x) => x.id === town)?.name ?? town ?? ""));
  }
  return parts.length ? `${roleName(role)} (${parts.join(", ")})` : roleName(role);
}

/**
 * What roles can be limited to: groups and events that can be seen.
 * @returns {Promise<[string, string][]>}
 */
export async function limits() {
  const [groups, events] = await Promise.all([
    all("/groups").catch(() => []),
    get("/events", { limit: 100 }).then(
      (p) => p.items,
      () => [],
    ),
  ]);
  /** @type {(what: string, some: {id: string, name: string}[]) => [string, string][]} */
  const limited = (what, some) => some.map(({ id, name }) => [`${what}/${id}`, `${t(`people.limit.${what}`)} ${name}`]);
  return [...limited("group", groups), ...limited("event", events)];
}

/**
 * The smallest role that can be given: what a new person begins with.
 * @param {Role[]} roles
 */
export const least = (roles) =>
  roles
    .filter((r) => r.yours_to_give)
    .sort(
      (a, b) =>
        Number(a.scopes.includes("*")) - Number(b.scopes.includes("*")) ||
        Number(b.role === "viewer") - Number(a.role === "viewer") ||
        a.scopes.length - b.scopes.length,
    )[0]?.role;

/**
 * Rows of roles held, to be changed: {element, value()}. `roles` are those there are, `known` the limits.
 * @param {Held[]} held
 * @param {Role[]} roles
 * @param {[string, string][]} known
 */
export function roleRows(held, roles, known) {
  const mine = roles.filter((r) => r.yours_to_give),
    list = freshId("limits");
  /** @param {any} one */
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
