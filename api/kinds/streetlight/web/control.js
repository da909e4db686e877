import { get, post, refusal } from "../../lib/api.js";
import { fill, h, put, settled } from "../../lib/dom.js";
import { measure } from "../../lib/numbers.js";
import { me } from "../../lib/page.js";
import { deliveryMark } from "../../lib/states.js";
import { sayAloud } from "../../lib/toast.js";
import { now } from "../../lib/times.js";
import { t } from "../../lib/words.js";
import { clock, listed } from "./words.js";

/** @typedef {import("./words.js").Lamp} Lamp */
/**
 * What is to be dimmed.
 * @typedef {object} Target
 * @property {Lamp[]} lamps
 * @property {Item<"/light-groups"> | null | undefined} group
 * @property {Map<string, string>} names
 * @property {string | null} sunrise
 */
/**
 * An order whose commands are followed until each has an end.
 * @typedef {object} Followed
 * @property {string} what
 * @property {boolean} undo
 * @property {Target} target
 * @property {Command[]} commands
 * @property {Set<string>} wires
 * @property {number} until
 * @property {string | null} group
 * @property {boolean} [done]
 * @property {boolean} [told]
 */

const LONGEST_MS = 12 * 3600e3;
const FAILED = new Set(["rejected", "failed", "undeliverable", "expired", "unknown", "cancelled"]);
/** @type {[string, number][]} */
const LENGTHS = [
  ["30m", 30 * 60e3],
  ["2h", 2 * 3600e3],
];
const FOLLOW_MS = 120_000;

/** Unguessable and without repetition; randomUUID exists on secure origins only. */
const fresh = () =>
  [...crypto.getRandomValues(new Uint8Array(16))].map((b) => b.toString(16).padStart(2, "0")).join("");

/** @param {string} name */
const lengthOf = (name) => LENGTHS.find(([one]) => one === name)?.[1] ?? 0;

/** The form that dims what is aimed at, and what came of it lamp by lamp. */
export class Control {
  /** @param {HTMLElement} place @param {{changed: () => void}} given */
  constructor(place, { changed }) {
    this.changed = changed;
    this.length = "2h";
    /** @type {string | null} none offered yet; "" by day, when the next is far */
    this.sunrise = null;
    /** @type {Target} */
    this.target = { lamps: [], group: null, names: new Map(), sunrise: null };
    /** @type {Followed | null} */
    this.followed = null;
    /** @type {HTMLInputElement} */
    this.level = h("input", {
      type: "range",
      min: 0,
      max: 100,
      step: 5,
      value: 80,
      "aria-label": t("light.level"),
      oninput: () => this.#levelled(this.level, this.exact),
    });
    /** @type {HTMLInputElement} */
    this.exact = h("input", {
      type: "number",
      min: 0,
      max: 100,
      step: 1,
      value: 80,
      required: true,
      inputmode: "numeric",
      "aria-label": t("light.level_exact"),
      oninput: () => this.#levelled(this.exact, this.level),
    });
    this.lengths = h("div", { class: "chips", role: "group", "aria-label": t("light.how_long") });
    this.reason = h("input", {
      id: "light-reason",
      maxlength: 200,
      autocomplete: "off",
      placeholder: t("light.reason_example"),
    });
    this.scope = h("p", { class: "scope" });
    this.send = h("button", { class: "primary" });
    this.back = h("button", { type: "button", class: "back", onclick: () => this.#resume() }, t("light.resume"));
    this.problem = h("p", { class: "problem", role: "alert", hidden: true });
    this.results = h("div", { class: "results" });
    this.#build(place);
  }

  /** @param {HTMLElement} place */
  #build(place) {
    fill(
      place,
      h("h2", {}, t("light.control")),
      this.scope,
      h(
        "form",
        {
          class: "form",
          onsubmit: (event) => {
            event.preventDefault();
            this.#dim();
          },
        },
        h("div", { class: "level-row" }, this.level, this.exact, h("span", { "aria-hidden": "true" }, "%")),
        this.lengths,
        h("label", { for: "light-reason" }, t("light.reason")),
        this.reason,
        this.problem,
        h("div", { class: "actions primary-outdoors" }, this.send),
      ),
      this.back,
      this.results,
    );
  }

  /**
   * What is to be dimmed: all of a group, or some lamps.
   * @param {Target} target
   */
  aim(target) {
    this.target = target;
    const { lamps, group, names, sunrise } = target,
      online = lamps.filter((l) => l.status === "online").length;
    put(
      this.scope,
      group
        ? t("light.scope.group", { n: lamps.length, group: group.name, online })
        : t("light.scope.some", { n: lamps.length, which: listed(lamps.map((l) => names.get(l.id) ?? l.id)), online }),
    );
    const left = sunrise ? Date.parse(sunrise) - now() : 0;
    const key = `${left > 0 && left < LONGEST_MS ? sunrise : ""}`;
    if (key !== this.sunrise) {
      this.sunrise = key;
      if (!key && this.length === "sunrise") this.length = "2h";
      fill(
        this.lengths,
        [
          ...LENGTHS.map(([name]) => [name, t(`light.length.${name}`)]),
          ...(key ? [["sunrise", t("light.length.sunrise", { at: clock(key) })]] : []),
        ].map(([name, text]) =>
          h(
            "button",
            {
              type: "button",
              "data-length": name,
              onclick: () => {
                this.length = name;
                this.#said();
              },
            },
            text,
          ),
        ),
      );
    }
    this.back.disabled = !lamps.some(
      (l) => l.override_active || l.asked?.some((a) => a.effect === "pending" || a.effect === "in_force"),
    );
    this.#said();
  }

  /**
   * News of commands from the stream.
   * @param {{commands: Record<string, any>}} news
   */
  heard({ commands }) {
    const wires = this.followed?.wires;
    if (wires && Object.values(commands).some((c) => wires.has(c.wire_id))) this.look();
  }

  /** @param {HTMLInputElement} from @param {HTMLInputElement} to */
  #levelled(from, to) {
    if (from.value === "") return;
    to.value = from.value;
    this.#said();
  }

