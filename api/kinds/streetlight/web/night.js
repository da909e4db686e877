import { get, refusal } from "../../lib/api.js";
import { fill, h, icon, put } from "../../lib/dom.js";
import { measure } from "../../lib/numbers.js";
import { drawn, path, s } from "../../lib/svg.js";
import { showTable } from "../../lib/table.js";
import { hourOf, now } from "../../lib/times.js";
import { t } from "../../lib/words.js";
import { clock } from "./words.js";

const HOUR = 3600e3,
  BUCKET = 10 * 60e3,
  MOST = 12,
  HEIGHT = 180;
const EDGE = { left: 44, right: 12, top: 28, bottom: 24 };

/** @typedef {{at: number, mean: number, low: number, high: number}} Level */
/** @typedef {(value: number) => number} Scale */
/** @typedef {{sunset: number, sunrise: number, from: number, to: number}} Span */

const TALL = HEIGHT - EDGE.top - EDGE.bottom;
/** @type {Scale} */
const heightOf = (pct) => EDGE.top + TALL * (1 - pct / 100);

/** The night as a band from sunset to sunrise: what the lamps did so far, what is planned, where we are. */
export class Night {
  /** @param {HTMLElement} place */
  constructor(place) {
    this.place = place;
    /** @type {Answer<"/light-night"> | null} */
    this.found = null;
    /** @type {Span | null} */
    this.span = null;
    /** @type {{id: string}[]} */
    this.asked = [];
    /** @type {Level[]} */
    this.levels = [];
    this.n = 0;
    this.readAt = 0;
    this.sentence = h("p", { class: "summary" });
    this.area = h("div", { class: "night-area", role: "img" });
    fill(
      place,
      h(
        "div",
        { class: "card-head" },
        h("h2", {}, t("light.night")),
        h("button", { type: "button", onclick: () => this.#table() }, icon("table"), t("chart.table")),
      ),
      this.sentence,
      this.area,
      (this.key = h("p", { class: "night-key note" })),
    );
    this.draw = drawn(this.area, (width) => this.#drawing(width));
  }

  get sunrise() {
    return this.found?.sunrise ?? null;
  }

  /** @param {string} group @param {{id: string}[]} lamps */
  async read(group, lamps) {
    this.found = await get("/light-night", { group }).catch((thrown) => refusal(thrown) && null);
    const night = this.found;
    this.place.hidden = !night?.sunset || !night.sunrise;
    if (!night?.sunset || !night.sunrise) return;
    const sunset = Date.parse(night.sunset),
      sunrise = Date.parse(night.sunrise);
    this.span = { sunset, sunrise, from: Math.min(sunset - HOUR, now()), to: Math.max(sunrise + HOUR, now()) };
    const step = Math.max(1, Math.ceil(lamps.length / MOST));
    this.asked = lamps.filter((_, i) => i % step === 0);
    this.n = lamps.length;
    await this.#history();
    this.tick();
  }

  /** Move the line of now; called from time to time. */
  tick() {
    if (!this.span) return;
    if (now() - this.readAt > BUCKET) this.#history().then(() => this.tick());
    put(this.sentence, this.#said());
    this.area.setAttribute("aria-label", this.#said());
    this.draw();
  }

  async #history() {
    this.readAt = now();
    const begin = this.span?.from ?? now();
    const from = new Date(begin).toISOString();
    const answers =
      begin < now() - 60e3
        ? await Promise.all(
            this.asked.map((lamp) =>
              get(`/devices/${encodeURIComponent(lamp.id)}/telemetry`, {
                fields: "level_pct",
                bucket: "10m",
                agg: "mean",
                from,
              }).catch(() => ({ items: [] })),
            ),
          )
        : [];
    /** @type {Map<number, number[]>} */
    const byTime = new Map();
    for (const { items } of answers) {
      for (const { ts, values } of items) {
        const level = /** @type {any} */ (values.level_pct)?.mean;
        if (typeof level === "number") byTime.set(Date.parse(ts), [...(byTime.get(Date.parse(ts)) ?? []), level]);
      }
    }
    this.levels = [...byTime]
      .sort(([a], [b]) => a - b)
      .map(([at, all]) => ({
        at,
        mean: all.reduce((x, y) => x + y, 0) / all.length,
        low: Math.min(...all),
        high: Math.max(...all),
      }));
  }

  #said() {
    if (!this.span) return "";
    const { sunset, sunrise } = this.span,
      at = now();
    const words = { sunset: clock(sunset), sunrise: clock(sunrise) };
    if (at < sunset) return t("light.night_comes", words);
    if (at > sunrise) return t("light.night_was", words);
    return t("light.night_now", { ...words, left: this.#left(sunrise - at) });
  }

  /** @param {number} ms */
  #left(ms) {
    const hours = Math.floor(ms / HOUR),
      minutes = Math.floor((ms % HOUR) / 60e3);
    return t("light.left", { hours, minutes });
  }

  /** @param {number} width */
  #drawing(width) {
    if (!this.span) return [];
    const { from, to, sunset, sunrise } = this.span,
      inner = width - EDGE.left - EDGE.right;
    /** @type {Scale} */
    const x = (ms) => EDGE.left + ((ms - from) / (to - from)) * inner;
    const dark = [x(Math.max(from, sunset)), x(Math.min(to, sunrise))];
    this.#showKey();
    return s(
      "svg",
      { width, height: HEIGHT, viewBox: `0 0 ${width} ${HEIGHT}`, "aria-hidden": "true", class: "night" },
      s("rect", { class: "night-day", x: EDGE.left, y: EDGE.top, width: inner, height: TALL }),
      s("rect", { class: "night-dark", x: dark[0], y: EDGE.top, width: Math.max(0, dark[1] - dark[0]), height: TALL }),
      this.#grid(x, width),
      this.#runs().map((run) => this.#done(run, x)),
      this.#plans().map((d) => s("path", { class: "night-plan", d: d(x, heightOf) })),
      this.#event(x(sunset), t("light.sunset"), sunset, inner),
      this.#event(x(sunrise), t("light.sunrise"), sunrise, inner),
      this.#now(x(now()), width),
    );
  }

  #showKey() {
    const { length } = this.asked;
    const mean =
      length < this.n ? t("light.night_sample", { n: length, of: this.n }) : t("light.night_mean", { n: this.n });
    const plan = t(this.found?.programs.length ? "light.night_plan" : "light.night_no_plan");
    fill(this.key, h("span", {}, mean), h("span", {}, plan));
  }

  /**
   * Levels across, whole hours along.
   * @param {Scale} x
   * @param {number} width
   */
  #grid(x, width) {
    const { from, to } = /** @type {Span} */ (this.span);
    const step = width - EDGE.left - EDGE.right < 420 ? 4 : 2;
    const ticks = [];
    for (let at = new Date(from).setMinutes(0, 0, 0); at <= to; at += HOUR) {
      if (at >= from && new Date(at).getHours() % step === 0) ticks.push(at);
    }
    return [
      [0, 50, 100].map((pct) => [
        s("path", { class: "night-grid", d: `M${EDGE.left} ${heightOf(pct)}H${width - EDGE.right}` }),
        s(
          "text",
          { class: "night-text", x: EDGE.left - 6, y: heightOf(pct) + 4, "text-anchor": "end" },
          measure(pct, "%", 0),
        ),
      ]),
      ticks.map((at) => [
        s("path", { class: "night-grid", d: `M${x(at)} ${heightOf(0)}v4` }),
        s("text", { class: "night-text", x: x(at), y: HEIGHT - 6, "text-anchor": "middle" }, hourOf(at)),
      ]),
    ];
  }

  /**
   * What lamps did, each level as long as its bucket.
   * @param {Level[]} run
   * @param {Scale} x
   */
  #done(run, x) {
    const end = (/** @type {Level} */ p) => x(Math.min(p.at + BUCKET, now()));
    const steps = run.flatMap((p) => [
      [x(p.at), heightOf(p.mean)],
      [end(p), heightOf(p.mean)],
    ]);
    return [
      s("path", {
        class: "night-done",
        d: `${path([[x(run[0].at), heightOf(0)], ...steps, [end(run.at(-1)), heightOf(0)]])}Z`,
      }),
      s("path", { class: "night-line", d: path(steps) }),
    ];
  }

