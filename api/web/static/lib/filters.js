import { h } from "./dom.js";
import { STATES } from "./states.js";
import { kindPlural, t } from "./words.js";

/** Choices of kind, group and state; `change()` after each. `values` are changed in place. */
export function filterBar(values, { kinds, groups, change }) {
  const choice = (name, label, options) =>
    h(
      "select",
      {
        "aria-label": label,
        value: values[name],
        onchange: (event) => {
          values[name] = event.target.value;
          change();
        },
      },
      h("option", { value: "" }, label),
      options.map(([value, text]) => h("option", { value, selected: value === values[name] }, text)),
    );
  const states = h("div", { class: "chips", role: "group", "aria-label": t("filters.state") });
  const paint = (counts) => {
    const shown = STATES.filter((state) => counts.get(state) || values.state === state);
    const key = JSON.stringify([...counts, values.state]);
    if (states.dataset.key === key) return;
    states.dataset.key = key;
    const held = states.contains(document.activeElement) ? document.activeElement.dataset.state : null;
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
          state ? t("filters.chip", { state: t(`state.${state}`), n: counts.get(state) ?? 0 }) : t("filters.all"),
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

/** How many there are of each state, whatever state is chosen. */
export function countStates(items) {
  const counts = new Map();
  for (const item of items) counts.set(item.state, (counts.get(item.state) ?? 0) + 1);
  return new Map(STATES.filter((s) => counts.has(s)).map((s) => [s, counts.get(s)]));
}
