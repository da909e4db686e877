import { h } from "./dom.js";

/**
 * Table of rows `tr` that are a stack on a phone; `last` is the head of buttons, for screen readers.
 * @param {string[]} heads
 * @param {Child} rows
 * @param {string} [last]
 */
export const stack = (heads, rows, last) =>
  h(
    "div",
    { class: "table-wrap" },
    h(
      "table",
      { class: "stack" },
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          heads.map((text) => h("th", { scope: "col" }, text)),
          last && h("th", { scope: "col" }, h("span", { class: "hidden-text" }, last)),
        ),
      ),
      h("tbody", {}, rows),
    ),
  );

/**
 * Button of a row, which says to screen readers whose it is; `more` are further attributes.
 * @param {string} text
 * @param {string | false | null} name
 * @param {() => unknown} onclick
 * @param {Attributes} [more]
 */
export const rowButton = (text, name, onclick, more) =>
  h("button", { type: "button", onclick, ...more }, text, name && h("span", { class: "hidden-text" }, ` ${name}`));
