import { select } from "./choices.js";
import { focused, h } from "./dom.js";
import { STATES } from "./states.js";
import { kindPlural, t } from "./words.js";

/**
 * Choices of kind, group and state; `change()` after each. `values` are changed in place.
 * @param {Values} values
 * @param {{kinds: string[], groups: {id: string, name: string}[], change: () => void}} given
 */
export function filterBar(values, { kinds, groups, change }) {
  /** @param {string} name @param {string} label @param {[string, string][]} options */
  const choice = (name, label, options) =>
    select(label, options, values[name], (chosen) => {
      values[name] = chosen;
      change();
    });
  const states = h("div", { class: "chips", role: "group", "aria-label": t("filters.state") });
  /** @param {Map<State, number>} counts */
  const paint = (counts) => {
    const shown = STATES.filter((state) => counts.get(state) || values.state === state);
    const key = JSON.stringify([...counts, values.state]);
    if (states.dataset.key === key) return;
    states.dataset.key = key;
    const held = states.contains(focused()) ? focused().dataset.state : null;
    states.replaceChildren(
      ...["", ...shown].map((state) =>
        h(
          "button",
          {
            type: "button",
            "data-state": state,
            "aria-pressed": String(values.state === state),
            onclick: () => {
              values.state = state;
              change();
            },
          },
          state
            ? t("filters.chip", { state: t(`state.${state}`), n: counts.get(/** @type {State} */ (state)) ?? 0 })
            : t("filters.all"),
        ),
      ),
    );
    if (held !== null) states.querySelector(`[data-state="${held}"]`)?.focus();
  };
  const selects = [
    kinds.length > 1 &&
      choice(
        "kind",
        t("filters.kind"),
        kinds.map((kind) => [kind, kindPlural(kind)]),
      ),
    groups.length > 0 &&
      choice(
        "group",
        t("filters.group"),
        groups.map((group) => [group.id, group.name]),
      ),
  ].filter(Boolean);
  return {
    element: h("div", { class: "filters" }, selects.length && h("div", { class: "filter-row" }, selects), states),
    paint,
  };
}

/**
 * How many there are of each state, whatever state is chosen.
 * @param {Thing[]} items
 */
export function countStates(items) {
  const counts = new Map();
  for (const item of items) counts.set(item.state, (counts.get(item.state) ?? 0) + 1);
  return new Map(STATES.filter((s) => counts.has(s)).map((s) => [s, counts.get(s)]));
}
