import { h } from "./dom.js";
import { file, language } from "./facts.js";
import { measure, number } from "./numbers.js";
import { hourOf, moment } from "./times.js";
import { onTones, tone } from "./tones.js";
import { showTable } from "./table.js";
import { t } from "./words.js";

/**
 * A line: null where nothing is known, `low` and `high` make a band.
 * @typedef {object} ChartLine
 * @property {string} label
 * @property {Column} y
 * @property {Column} [low]
 * @property {Column} [high]
 * @property {boolean} [fill]
 * @property {boolean} [steps]
 * @property {number} [digits]
 */
/**
 * `x`, `from`, `to` in seconds; gaps hatched; `zero`: begin at 0 (rates, levels); `top`: least upper end; `summary`: a
 * sentence; `group`: charts of one group share their cursor; `name`: file name of the CSV.
 * @typedef {object} ChartOptions
 * @property {string} label
 * @property {string} [unit]
 * @property {number[]} x
 * @property {ChartLine[]} lines
 * @property {Gap[]} [gaps]
 * @property {boolean} [zero]
 * @property {number} [top]
 * @property {string} [summary]
 * @property {string} [group]
 * @property {number} [from]
 * @property {number} [to]
 * @property {number} [height]
 * @property {string} [name]
 * @property {(at: number) => void} [point]
 */

const loaded = {
  /** @type {Promise<typeof window.uPlot> | null} */
  library: null,
};
/** uPlot, loaded when the first chart is drawn. */
const load = () =>
  (loaded.library ??= new Promise((done, fail) => {
    document.head.append(
      h("link", { rel: "stylesheet", href: file("vendor/uPlot.min.css") }),
      h("script", { src: file("vendor/uPlot.iife.min.js"), onload: () => done(window.uPlot), onerror: fail }),
    );
  }));

/** Begin to load what charts need, where one is sure to come. */
export const expectChart = () => {
  load().catch(() => {});
};

const SECONDS = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const DAY = new Intl.DateTimeFormat(language, { day: "numeric", month: "numeric" });
const MONTH = new Intl.DateTimeFormat(language, { month: "short", year: "2-digit" });
const TONES = ["accent", "warning", "ok", "quiet"];
const DASHES = [[], [8, 4], [2, 3], [10, 3, 2, 3]];

/** @param {Chart} _chart @param {number[]} splits @param {number} _axis @param {number} _space @param {number} step */
function instants(_chart, splits, _axis, _space, step) {
  return splits.map((second) => {
    const at = new Date(second * 1000);
    if (step >= 28 * 86400) return MONTH.format(at);
    if (step >= 86400 || (at.getHours() === 0 && at.getMinutes() === 0 && step >= 60)) return DAY.format(at);
    return step < 60 ? SECONDS.format(at) : hourOf(at);
  });
}

/**
 * Put nothing where nothing was measured: `gaps` are {from, to}; in them the line ends and begins again.
 * `x` are seconds in order, `columns` arrays beside it. Returns new arrays.
 * @param {number[]} x
 * @param {Column[]} columns
 * @param {Gap[]} gaps
 * @returns {[number[], Column[]]}
 */
export function withGaps(x, columns, gaps) {
  const edges = gaps.map((gap) => (Date.parse(gap.from) + Date.parse(gap.to)) / 2000).sort((a, b) => a - b);
  /** @type {number[]} */
  const ours = [];
  /** @type {Column[]} */
  const made = columns.map(() => []);
  let next = 0;
  for (let i = 0; i < x.length; i++) {
    while (next < edges.length && edges[next] < x[i]) {
      ours.push(edges[next++]);
      for (const column of made) column.push(null);
    }
    ours.push(x[i]);
    columns.forEach((column, c) => made[c].push(column[i] ?? null));
  }
  return [ours, made];
}

/**
 * A chart over time; resolves to {element, chart}.
 * @param {ChartOptions} options
 */
