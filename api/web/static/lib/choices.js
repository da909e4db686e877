import { h } from "./dom.js";

/** @typedef {readonly (readonly [string, string])[]} Options each value with its text */

/**
 * A button for each option; the one that holds is pressed.
 * @param {Options} options
 * @param {string} current
 * @param {(value: string) => unknown} choose
 */
export const buttons = (options, current, choose) =>
  options.map(([value, text]) =>
    h(
      "button",
      {
        type: "button",
        "data-key": `choice-${value}`,
        "aria-pressed": String(value === current),
        onclick: () => choose(value),
      },
      text,
    ),
  );

/**
 * One of few, all of them seen.
 * @param {string} label
 * @param {Options} options
 * @param {string} current
 * @param {(value: string) => unknown} choose
 */
export const chips = (label, options, current, choose) =>
  h("div", { class: "chips", role: "group", "aria-label": label }, buttons(options, current, choose));

/**
 * One of several, or all: `label` is what stands there for all.
 * @param {string} label
 * @param {Options} options
 * @param {string} current
 * @param {(value: string) => unknown} choose
 */
export const select = (label, options, current, choose) =>
  h(
    "select",
    { "data-key": "select", "aria-label": label, onchange: ({ target }) => choose(target.value) },
    [["", label], ...options].map(([value, text]) => h("option", { value, selected: value === current }, text)),
  );
