import { fill, h, icon, put } from "../../lib/dom.js";
import { measure } from "../../lib/numbers.js";
import { UNWELL } from "../../lib/states.js";
import { showTable } from "../../lib/table.js";
import { clock } from "./words.js";
import { t, valueName } from "../../lib/words.js";

/** @typedef {import("./words.js").Lamp} Lamp */

const natural = new Intl.Collator("de", { numeric: true });

/**
 * Lamps as they stand along their street: along the line that fits their positions best, from west to east.
 * @param {Lamp[]} lamps
 */
export function along(lamps) {
  const placed = lamps.filter((l) => l.lat !== null && l.lon !== null);
  const byId = [...lamps].sort((a, b) => natural.compare(a.id, b.id));
  if (placed.length < lamps.length || lamps.length < 3) return byId;
  const lat = mean(placed.map((l) => l.lat ?? 0)),
    lon = mean(placed.map((l) => l.lon ?? 0)),
    squeeze = Math.cos((lat * Math.PI) / 180);
  const points = placed.map((l) => [((l.lon ?? 0) - lon) * squeeze, (l.lat ?? 0) - lat]);
  const xx = sum(points.map(([x]) => x * x)),
    yy = sum(points.map(([, y]) => y * y)),
    xy = sum(points.map(([x, y]) => x * y));
  const turn = Math.atan2(2 * xy, xx - yy) / 2,
    way = Math.cos(turn) < -1e-9 ? -1 : 1;
  const far = new Map(
    placed.map((l, i) => [l.id, way * (points[i][0] * Math.cos(turn) + points[i][1] * Math.sin(turn))]),
  );
  return byId.sort((a, b) => (far.get(a.id) ?? 0) - (far.get(b.id) ?? 0));
}

/** @param {number[]} numbers */
const sum = (numbers) => numbers.reduce((a, b) => a + b, 0);
/** @param {number[]} numbers */
const mean = (numbers) => sum(numbers) / numbers.length;

/**
 * Names without what all of them begin with: "L07" of "Fauthweg L07".
 * @param {Lamp[]} lamps
 */
export function shortNames(lamps) {
  const names = lamps.map((l) => l.name);
  let common = names.length > 1 ? names[0].slice(0, names[0].lastIndexOf(" ") + 1) : "";
  while (common && !names.every((n) => n.startsWith(common) && n.length > common.length)) {
    common = common.slice(0, common.lastIndexOf(" ", common.length - 2) + 1);
  }
  return new Map(lamps.map((l) => [l.id, l.name.slice(common.length)]));
}

/** States in which the level is what it was, and not what it is. */
const OLD = new Set(["offline", "stale"]);

/** @param {Lamp} lamp */
function markOf(lamp) {
  if (UNWELL.has(lamp.state) || lamp.state === "unknown") return icon(lamp.state, `is-${lamp.state}`);
  return lamp.override_active ? icon("person") : "";
}

/**
 * The street: a post per lamp in order, its level as height. Space or a click chooses lamps, arrows go along; posts are
 * kept and changed in place. `choose(ids)` gets the chosen ones.
 */