export async function chart(options) {
  const UPlot = await load();
  const area = h("div", {
    class: "chart-area",
    tabindex: "0",
    role: "group",
    "aria-label": `${options.label}. ${options.summary ?? ""} ${t("chart.keys")}`,
  });
  const read = h("p", { class: "chart-read", "aria-live": "polite" });
  const element = h(
    "figure",
    { class: "chart" },
    key(options),
    area,
    read,
    h(
      "div",
      { class: "chart-foot" },
      h("p", { class: "summary" }, options.summary ?? ""),
      h(
        "button",
        { type: "button", onclick: () => showTable(options.label, table(options), options.name) },
        t("chart.table"),
      ),
    ),
  );
  /** @type {{element: HTMLElement, chart: Chart | null}} */
  const made = { element, chart: null };
  const draw = () => {
    const held = made.chart?.cursor.idx;
    made.chart?.destroy();
    made.chart = new UPlot(shape(UPlot, options, area, read), /** @type {any} */ (dataOf(options)), area);
    if (held !== null && held !== undefined) point(made.chart, held);
  };
  onTones(() => {
    if (element.isConnected) draw();
  });
  area.addEventListener("keydown", (event) => keys(event, made.chart));
  let width = 0;
  new ResizeObserver(([entry]) => {
    const wide = Math.floor(entry.contentRect.width);
    if (!wide || wide === width) return;
    width = wide;
    if (made.chart) made.chart.setSize({ width, height: options.height ?? 260 });
    else draw();
  }).observe(area);
  return made;
}

/** @param {ChartOptions} options */
function key({ lines, unit, label }) {
  /** @param {ChartLine} line @param {number} at */
  const mark = (line, at) => {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("class", "icon");
    svg.setAttribute("viewBox", "0 0 16 16");
    svg.setAttribute("aria-hidden", "true");
    const dashes = (DASHES[at] ?? []).map((x) => x / 2).join(" ") || "none";
    svg.innerHTML = `<path d="M0 8h16" stroke="${tone(TONES[at])}" stroke-width="2" stroke-dasharray="${dashes}"/>`;
    return svg;
  };
  const names =
    lines.length > 1 ? lines.map((line, at) => h("span", { class: "nowrap" }, mark(line, at), ` ${line.label} `)) : [];
  return h("figcaption", { class: "toolbar" }, h("strong", {}, unit ? `${label} (${unit})` : label), names);
}

/** @param {ChartOptions} options */
function dataOf({ x, lines }) {
  return [x, ...lines.flatMap((line) => (line.low ? [line.high, line.low, line.y] : [line.y]))];
}

/**
 * Series and bands of the lines: a line with a band has three, its upper edge first.
 * @param {typeof window.uPlot} UPlot
 * @param {ChartLine[]} lines
 */
function drawnLines(UPlot, lines) {
  /** @type {import("uplot").Series[]} */
  const series = [{}];
  /** @type {import("uplot").Band[]} */
  const bands = [];
  const edge = { stroke: "transparent", points: { show: false } };
  lines.forEach((line, at) => {
    const stroke = tone(TONES[at % TONES.length]);
    const soft = stroke.replace("rgb(", "rgba(").replace(")", ", .22)");
    if (line.low) {
      bands.push({ series: [series.length, series.length + 1], fill: soft });
      series.push({ ...edge }, { ...edge });
    }
    series.push({
      label: line.label,
      stroke,
      width: 2,
      dash: DASHES[at],
      fill: line.fill ? soft : undefined,
      spanGaps: false,
      paths: line.steps ? UPlot.paths.stepped?.({ align: 1 }) : undefined,
    });
  });
  return { series, bands };
}

/**
 * Lower and upper end of the scale: with some air, from zero on where `zero` says so, at least up to `top`.
 * @param {{zero?: boolean, top?: number}} options
 * @param {number | null} low
 * @param {number | null} high
 * @returns {[number, number]}
 */
export function scaleOf({ zero, top }, low, high) {
  if (low === null || high === null) return [0, top ?? 1];
  const from = zero ? Math.min(0, low) : low,
    to = Math.max(high, top ?? high);
  const air = (to - from || Math.abs(to) || 1) * 0.06;
  return [zero && low >= 0 ? 0 : from - air, to + air];
}

/**
 * @param {typeof window.uPlot} UPlot
 * @param {ChartOptions} options
 * @param {HTMLElement} area
 * @param {HTMLElement} read
 * @returns {import("uplot").Options}
 */
