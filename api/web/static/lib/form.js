import { h } from "./dom.js";
import { t } from "./words.js";

/**
 * One thing to tick: {element, value()}.
 * @param {string} text
 */
export function check(text, checked = false) {
  const box = h("input", { type: "checkbox", checked });
  return { element: h("label", { class: "check" }, box, text), box, value: () => box.checked };
}

/**
 * Several to tick of `options` [value, text]: {element, value(), only(passes)}; what `only` hides does not count.
 * @param {string} name
 * @param {string} legend
 * @param {[string, string][]} options
 * @param {string[]} chosen
 * @param {{note?: Child, required?: boolean}} [how]
 */
export function checks(name, legend, options, chosen, { note = undefined, required = false } = {}) {
  const boxes = options.map(([value, text]) => ({ id: value, ...check(text, chosen.includes(value)) }));
  const value = () => boxes.filter((one) => one.value() && !one.element.hidden).map((one) => one.id);
  const judge = () => boxes[0]?.box.setCustomValidity(required && !value().length ? t("form.choose") : "");
  const element = h(
    "fieldset",
    { name, onchange: judge },
    h("legend", {}, legend),
    h(
      "div",
      { class: "checks" },
      boxes.map((one) => one.element),
    ),
    note && h("p", { class: "note" }, note),
  );
  judge();
  return {
    element,
    value,
    only: (/** @type {(id: string) => boolean} */ passes) => {
      for (const one of boxes) one.element.hidden = !passes(one.id);
    },
  };
}

/**
 * Rows to add and take away: {element, value()}; `make(one)` gives {parts, value()} of a row, `usual` is a new one,
 * `row` what each is called.
 * @param {string} name
 * @param {string} legend
 * @param {any[]} held
 * @param {object} how
 * @param {string} how.add
 * @param {any} how.usual
 * @param {(one: any) => {parts: Child, value: () => any}} how.make
 * @param {Child} [how.note]
 * @param {string} [how.row]
 */
export function rows(name, legend, held, { add: text, usual, make, note, row: called = legend }) {
  /** @type {{element: HTMLElement, value: () => any}[]} */
  const made = [];
  const place = h("div");
  /** @param {any} one */
  const add = (one) => {
    const { parts, value } = make(one);
    const element = h(
      "div",
      { class: "form-row", role: "group", "aria-label": called },
      parts,
      h(
        "button",
        {
          type: "button",
          onclick: () => {
            made.splice(made.indexOf(row), 1);
            element.remove();
            more.focus();
          },
        },
        t("form.remove"),
      ),
    );
    const row = { element, value };
    made.push(row);
    place.append(element);
    return element;
  };
  const more = h("button", { type: "button", onclick: () => add(usual).querySelector("input, select").focus() }, text);
  for (const one of held) add(one);
  return {
    element: h("fieldset", { name }, h("legend", {}, legend), place, more, note && h("p", { class: "note" }, note)),
    value: () => made.map((row) => row.value()),
  };
}
