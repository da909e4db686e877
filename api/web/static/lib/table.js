import { h } from "./dom.js";
import { tell } from "./dialog.js";
import { number } from "./numbers.js";
import { toast } from "./toast.js";
import { moment } from "./times.js";
import { t } from "./words.js";

const MOST = 1000;
/** @param {string} cell */
const quoted = (cell) => (/[",\n;]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);
/** @param {Cell} cell */
const plain = (cell) =>
  cell instanceof Date ? cell.toISOString() : cell === null || cell === undefined ? "" : quoted(String(cell));
/** @param {Cell} cell */
const shown = (cell) =>
  cell instanceof Date
    ? moment(cell, { seconds: true })
    : cell === null || cell === undefined
      ? "–"
      : typeof cell === "number"
        ? number(cell)
        : String(cell);

/**
 * CSV with UTC times and decimal points, as programs read it.
 * @param {Table} table
 */
export const csv = ({ head, rows }) => [head, ...rows].map((row) => row.map(plain).join(",")).join("\r\n");

/**
 * A table in a dialog, to be copied or kept as CSV. `table`: {head: [text], rows: [[Date|number|text|null]]}.
 * @param {string} title
 * @param {Table} table
 */
export function showTable(title, table, name = "lautern") {
  const copy = h(
    "button",
    {
      type: "button",
      onclick: async () => {
        await navigator.clipboard.writeText(csv(table)).then(
          () => toast(t("chart.copied", { n: table.rows.length })),
          () => toast(t("chart.not_copied"), { alarm: true }),
        );
      },
    },
    t("chart.copy"),
  );
  const address = URL.createObjectURL(new Blob(["\ufeff", csv(table)], { type: "text/csv" }));
  const kept = h("a", { class: "button", href: address, download: `${name}.csv` }, t("chart.save"));
  /** @param {Cell[]} row */
  const cells = (row) => row.map((cell, i) => h("td", { class: i && "number" }, shown(cell)));
  const more =
    table.rows.length > MOST && h("p", { class: "note" }, t("chart.rows", { shown: MOST, n: table.rows.length }));
  const content = [
    h("div", { class: "toolbar" }, copy, kept),
    more,
    h(
      "div",
      { class: "table-wrap", tabindex: "0", role: "group", "aria-label": title },
      h(
        "table",
        {},
        h(
          "thead",
          {},
          h(
            "tr",
            {},
            table.head.map((text, i) => h("th", { scope: "col", class: i && "number" }, text)),
          ),
        ),
        h(
          "tbody",
          {},
          table.rows.slice(0, MOST).map((row) => h("tr", {}, cells(row))),
        ),
      ),
    ),
  ];
  return tell(title, content, { wide: true }).then(() => URL.revokeObjectURL(address));
}