function shape(UPlot, options, area, read) {
  const axis = {
    stroke: tone("quiet"),
    grid: { stroke: tone("line"), width: 1 },
    ticks: { stroke: tone("line"), width: 1 },
    font: "12px system-ui, sans-serif",
  };
  return {
    ...drawnLines(UPlot, options.lines),
    width: Math.max(200, Math.floor(area.clientWidth)),
    height: options.height ?? 260,
    legend: { show: false },
    cursor: {
      sync: options.group ? { key: options.group, setSeries: false } : undefined,
      drag: { x: false, y: false },
      points: { size: 8 },
    },
    scales: {
      x: { time: true, range: (_u, low, high) => [options.from ?? low, options.to ?? high] },
      y: { range: (_u, low, high) => scaleOf(options, low, high) },
    },
    axes: [
      { ...axis, values: instants, space: 64 },
      {
        ...axis,
        values: (_u, splits) => splits.map((v) => number(v)),
        size: (_u, values) => Math.max(36, ...(values ?? []).map((v) => 14 + 7 * String(v).length)),
      },
    ],
    hooks: {
      drawClear: [(u) => hatch(u, options.gaps ?? [])],
      setCursor: [(u) => say(u, options, read)],
    },
  };
}

/** @param {Chart} u @param {Gap[]} gaps */
function hatch(u, gaps) {
  const { ctx, bbox } = u;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.strokeStyle = tone("line");
  ctx.lineWidth = devicePixelRatio;
  for (const gap of gaps) {
    const left = u.valToPos(Date.parse(gap.from) / 1000, "x", true),
      right = u.valToPos(Date.parse(gap.to) / 1000, "x", true);
    if (right - left < 2) continue;
    ctx.save();
    ctx.beginPath();
    ctx.rect(left, bbox.top, right - left, bbox.height);
    ctx.clip();
    ctx.beginPath();
    for (
      let at = Math.max(left, bbox.left) - bbox.height;
      at < Math.min(right, bbox.left + bbox.width);
      at += 8 * devicePixelRatio
    ) {
      ctx.moveTo(at, bbox.top + bbox.height);
      ctx.lineTo(at + bbox.height, bbox.top);
    }
    ctx.stroke();
    ctx.restore();
  }
  ctx.restore();
}

/** @param {Column | undefined} column @param {number} at */
const told = (column, at) => column?.[at] ?? null;

/**
 * What a line has at a point, with its band.
 * @param {ChartOptions} options
 * @param {ChartLine} line
 * @param {number} at
 */
function valueAt({ lines, unit }, line, at) {
  const value = told(line.y, at);
  if (value === null) return `${line.label}: ${t("chart.nothing")}`;
  const low = told(line.low, at),
    high = told(line.high, at);
  const range = low !== null && high !== null && low !== high ? ` (${number(low)}–${number(high)})` : "";
  return `${lines.length > 1 ? `${line.label}: ` : ""}${measure(value, unit, line.digits)}${range}`;
}

/** @param {Chart} u @param {ChartOptions} options @param {HTMLElement} read */
function say(u, options, read) {
  const at = u.cursor.idx;
  if (at === null || at === undefined) {
    read.textContent = "";
    return;
  }
  const when = moment(u.data[0][at] * 1000, { seconds: u.data[0][u.data[0].length - 1] - u.data[0][0] < 7200 });
  const values = options.lines.map((line) => valueAt(options, line, at));
  read.textContent = `${when} · ${values.join(" · ")}`;
  options.point?.(at);
}

/** @param {Chart} u @param {number} at */
function point(u, at) {
  // The third says to charts of the same group too; uPlot's types leave it out.
  /** @type {any} */ (u).setCursor(
    { left: u.valToPos(u.data[0][at], "x"), top: u.bbox.height / devicePixelRatio / 2 },
    true,
    true,
  );
}

/** @param {KeyboardEvent} event @param {Chart | null} u */
function keys(event, u) {
  if (!u) return;
  const last = u.data[0].length - 1,
    at = u.cursor.idx ?? -1,
    step = event.shiftKey ? Math.max(1, Math.round(last / 20)) : 1;
  /** @type {Record<string, number>} */
  const ways = { ArrowRight: at + step, ArrowLeft: at < 0 ? last : at - step, Home: 0, End: last };
  const to = ways[event.key];
  if (to === undefined || last < 0) return;
  event.preventDefault();
  point(u, Math.max(0, Math.min(last, to)));
}

/**
 * The same as a table.
 * @param {ChartOptions} options
 * @returns {Table}
 */
export function table({ x, lines, unit }) {
  const head = [
    t("chart.time"),
    ...lines.flatMap((l) => (l.low ? [`${l.label} ${t("chart.mean")}`, t("chart.min"), t("chart.max")] : [l.label])),
  ];
  const rows = x.map((second, i) => [
    new Date(second * 1000),
    ...lines.flatMap((l) => (l.low ? [l.y[i], l.low[i], l.high?.[i]] : [l.y[i]])),
  ]);
  return { head: head.map((name, i) => (i && unit ? `${name} (${unit})` : name)), rows };
}