  /** @param {number} at @param {number} width */
  #now(at, width) {
    const late = at > width - 60;
    const place = { x: at + (late ? -5 : 5), y: EDGE.top + 12, "text-anchor": late ? "end" : "start" };
    return [
      s("path", { class: "night-now", d: `M${at} ${EDGE.top - 6}V${heightOf(0)}` }),
      s("text", { class: "night-now-text", ...place }, t("light.now")),
    ];
  }

  /** @param {number} at @param {string} name @param {number} instant @param {number} inner */
  #event(at, name, instant, inner) {
    const wide = inner > 520;
    return [
      s("path", { class: "night-sun", d: `M${at} ${EDGE.top}v${TALL}` }),
      s(
        "text",
        { class: "night-text", x: at, y: EDGE.top - 12, "text-anchor": this.#anchor(at, inner) },
        wide ? `${name} ${hourOf(instant)}` : hourOf(instant),
      ),
    ];
  }

  /** @param {number} at @param {number} inner */
  #anchor(at, inner) {
    return at < EDGE.left + 70 ? "start" : at > EDGE.left + inner - 70 ? "end" : "middle";
  }

  #runs() {
    /** @type {Level[][]} */
    const runs = [];
    for (const point of this.levels) {
      if (!runs.length || point.at - runs.at(-1).at(-1).at > BUCKET * 1.5) runs.push([]);
      runs.at(-1).push(point);
    }
    return runs;
  }

  #plans() {
    if (!this.span || !this.found) return [];
    const { from, to } = this.span;
    return this.found.programs.map(({ steps }) => (/** @type {Scale} */ x, /** @type {Scale} */ y) => {
      /** @type {number[][]} */
      const points = [];
      let level = null;
      for (const { start, level_pct: next } of steps) {
        const at = Math.min(to, Math.max(from, Date.parse(start)));
        if (level !== null) points.push([x(at), y(level)]);
        points.push([x(at), y(next)]);
        level = next;
      }
      if (level !== null) points.push([x(to), y(level)]);
      return path(points);
    });
  }

  #table() {
    const head = [t("chart.time"), ...["mean", "min", "max"].map((name) => `${t(`chart.${name}`)} (%)`)];
    const rows = this.levels.map((p) => [new Date(p.at), p.mean, p.low, p.high]);
    showTable(t("light.night"), { head, rows }, "lautern-night");
  }
}
