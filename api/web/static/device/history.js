import { toAddress } from "../lib/address.js";
import { empty, shown } from "../lib/blank.js";
import { chart } from "../lib/chart.js";
import { fill, h } from "../lib/dom.js";
import { unitOf } from "../lib/kinds.js";
import { measure } from "../lib/numbers.js";
import { RANGES, span } from "../lib/ranges.js";
import { fieldOver, summary } from "../lib/series.js";
import { duration, moment } from "../lib/times.js";
import { fieldName, t } from "../lib/words.js";
import { id, place, USUAL, values, view } from "./view.js";

/** Fields whose scale begins at zero. */
const SCALED = /(_pct|_w|_bps|_octets|_lx|_count|_ms)$/;

/** Draw the chosen field over the chosen range. */
export async function draw() {
  toAddress(values, USUAL);
  if (!values.field) return fill(place.chart, empty(t("device.no_values"), t("device.no_values_text")));
  const [from, to] = span(values),
    field = values.field,
    unit = unitOf(view.kind, field);
  return shown(place.chart, async () => {
    const found = await fieldOver(id, { field, part: values.part, interval: view.silentAfter / 3, span: [from, to] });
    const measured = Object.assign((/** @type {number} */ value) => measure(value, unit), { when: moment });
    const { element } = await chart({
      label: fieldName(view.device.kind, field),
      unit: unit === "1" ? "" : unit,
      x: found.x,
      from,
      to,
      gaps: found.gaps,
      zero: SCALED.test(field),
      top: unit === "%" ? 100 : undefined,
      name: `${id}-${field}`,
      summary: summary(found, measured),
      lines: [{ label: fieldName(view.device.kind, field), y: found.y, low: found.low, high: found.high }],
    });
    const how = found.bucket ? t("chart.bucket", { bucket: duration(found.width || 0) }) : t("chart.raw");
    return [element, h("p", { class: "note" }, how, found.cut && ` ${t("chart.cut")}`)];
  });
}

/** Choice of the range. */
export function ranges() {
  const chips = h("div", { class: "chips", role: "group", "aria-label": t("ranges.title") });
  /** @param {number} second */
  const local = (second) => {
    const at = new Date(second * 1000);
    at.setMinutes(at.getMinutes() - at.getTimezoneOffset());
    return at.toISOString().slice(0, 16);
  };
  const begin = h("input", { type: "datetime-local", "aria-label": t("ranges.from") }),
    end = h("input", { type: "datetime-local", "aria-label": t("ranges.to") });
  const paint = () => {
    const own = Boolean(values.from);
    fill(
      chips,
      Object.keys(RANGES).map((range) =>
        h(
          "button",
          {
            type: "button",
            "data-range": range,
            "aria-pressed": String(!own && values.range === range),
            onclick: () => {
              Object.assign(values, { range, from: "", to: "" });
              paint();
              chips.querySelector(`[data-range="${range}"]`).focus();
              draw();
            },
          },
          t(`ranges.${range}`),
        ),
      ),
    );
    const [from, to] = span(values);
    begin.value = local(from);
    end.value = local(to);
  };
  const chosen = () => {
    if (!begin.value || !end.value || begin.value >= end.value) return;
    Object.assign(values, { from: new Date(begin.value).toISOString(), to: new Date(end.value).toISOString() });
    paint();
    draw();
  };
  begin.addEventListener("change", chosen);
  end.addEventListener("change", chosen);
  paint();
  return h("div", { class: "toolbar" }, chips, h("span", { class: "field-row" }, begin, " – ", end));
}
