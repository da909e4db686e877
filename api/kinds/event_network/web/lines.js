import { chart, withGaps } from "../../lib/chart.js";
import { fill, h, icon, put } from "../../lib/dom.js";
import { moment } from "../../lib/times.js";
import { showTable } from "../../lib/table.js";
import { measure } from "../../lib/numbers.js";
import { t } from "../../lib/words.js";
import { runs, small } from "./small_chart.js";
import { nearest, peakOf } from "./sentence.js";
import { bare, lineKey, lineName, rate, volume } from "./words.js";

/** @typedef {import("./words.js").CityEvent} CityEvent */
/** @typedef {import("./words.js").Live} Live */
/** @typedef {import("./words.js").Line} Line */
/** @typedef {import("./words.js").Way} Way */
/** @typedef {import("./words.js").RatePoint} RatePoint */
/** @typedef {import("./words.js").Series} Series */
/**
 * @typedef {object} LinesState
 * @property {CityEvent} event
 * @property {Live} current
 * @property {Series | null} series
 * @property {Way} direction
 * @property {string} scale
 * @property {string} line
 */

/** Service classes and areas of an event: a small chart each, and one of them large. */
export class Lines {
  /** @param {{choose: (key: string) => void}} given */
  constructor({ choose }) {
    this.choose = choose;
    /** @type {LinesState} */
    this.state = /** @type {any} */ (null);
    /** @type {Map<string, any>} */
    this.cards = new Map();
    this.drawn = "";
    this.chosen = "";
    this.large = h("section", { class: "card event-large", hidden: true });
    this.grid = h("div", { class: "event-lines" });
    this.element = h("div", {}, this.grid, h("p", { class: "note event-key" }, this.#key()), this.large);
  }

  /**
   * Whether a series is being read.
   * @param {boolean} is
   */
  wait(is) {
    if (is) this.grid.setAttribute("aria-busy", "true");
    else this.grid.removeAttribute("aria-busy");
  }

  /**
   * Show the event as it is now and was in the series.
   * @param {LinesState} state
   */
  show(state) {
    this.state = state;
    const { current } = state;
    const keys = current.lines.map(lineKey);
    if (keys.join() !== [...this.cards.keys()].join()) {
      this.cards = new Map(current.lines.map((line) => [lineKey(line), this.#card(line)]));
      fill(
        this.grid,
        [...this.cards.values()].map((c) => c.element),
      );
    }
    const top = this.#top();
    for (const line of current.lines) this.#update(this.cards.get(lineKey(line)), line, top);
    this.#enlarge();
  }

  /** @param {Line} line */
  #stored(line) {
    return this.state.series?.lines.find((l) => lineKey(l) === lineKey(line))?.[this.state.direction] ?? [];
  }

  /** @param {Line} line */
  #high(line) {
    return Math.max(
      line[this.state.direction].booked_bps ?? 0,
      peakOf(this.#stored(line))?.bps ?? 0,
      line[this.state.direction].used_bps ?? 0,
      1e5,
    );
  }

  #top() {
    return this.state.scale === "one"
      ? Math.max(1e5, ...this.state.current.lines.map((l) => this.#high(l))) * 1.05
      : null;
  }

  /** @param {Line} line */
  #card(line) {
    const key = lineKey(line),
      picture = small(),
      mark = h("span"),
      now = h("p", { class: "line-now" }),
      foot = h("p", { class: "note" });
    const name = h("button", { type: "button", class: "line-name", onclick: () => this.choose(key) }, lineName(line));
    const table = h(
      "button",
      { type: "button", class: "plain", onclick: () => this.#table(key) },
      icon("table"),
      h("span", { class: "hidden-text" }, `${t("chart.table")}: ${lineName(line)}`),
    );
    const element = h(
      "article",
      { class: "card line" },
      h("div", { class: "line-head" }, h("h2", {}, name), mark, table),
      now,
      picture.element,
      foot,
    );
    return { element, picture, mark, now, foot, name };
  }

  /** @param {any} card @param {Line} line @param {number | null} top */
  #update(card, line, top) {
    const { direction, series } = this.state,
      way = line[direction],
      stored = this.#stored(line);
    const booked = way.booked_bps;
    card.element.classList.toggle("is-chosen", lineKey(line) === this.chosen);
    fill(card.mark, this.#mark(line));
    put(
      card.now,
      booked === null
        ? t("event.line.unbooked", { used: rate(way.used_bps) })
        : t("event.line.now", { used: bare(way.used_bps), booked: rate(booked) }),
    );
    const peak = peakOf(stored),
      bytes = stored.reduce((sum, p) => sum + (p.volume_bytes ?? 0), 0);
    const above = way.provisioned_bps !== null && way.provisioned_bps > (top ?? this.#high(line) * 1.05);
    put(
      card.foot,
      [
        peak && t("event.line.peak", { peak: rate(peak.bps), at: moment(peak.at) }),
        series && volume(bytes),
        above && t("event.line.provisioned_above", { rate: rate(way.provisioned_bps) }),
      ]
        .filter(Boolean)
        .join(" · "),
    );
    if (series) {
      card.picture.show({
        points: stored,
        step: series.width * 1000,
        from: series.from,
        to: Math.max(series.to, series.from + 1),
        top: top ?? this.#high(line) * 1.05,
        booked,
        provisioned: way.provisioned_bps,
      });
    }
  }

  /** @param {Line} line */
  #mark(line) {
    if (line.breaches.length) {
      return h(
        "span",
        { class: "state is-alarm" },
        icon("alarm"),
        h("span", {}, line.breaches.map((b) => t(`event.breach.${b.reason}`)).join(", ")),
      );
    }
    if (line.down.used_bps === null && line.up.used_bps === null) {
      return h("span", { class: "state is-stale" }, icon("stale"), h("span", {}, t("event.line.silent")));
    }
    if (line.coverage_pct < 100) {
      return h(
        "span",
        { class: "state is-warning" },
        icon("warning"),
        h("span", {}, t("event.line.covered", { share: measure(line.coverage_pct, "%", 0) })),
      );
    }
    if (line.down.saturated || line.up.saturated) {
      return h("span", { class: "state is-warning" }, icon("warning"), h("span", {}, t("event.line.full")));
    }
    return h(
      "span",
      { class: "state is-ok" },
      icon("ok"),
      h("span", {}, line.booking_id ? t("event.line.kept") : t("event.line.measured")),
    );
  }

  #key() {
    /** @param {string} name */
    const sample = (name) => h("span", { class: `key-sample ${name}`, "aria-hidden": "true" });
    return [
      ["used", "is-used"],
      ["peak", "is-peak"],
      ["booked", "is-booked"],
      ["provisioned", "is-provisioned"],
      ["gap", "is-gap"],
    ].map(([name, look]) => h("span", { class: "nowrap" }, sample(look), ` ${t(`event.key.${name}`)}`));
  }

  async #enlarge() {
    const { current, series, direction, line: wanted } = this.state;
    const chosen =
      current.lines.find((l) => lineKey(l) === wanted) ?? nearest(current, series, direction)?.line ?? current.lines[0];
    if (!chosen || !series) {
      this.large.hidden = !series;
      return;
    }
    const until = series.to - (series.to % (series.width * 1000));
    const drawn = [lineKey(chosen), direction, series.from, this.#stored(chosen).length, until].join(" ");
    this.chosen = lineKey(chosen);
    for (const [key, card] of this.cards) {
      card.element.classList.toggle("is-chosen", key === this.chosen);
      card.name.setAttribute("aria-pressed", String(key === this.chosen));
    }
    if (drawn === this.drawn) return;
    this.drawn = drawn;
    const made = await chart(this.#chart(chosen, series));
    if (this.drawn !== drawn) return;
    this.large.hidden = false;
    fill(this.large, made.element);
  }

  /** @param {Line} line @param {Series} series */
  #chart(line, series) {
    const { direction } = this.state,
      stored = this.#stored(line),
      way = line[direction];
    const x = stored.map((p) => Date.parse(p.start) / 1000 + series.width / 2),
      mbit = (/** @type {number | null} */ v) => (v === null ? null : v / 1e6);
    const used = stored.map((p) => mbit(p.mean_bps)),
      peak = stored.map((p) => mbit(p.max_bps ?? p.mean_bps));
    const gaps = runs(stored, series.width * 1000).gaps.map((g) => ({
      from: new Date(g.from).toISOString(),
      to: new Date(g.to).toISOString(),
    }));
    const [times, [mean, high]] = withGaps(x, [used, peak], []);
    /** @param {number | null} bps */
    const level = (bps) => times.map(() => mbit(bps));
    /** @type {import("../../lib/chart.js").ChartLine[]} */
    const shown = [{ label: t("event.key.used"), y: mean, low: mean, high, fill: true }];
    const top = Math.max(way.booked_bps ?? 0, peakOf(stored)?.bps ?? 0);
    if (way.booked_bps !== null) shown.push({ label: t("event.key.booked"), y: level(way.booked_bps) });
    if (way.provisioned_bps !== null && way.provisioned_bps <= 1.5 * top) {
      shown.push({ label: t("event.key.provisioned"), y: level(way.provisioned_bps) });
    }
    const best = peakOf(stored);
    const summary = best
      ? t("event.line.summary", {
          peak: rate(best.bps),
          at: moment(best.at),
          booked: way.booked_bps === null ? t("event.line.nothing") : rate(way.booked_bps),
          n: gaps.length,
        })
      : t("event.line.no_data");
    return {
      label: `${lineName(line)}, ${t(`event.direction.${direction}`)}`,
      unit: "Mbit/s",
      x: times,
      lines: shown,
      gaps,
      zero: true,
      summary,
      from: series.from / 1000,
      to: series.to / 1000,
      height: 280,
      name: `lautern-${this.state.event.id}-${lineKey(line)}`,
    };
  }

  /** @param {string} key */
  #table(key) {
    const line = this.state.current.lines.find((l) => lineKey(l) === key),
      { direction, series } = this.state;
    if (!series || !line) return;
    const head = [
      t("chart.time"),
      `${t("event.key.used")} (Mbit/s)`,
      `${t("event.key.peak")} (Mbit/s)`,
      t("event.column.volume"),
    ];
    const rows = this.#stored(line).map((p) => [
      new Date(p.start),
      p.mean_bps === null ? null : p.mean_bps / 1e6,
      p.max_bps === null ? null : p.max_bps / 1e6,
      p.volume_bytes === null ? null : p.volume_bytes / 1e9,
    ]);
    showTable(
      `${lineName(line)}, ${t(`event.direction.${direction}`)}`,
      { head, rows },
      `lautern-${this.state.event.id}-${key}`,
    );
  }
}
