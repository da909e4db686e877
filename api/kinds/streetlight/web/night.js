import { get } from "../../lib/api.js";
import { fill, h, icon, put } from "../../lib/dom.js";
import { language } from "../../lib/facts.js";
import { measure } from "../../lib/numbers.js";
import { drawn, path, s } from "../../lib/svg.js";
import { showTable } from "../../lib/table.js";
import { now } from "../../lib/times.js";
import { t } from "../../lib/words.js";
import { clock } from "./words.js";

const HOUR = 3600e3,
  BUCKET = 10 * 60e3,
  MOST = 12,
  HEIGHT = 180;
const EDGE = { left: 44, right: 12, top: 28, bottom: 24 };
const FULL = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit" });

/** The night as a band from sunset to sunrise: what the lamps did so far, what is planned, where we are. */
export class Night {
  constructor(place) {
    this.place = place;
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

  async read(group, lamps) {
    this.found = await get("/light-night", { group }).catch((problem) => {
      if (problem.status === undefined) throw problem;
      return null;
    });
    this.place.hidden = !this.found?.sunset || !this.found.sunrise;
    if (this.place.hidden) return;
    const sunset = Date.parse(this.found.sunset),
      sunrise = Date.parse(this.found.sunrise);
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
    if (now() - (this.readAt ?? 0) > BUCKET) this.#history().then(() => this.tick());
    put(this.sentence, this.#said());
    this.area.setAttribute("aria-label", this.#said());
    this.draw();
  }

  async #history() {
    this.readAt = now();
    const from = new Date(this.span.from).toISOString();
    const answers =
      this.span.from < now() - 60e3
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
    const byTime = new Map();
    for (const { items } of answers) {
      for (const { ts, values } of items) {
        const level = values.level_pct?.mean;
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
    const { sunset, sunrise } = this.span,
      at = now();
    const words = { sunset: clock(sunset), sunrise: clock(sunrise) };
    if (at < sunset) return t("light.night_comes", words);
    if (at > sunrise) return t("light.night_was", words);
    return t("light.night_now", { ...words, left: this.#left(sunrise - at) });
  }

  #left(ms) {
    const hours = Math.floor(ms / HOUR),
      minutes = Math.floor((ms % HOUR) / 60e3);
    return t("light.left", { hours, minutes });
  }

  #drawing(width) {
    if (!this.span) return [];
    const { from, to, sunset, sunrise } = this.span,
      inner = width - EDGE.left - EDGE.right,
      tall = HEIGHT - EDGE.top - EDGE.bottom;
    const x = (ms) => EDGE.left + ((ms - from) / (to - from)) * inner,
      y = (pct) => EDGE.top + tall * (1 - pct / 100);
    const floor = y(0),
      late = x(now()) > width - 60;
    const ticks = [];
    const step = inner < 420 ? 4 : 2,
      first = new Date(from);
    first.setMinutes(0, 0, 0);
    for (let at = first.getTime(); at <= to; at += HOUR) {
      if (at >= from && new Date(at).getHours() % step === 0) ticks.push(at);
    }
    const parts = this.#runs().map((run) => [
      s("path", {
        class: "night-done",
        d: `${path([
          [x(run[0].at), floor],
          ...run.flatMap((p) => [
            [x(p.at), y(p.mean)],
            [x(Math.min(p.at + BUCKET, now())), y(p.mean)],
          ]),
          [x(Math.min(run.at(-1).at + BUCKET, now())), floor],
        ])}Z`,
      }),
      s("path", {
        class: "night-line",
        d: path(
          run.flatMap((p) => [
            [x(p.at), y(p.mean)],
            [x(Math.min(p.at + BUCKET, now())), y(p.mean)],
          ]),
        ),
      }),
    ]);
    fill(
      this.key,
      h(
        "span",
        {},
        this.asked.length < this.n
          ? t("light.night_sample", { n: this.asked.length, of: this.n })
          : t("light.night_mean", { n: this.n }),
      ),
      this.found.programs.length ? h("span", {}, t("light.night_plan")) : h("span", {}, t("light.night_no_plan")),
    );
    return s(
      "svg",
      { width, height: HEIGHT, viewBox: `0 0 ${width} ${HEIGHT}`, "aria-hidden": "true", class: "night" },
      s("rect", { class: "night-day", x: EDGE.left, y: EDGE.top, width: inner, height: tall }),
      s("rect", {
        class: "night-dark",
        x: x(Math.max(from, sunset)),
        y: EDGE.top,
        width: Math.max(0, x(Math.min(to, sunrise)) - x(Math.max(from, sunset))),
        height: tall,
      }),
      [0, 50, 100].map((pct) => [
        s("path", { class: "night-grid", d: `M${EDGE.left} ${y(pct)}H${width - EDGE.right}` }),
        s("text", { class: "night-text", x: EDGE.left - 6, y: y(pct) + 4, "text-anchor": "end" }, measure(pct, "%", 0)),
      ]),
      ticks.map((at) => [
        s("path", { class: "night-grid", d: `M${x(at)} ${floor}v4` }),
        s("text", { class: "night-text", x: x(at), y: HEIGHT - 6, "text-anchor": "middle" }, FULL.format(at)),
      ]),
      parts,
      this.#plans().map((d) => s("path", { class: "night-plan", d: d(x, y) })),
      this.#event(x(sunset), t("light.sunset"), sunset, inner),
      this.#event(x(sunrise), t("light.sunrise"), sunrise, inner),
      s("path", { class: "night-now", d: `M${x(now())} ${EDGE.top - 6}V${floor}` }),
      s(
        "text",
        {
          class: "night-now-text",
          x: x(now()) + (late ? -5 : 5),
          y: EDGE.top + 12,
          "text-anchor": late ? "end" : "start",
        },
        t("light.now"),
      ),
    );
  }

  #event(at, name, instant, inner) {
    const wide = inner > 520;
    return [
      s("path", { class: "night-sun", d: `M${at} ${EDGE.top}v${HEIGHT - EDGE.top - EDGE.bottom}` }),
      s(
        "text",
        { class: "night-text", x: at, y: EDGE.top - 12, "text-anchor": this.#anchor(at, inner) },
        wide ? `${name} ${FULL.format(instant)}` : FULL.format(instant),
      ),
    ];
  }

  #anchor(at, inner) {
    return at < EDGE.left + 70 ? "start" : at > EDGE.left + inner - 70 ? "end" : "middle";
  }

  #runs() {
    const runs = [];
    for (const point of this.levels ?? []) {
      if (!runs.length || point.at - runs.at(-1).at(-1).at > BUCKET * 1.5) runs.push([]);
      runs.at(-1).push(point);
    }
    return runs;
  }

  #plans() {
    const { from, to } = this.span;
    return this.found.programs.map(({ steps }) => (x, y) => {
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
    const rows = (this.levels ?? []).map((p) => [new Date(p.at), p.mean, p.low, p.high]);
    showTable(t("light.night"), { head, rows }, "lautern-night");
  }
}