export class Street {
  /** @param {HTMLElement} place @param {{choose: (ids: string[]) => void}} given */
  constructor(place, { choose }) {
    this.choose = choose;
    /** @type {Set<string>} */
    this.chosen = new Set();
    /** @type {Map<string, Record<"element" | "bar" | "asked" | "mark" | "level" | "rest", HTMLElement>>} */
    this.posts = new Map();
    /** @type {Lamp[]} */
    this.lamps = [];
    /** @type {Map<string, string>} */
    this.names = new Map();
    this.row = h("div", {
      class: "posts",
      role: "group",
      "aria-label": t("light.street_keys"),
      onkeydown: (e) => this.#key(e),
    });
    this.none = h(
      "button",
      { type: "button", class: "plain", hidden: true, onclick: () => this.select([]) },
      t("light.choose_all"),
    );
    fill(
      place,
      h(
        "div",
        { class: "card-head" },
        h("h2", {}, t("light.street")),
        h(
          "div",
          { class: "actions" },
          this.none,
          h("button", { type: "button", onclick: () => this.#table() }, icon("table"), t("chart.table")),
        ),
      ),
      this.row,
      h("p", { class: "note" }, t("light.street_note")),
    );
  }

  /**
   * Show these lamps in this order.
   * @param {Lamp[]} lamps
   */
  show(lamps) {
    this.lamps = lamps;
    this.names = shortNames(lamps);
    this.posts = new Map(lamps.map((lamp) => [lamp.id, this.#post(lamp)]));
    fill(
      this.row,
      [...this.posts.values()].map((p) => p.element),
    );
    this.#stop(lamps[0]?.id);
    this.chosen = new Set([...this.chosen].filter((id) => this.posts.has(id)));
    for (const lamp of lamps) this.update(lamp);
  }

  /**
   * Choose these and no others.
   * @param {string[]} ids
   */
  select(ids) {
    this.chosen = new Set(ids.filter((id) => this.posts.has(id)));
    for (const [id, post] of this.posts) post.element.setAttribute("aria-pressed", String(this.chosen.has(id)));
    this.none.hidden = this.chosen.size === 0;
    this.choose([...this.chosen]);
  }

  /**
   * Change what a post says.
   * @param {Lamp} lamp
   */
  update(lamp) {
    const post = this.posts.get(lamp.id);
    if (!post) return;
    this.lamps = this.lamps.map((l) => (l.id === lamp.id ? lamp : l));
    post.element.className = `post is-${lamp.state}${OLD.has(lamp.state) ? " is-old" : ""}`;
    post.bar.style.height = `${lamp.level_pct ?? 0}%`;
    const asked = lamp.in_force?.level_pct ?? null;
    post.asked.hidden = asked === null || Math.abs(asked - (lamp.level_pct ?? asked)) < 2;
    post.asked.style.bottom = `${asked ?? 0}%`;
    const level = lamp.level_pct === null ? "–" : measure(lamp.level_pct, "%", 0);
    put(post.level, level);
    fill(post.mark, markOf(lamp));
    put(post.rest, this.#said(lamp));
    post.element.title = `${this.names.get(lamp.id)}: ${level}${this.#said(lamp)}`;
  }

  /** @param {Lamp} lamp */
  #said(lamp) {
    const why = lamp.in_force?.reason ? valueName("streetlight", lamp.in_force.reason) : "";
    const until = lamp.in_force?.until ? t("light.until", { until: clock(lamp.in_force.until) }) : "";
    return ["", `${why} ${until}`.trim(), t(`state.${lamp.state}`)].join(", ");
  }

  /** @param {Lamp} lamp */
  #post(lamp) {
    const bar = h("span", { class: "post-bar" }),
      asked = h("span", { class: "post-asked", hidden: true }),
      mark = h("span", { class: "post-mark" }),
      level = h("span", { class: "post-level" }),
      rest = h("span", { class: "hidden-text" });
    const element = h(
      "button",
      {
        type: "button",
        class: "post",
        tabindex: "-1",
        "data-id": lamp.id,
        "aria-pressed": String(this.chosen.has(lamp.id)),
        onclick: () => this.#toggle(lamp.id),
      },
      mark,
      h("span", { class: "post-column", "aria-hidden": "true" }, bar, asked),
      level,
      h("span", { class: "post-name" }, this.names.get(lamp.id)),
      rest,
    );
    return { element, bar, asked, mark, level, rest };
  }

  /** @param {string} id */
  #toggle(id) {
    this.#stop(id);
    const chosen = new Set(this.chosen);
    if (!chosen.delete(id)) chosen.add(id);
    this.select([...chosen]);
  }

  /** @param {string | undefined} id */
  #stop(id) {
    for (const [one, { element }] of this.posts) element.tabIndex = one === id ? 0 : -1;
  }

  /** @param {any} event */
  #key(event) {
    const ids = [...this.posts.keys()],
      at = ids.indexOf(event.target.closest("[data-id]")?.dataset.id);
    if (at < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    /** @type {Record<string, number>} */
    const ways = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: ids.length - 1 };
    const to = ways[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const id = ids[Math.max(0, Math.min(ids.length - 1, to))];
    this.#stop(id);
    this.posts.get(id)?.element.focus();
  }

  #table() {
    const head = ["lamp", "state", "level", "asked", "why", "until", "power"].map((name) => t(`light.column.${name}`));
    const rows = this.lamps.map((l) => [
      l.name,
      t(`state.${l.state}`),
      l.level_pct,
      l.in_force?.level_pct,
      l.in_force?.reason ? valueName("streetlight", l.in_force.reason) : null,
      l.in_force?.until ? new Date(l.in_force.until) : null,
      l.power_w,
    ]);
    showTable(t("light.street"), { head, rows }, "lautern-light");
  }
}
