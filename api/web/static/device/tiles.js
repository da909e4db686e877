import { empty } from "../lib/blank.js";
import { fill, h, icon, put } from "../lib/dom.js";
import { valueText } from "../lib/kinds.js";
import { ago, now, renew, timeOf } from "../lib/times.js";
import { fieldName, t } from "../lib/words.js";
import { draw } from "./history.js";
import { place, values, view } from "./view.js";

/** @typedef {import("./view.js").Newest} Newest */

/** @param {Newest} row */
const stale = (row) => now() - Date.parse(row.ts) > view.silentAfter * 1000;

/** Newest telemetry of the part that is shown. */
const newest = () => view.latest.find((r) => r.channel === "telemetry" && r.part === values.part);

function valueTiles() {
  view.tiles = new Map();
  const parts = [...new Set(view.latest.filter((row) => row.channel === "telemetry").map((row) => row.part))];
  if (!parts.length) return empty(t("device.no_values"), t("device.no_values_text"));
  if (!parts.includes(values.part)) values.part = parts[0];
  const row = /** @type {Newest} */ (newest());
  const picker =
    parts.length > 1 &&
    h(
      "select",
      {
        "aria-label": t("device.part"),
        onchange: ({ target }) => {
          values.part = target.value;
          values.field = "";
          showValues();
          draw();
        },
      },
      parts.map((part) => h("option", { value: part, selected: part === values.part }, part || t("device.whole"))),
    );
  const order = [...view.kind.fields.keys()];
  const fields = Object.keys(row.values).sort((a, b) => order.indexOf(a) - order.indexOf(b));
  if (!fields.includes(values.field)) values.field = fields.find((f) => view.kind.fields.get(f)?.number) ?? "";
  return [
    picker && h("div", { class: "toolbar" }, picker),
    h(
      "div",
      { class: "values" },
      fields.map((field) => tile(field, row)),
    ),
  ];
}

/** @param {string} field @param {Newest} row */
function tile(field, row) {
  const numeric = view.kind.fields.get(field)?.number;
  const parts = {
    value: h("span", { class: numeric ? "value" : "value text" }),
    mark: h("span"),
    age: timeOf(row.ts, ago),
  };
  const inside = [
    h("span", { class: "name" }, fieldName(view.device.kind, field)),
    parts.value,
    h("span", { class: "age" }, parts.mark, parts.age),
  ];
  const element = numeric
    ? h(
        "button",
        { type: "button", "aria-pressed": String(field === values.field), onclick: () => pick(field) },
        inside,
      )
    : h("div", {}, inside);
  view.tiles.set(field, { ...parts, element });
  paint(field, row);
  return element;
}

/** @param {string} field @param {Newest} row */
function paint(field, row) {
  const made = view.tiles.get(field);
  if (!made) return;
  put(made.value, valueText(view.kind, field, row.values[field]));
  renew(made.age, row.ts);
  const old = stale(row);
  made.value.classList.toggle("is-stale", old);
  const mark = old ? "stale" : row.suspect ? "warning" : "";
  if (made.mark.dataset.is !== mark) {
    made.mark.dataset.is = mark;
    fill(
      made.mark,
      mark && [
        icon(mark, `is-${mark}`),
        h("span", { class: "hidden-text" }, t(old ? "state.stale" : "device.suspect")),
      ],
    );
  }
}

/** Say what came in and how old it is, in place. */
export function repaint() {
  const row = newest();
  if (!row) return;
  if (Object.keys(row.values).some((field) => !view.tiles.has(field))) showValues();
  for (const field of Object.keys(row.values)) paint(field, row);
}

/** Show the newest values, a tile for each field. */
export const showValues = () => fill(place.values, valueTiles());

/** @param {string} field */
function pick(field) {
  values.field = field;
  for (const [name, made] of view.tiles) {
    if (made.element.matches("button")) made.element.setAttribute("aria-pressed", String(name === field));
  }
  draw();
}
