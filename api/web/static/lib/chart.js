import { h } from "./dom.js";
import { file, language } from "./facts.js";
import { measure, number } from "./numbers.js";
import { moment } from "./times.js";
import { onTones, tone } from "./tones.js";
import { showTable } from "./table.js";
import { t } from "./words.js";

let library;
/** uPlot, loaded when the first chart is drawn. */
const load = () =>
  (library ??= new Promise((done, fail) => {
    document.head.append(
      h("link", { rel: "stylesheet", href: file("vendor/uPlot.min.css") }),
      h("script", { src: file("vendor/uPlot.iife.min.js"), onload: () => done(window.uPlot), onerror: fail }),
    );
  }));

/** Begin to load what charts need, where one is sure to come. */
export const expectChart = () => {
  load().catch(() => {});
};

const CLOCK = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit" });
const SECONDS = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const DAY = new Intl.DateTimeFormat(language, { day: "numeric", month: "numeric" });
const MONTH = new Intl.DateTimeFormat(language, { month: "short", year: "2-digit" });
const TONES = ["accent", "warning", "ok", "quiet"];
const DASHES = [[], [8, 4], [2, 3], [10, 3, 2, 3]];

function instants(_chart, splits, _axis, _space, step) {
  return splits.map((second) => {
    const at = new Date(second * 1000);
    if (step >= 28 * 86400) return MONTH.format(at);
    if (step >= 86400 || (at.getHours() === 0 && at.getMinutes() === 0 && step >= 60)) return DAY.format(at);
    return (step < 60 ? SECONDS : CLOCK).format(at);
  });
}

/**
 * Put nothing where nothing was measured: `gaps` are {from, to}; in them the line ends and begins again.
 * `x` are seconds in order, `columns` arrays beside it. Returns new arrays.
 */
export function withGaps(x, columns, gaps) {
  const edges = gaps.map((gap) => (Date.parse(gap.from) + Date.parse(gap.to)) / 2000).sort((a, b) => a - b);
  const ours = [],
    made = columns.map(() => []);
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
 * A chart over time. `x`: seconds; `lines`: {label, y, low?, high?, fill?, digits?} with null where nothing is known;
 * `unit`; `gaps` hatched; `zero`: begin at 0 (rates, levels); `top`: least upper end; `summary`: a sentence; `group`:
 * charts of one group share their cursor; `from`, `to`: seconds; `name`: file name of the CSV. Resolves to {element, chart}.
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
  const made = { element, chart: null };
  const draw = () => {
    const held = made.chart?.cursor.idx;
    made.chart?.destroy();
    made.chart = new UPlot(shape(UPlot, options, area, read), columns(options), area);
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

function key({ lines, unit, label }) {
  const mark = (line, at) => {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("class", "icon");
    svg.setAttribute("viewBox", "0 0 16 16");
    svg.setAttribute("aria-hidden", "true");
    svg.innerHTML = `<path d="M0 8h16" stroke="${tone(TONES[at])}" stroke-width="2" stroke-dasharray="${(DASHES[at] ?? []).map((x) => x / 2).join(" ") || "none"}"/>`;
    return svg;
  };
  const names =
    lines.length > 1 ? lines.map((line, at) => h("span", { class: "nowrap" }, mark(line, at), ` ${line.label} `)) : [];
  return h("figcaption", { class: "toolbar" }, h("strong", {}, unit ? `${label} (${unit})` : label), names);
}

function columns({ x, lines }) {
  return [x, ...lines.flatMap((line) => (line.low ? [line.high, line.low, line.y] : [line.y]))];
}

function shape(UPlot, options, area, read) {
  const series = [{}],
    bands = [];
  options.lines.forEach((line, at) => {
    const stroke = tone(TONES[at % TONES.length]);
    const soft = stroke.replace("rgb(", "rgba(").replace(")", ", .22)");
    if (line.low) {
      bands.push({ series: [series.length, series.length + 1], fill: soft });
      series.push(
        { stroke: "transparent", points: { show: false } },
        { stroke: "transparent", points: { show: false } },
      );
    }
    series.push({
      label: line.label,
      stroke,
      width: 2,
      dash: DASHES[at],
      fill: line.fill ? soft : undefined,
      spanGaps: false,
      paths: line.steps && UPlot.paths.stepped({ align: 1 }),
      ours: line,
    });
  });
  const axis = {
    stroke: tone("quiet"),
    grid: { stroke: tone("line"), width: 1 },
    ticks: { stroke: tone("line"), width: 1 },
    font: "12px system-ui, sans-serif",
  };
  const highest = (low, high) => {
    if (low === null) return [0, options.top ?? 1];
    const from = options.zero ? Math.min(0, low) : low,
      to = Math.max(high, options.top ?? high);
    const air = (to - from || Math.abs(to) || 1) * 0.06;
    return [options.zero && low >= 0 ? 0 : from - air, to + air];
  };
  return {
    width: Math.max(200, Math.floor(area.clientWidth)),
    height: options.height ?? 260,
    series,
    bands,
    legend: { show: false },
    cursor: {
      sync: options.group && { key: options.group, setSeries: false },
      drag: { x: false, y: false },
      points: { size: 8 },
    },
    scales: {
      x: { time: true, range: (_u, low, high) => [options.from ?? low, options.to ?? high] },
      y: { range: (_u, low, high) => highest(low, high) },
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

function say(u, options, read) {
  const at = u.cursor.idx;
  if (at === null || at === undefined) {
    read.textContent = "";
    return;
  }
  const when = moment(u.data[0][at] * 1000, { seconds: u.data[0].at(-1) - u.data[0][0] < 7200 });
  const values = options.lines.map((line) => {
    const value = line.y[at];
    if (value === null || value === undefined) return `${line.label}: ${t("chart.nothing")}`;
    const range =
      line.low?.[at] !== null && line.low?.[at] !== undefined && line.low[at] !== line.high[at]
        ? ` (${number(line.low[at])}–${number(line.high[at])})`
        : "";
    return `${options.lines.length > 1 ? `${line.label}: ` : ""}${measure(value, options.unit, line.digits)}${range}`;
  });
  read.textContent = `${when} · ${values.join(" · ")}`;
  options.point?.(at);
}

function point(u, at) {
  u.setCursor({ left: u.valToPos(u.data[0][at], "x"), top: u.bbox.height / devicePixelRatio / 2 }, true, true);
}

function keys(event, u) {
  if (!u) return;
  const last = u.data[0].length - 1,
    at = u.cursor.idx ?? -1,
    step = event.shiftKey ? Math.max(1, Math.round(last / 20)) : 1;
  const to = { ArrowRight: at + step, ArrowLeft: at < 0 ? last : at - step, Home: 0, End: last }[event.key];
  if (to === undefined || last < 0) return;
  event.preventDefault();
  point(u, Math.max(0, Math.min(last, to)));
}

function table({ x, lines, unit }) {
  const head = [
    t("chart.time"),
    ...lines.flatMap((l) => (l.low ? [`${l.label} ${t("chart.mean")}`, t("chart.min"), t("chart.max")] : [l.label])),
  ];
  const rows = x.map((second, i) => [
    new Date(second * 1000),
    ...lines.flatMap((l) => (l.low ? [l.y[i], l.low[i], l.high[i]] : [l.y[i]])),
  ]);
  return { head: head.map((name, i) => (i && unit ? `${name} (${unit})` : name)), rows };
}
