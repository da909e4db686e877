import { h } from "./dom.js";
import { t } from "./words.js";

/** One thing to tick: {element, value()}. */
export function check(text, checked = false) {
  const box = h("input", { type: "checkbox", checked });
  return { element: h("label", { class: "check" }, box, text), box, value: () => box.checked };
}

/** Several to tick of `options` [value, text]: {element, value(), only(passes)}; what `only` hides does not count. */
export function checks(name, legend, options, chosen, { note, required = false } = {}) {
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
    only: (passes) => {
      for (const one of boxes) one.element.hidden = !passes(one.id);
    },
  };
}

/** Rows to add and take away: {element, value()}; `make(one)` gives {parts, value()} of a row, `usual` is a new one, `row` what each is called. */
export function rows(name, legend, held, { add: text, usual, make, note, row: called = legend }) {
  const made = [],
    place = h("div");
  const add = (one) => {
    const row = make(one);
    row.element = h(
      "div",
      { class: "form-row", role: "group", "aria-label": called },
      row.parts,
      h(
        "button",
        {
          type: "button",
          onclick: () => {
            made.splice(made.indexOf(row), 1);
            row.element.remove();
            more.focus();
          },
        },
        t("form.remove"),
      ),
    );
    made.push(row);
    place.append(row.element);
    return row.element;
  };
  const more = h("button", { type: "button", onclick: () => add(usual).querySelector("input, select").focus() }, text);
  for (const one of held) add(one);
  return {
    element: h("fieldset", { name }, h("legend", {}, legend), place, more, note && h("p", { class: "note" }, note)),
    value: () => made.map((row) => row.value()),
  };
}