  #until() {
    return this.length === "sunrise" ? new Date(this.sunrise ?? 0) : new Date(now() + lengthOf(this.length));
  }

  #said() {
    for (const button of this.lengths.querySelectorAll("button")) {
      button.setAttribute("aria-pressed", String(button.dataset.length === this.length));
    }
    put(
      this.send,
      t("light.send", {
        n: this.target.lamps.length,
        level: measure(Number(this.exact.value), "%", 0),
        until: clock(this.#until()),
      }),
    );
  }

  async #dim() {
    const emergency = me.roles.includes("emergency") && !me.roles.includes("light_operator");
    /** @type {Record<string, any>} */
    const body = {
      name: "dim",
      arguments: { level_pct: Number(this.exact.value), ...(emergency ? { priority: "emergency" } : {}) },
      reason: this.reason.value.trim(),
    };
    if (this.length === "sunrise") body.until = this.#until().toISOString();
    else body.duration_s = lengthOf(this.length) / 1000;
    await this.#order(
      body,
      t("light.done.dim", { level: measure(body.arguments.level_pct, "%", 0), until: clock(this.#until()) }),
      true,
    );
  }

  async #resume(target = this.target) {
    const emergency = me.roles.includes("emergency") && !me.roles.includes("light_operator");
    const body = {
      name: "resume",
      arguments: emergency ? { priority: "emergency" } : {},
      reason: this.reason.value.trim(),
    };
    await this.#order(body, t("light.done.resume"), false, target);
  }

  /** @param {any} body @param {string} what @param {boolean} undo */
  async #order(body, what, undo, target = this.target) {
    const { lamps, group } = target,
      key = fresh();
    this.problem.hidden = true;
    this.send.disabled = this.back.disabled = true;
    try {
      const filed = group
        ? (
            await post(`/light-groups/${encodeURIComponent(group.id)}/commands`, body, {
              headers: { "Idempotency-Key": key },
            })
          ).commands
        : await Promise.all(
            lamps.map((l, i) =>
              post(`/devices/${encodeURIComponent(l.id)}/commands`, body, {
                headers: { "Idempotency-Key": `${key}-${i}` },
              }),
            ),
          );
      const followed = {
        what,
        undo,
        target,
        commands: filed,
        wires: new Set(filed.map((c) => c.wire_id)),
        until: Date.now() + FOLLOW_MS,
        group: group ? filed[0].wire_id : null,
      };
      this.followed = followed;
      this.#show();
      this.#follow(followed);
    } catch (thrown) {
      fill(this.problem, refusal(thrown).message).hidden = false;
    } finally {
      this.send.disabled = false;
      this.changed();
    }
  }

  // The stream says at once that something happened; a question now and then covers a stream that is lost.
  /** @param {Followed} followed */
  async #follow(followed) {
    while (this.followed === followed && !followed.done && Date.now() < followed.until) {
      await new Promise((done) => setTimeout(done, 2000));
      if (this.followed === followed) await this.#look();
    }
  }

  look = settled(120, () => this.#look());

  async #look() {
    const followed = this.followed;
    if (!followed || followed.done) return;
    try {
      followed.commands = followed.group
        ? (await get(`/group-commands/${followed.group}`)).commands
        : await Promise.all(followed.commands.map((c) => get(`/commands/${c.id}`)));
    } catch (thrown) {
      refusal(thrown);
      return;
    }
    if (this.followed === followed) this.#show();
  }

  #show() {
    const followed = this.followed;
    if (!followed) return;
    const { commands, target, what } = followed,
      { names } = target,
      n = commands.length;
    const applied = commands.filter((c) => c.delivery === "applied").length,
      broken = commands.filter((c) => FAILED.has(c.delivery)),
      open = n - applied - broken.length;
    const text = open
      ? t("light.result.open", { n, applied, failed: broken.length })
      : broken.length
        ? t("light.result.failed", { n, applied, failed: broken.length })
        : t("light.result.applied", { n });
    const rows = [...broken, ...commands.filter((c) => !FAILED.has(c.delivery))];
    followed.done = open === 0;
    if (followed.done && !followed.told) {
      followed.told = true;
      sayAloud(`${what} ${text}`);
      this.changed();
    }
    fill(
      this.results,
      h(
        "div",
        { class: "card-head" },
        h("h3", {}, what),
        followed.undo && h("button", { type: "button", onclick: () => this.#resume(target) }, t("light.undo")),
      ),
      h("p", { class: broken.length ? "result-text is-alarm" : "result-text" }, text),
      h(
        "ul",
        { class: "result-list" },
        rows.map((c) =>
          h(
            "li",
            {},
            h("strong", {}, names.get(c.asset_id) ?? c.asset_id),
            deliveryMark(c.delivery),
            c.answer && FAILED.has(c.delivery) && h("span", { class: "quiet" }, c.answer),
          ),
        ),
      ),
    );
  }
}
