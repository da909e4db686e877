import { get } from "./api.js";
import { STATES, UNWELL, stateOf } from "./states.js";
import { t } from "./words.js";

/** @typedef {Omit<Thing, "state"> & {state?: State}} Unjudged */

/** A town's devices, kept up to date: read once, then changed by what the live stream says. */
export class Town {
  /**
   * `changed(items)` is called with those whose state or place is another, at most once a frame or so by the caller.
   * @param {{changed: (items: Thing[], heard?: News["devices"]) => void}} given
   */
  constructor({ changed }) {
    /** @type {Map<string, Thing>} */
    this.items = new Map();
    /** @type {Answer<"/city">["groups"]} */
    this.groups = [];
    /** @type {Map<string, Set<string>>} */
    this.members = new Map();
    this.changed = changed;
    /**
     * Called when what there is may be another.
     * @type {() => void}
     */
    this.reread = () => {};
  }

  async read() {
    const found = await get("/city");
    this.groups = found.groups;
    this.items = new Map(
      found.items.map((item) => [
        item.id,
        this.#judge({
          id: item.id,
          kind: item.kind,
          name: item.name,
          title: item.name,
          lat: item.lat,
          lon: item.lon,
          status: item.status,
          seen: item.last_seen_at ? Date.parse(item.last_seen_at) : null,
          silentAfter: item.silent_after_s,
          worst: item.worst,
          alarms: item.alarms,
        }),
      ]),
    );
    this.members = new Map(this.groups.map((group) => [group.id, new Set(group.members)]));
    return found.change_id;
  }

  /**
   * Handlers for the live stream.
   * @returns {Told}
   */
  get on() {
    /** @param {News} news @param {Change} change */
    const heard = ({ devices }, { at }) => this.#heard(devices, Date.parse(at));
    return {
      telemetry: heard,
      state: heard,
      info: heard,
      status: ({ devices }, { at }) => {
        for (const device of devices) {
          const item = this.items.get(device.device_id);
          if (item) item.status = device.values.state;
        }
        this.#heard(devices, Date.parse(at));
      },
      device: () => this.reread(),
      alarm: () => this.reread(),
    };
  }

  /** Time alone makes things stale: look again. */
  age() {
    this.changed([...this.items.values()].filter((item) => this.#judge(item).turned));
  }

  /** @param {News["devices"]} devices @param {number} at */
  #heard(devices, at) {
    const turned = [];
    for (const { device_id: id } of devices) {
      const item = this.items.get(id);
      if (!item) continue;
      item.seen = at;
      if (this.#judge(item).turned) turned.push(item);
    }
    this.changed(turned, devices);
  }

  /** @param {Unjudged} item @returns {Thing} */
  #judge(item) {
    const state = stateOf(item);
    item.turned = item.state !== undefined && item.state !== state;
    item.state = state;
    return /** @type {Thing} */ (item);
  }
}

/**
 * Those that pass: by kind, state, group and text.
 * @param {Town} town
 * @param {Values} wanted
 */
export function filtered(town, { kind, state, group, q }) {
  const members = group ? town.members.get(group) : null;
  const text = q.trim().toLocaleLowerCase();
  const wanted = state ? new Set(state.split(",")) : null;
  return [...town.items.values()].filter(
    (item) =>
      (!kind || item.kind === kind) &&
      (!wanted || wanted.has(item.state)) &&
      (!group || members?.has(item.id)) &&
      (!text || item.name.toLocaleLowerCase().includes(text) || item.id.toLocaleLowerCase().includes(text)),
  );
}

const names = new Intl.Collator(undefined, { numeric: true });
/**
 * Gravest first, then by name as people count.
 * @param {Thing} a
 * @param {Thing} b
 */
export const urgent = (a, b) =>
  Number(UNWELL.has(b.state)) - Number(UNWELL.has(a.state)) ||
  (UNWELL.has(a.state) ? STATES.indexOf(a.state) - STATES.indexOf(b.state) : 0) ||
  names.compare(a.name, b.name);

/**
 * "Alle 10 Geräte melden sich; eines hat Alarm (L07)."
 * @param {Thing[]} items
 */
export function sentence(items) {
  /** @param {State} state */
  const count = (state) => items.filter((item) => item.state === state);
  const alarm = count("alarm"),
    warning = count("warning"),
    away = [...count("offline"), ...count("stale")],
    never = count("unknown");
  if (!items.length) return t("town.none");
  /** @param {Thing[]} some */
  const named = (some) =>
    some.length <= 3
      ? some
          .map((i) => i.name)
          .sort(names.compare)
          .join(", ")
      : "";
  /** @param {string} key @param {Thing[]} some */
  const say = (key, some) =>
    some.length ? t(named(some) ? `town.${key}_named` : `town.${key}`, { n: some.length, names: named(some) }) : "";
  const told = [say("alarm", alarm), say("away", away), say("warning", warning), say("never", never)].filter(Boolean);
  const whole = t(away.length || never.length ? "town.some" : "town.all", {
    n: items.length,
    well: items.length - away.length - never.length,
  });
  return told.length ? `${whole}; ${told.join("; ")}.` : `${whole}.`;
}
