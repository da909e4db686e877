import { h, icon, put } from "./dom.js";
import { ago, renew, timeOf } from "./times.js";
import { kindName, t } from "./words.js";

/**
 * What a row holds and last showed.
 * @typedef {{state: State | null, alarms?: number, word: HTMLElement, age: HTMLElement, time?: HTMLElement}} RowParts
 */

/**
 * Row of a device in a list: its state's icon, name, word, kind and age. See List.
 * @param {Thing} item
 * @param {RowParts | null} parts
 * @param {any} element
 */
export function deviceRow(item, parts, element) {
  if (!parts) {
    const made = { mark: null, state: null, word: h("span", { class: "side" }), age: h("span", { class: "side sub" }) };
    element.append(
      h("span", {}),
      h("span", { class: "title" }, item.name),
      made.word,
      h("span", { class: "sub" }, item.name === item.id ? kindName(item.kind) : `${kindName(item.kind)} · ${item.id}`),
      made.age,
    );
    deviceRow(item, made, element);
    return made;
  }
  if (parts.state !== item.state || parts.alarms !== item.alarms) {
    element.firstChild.replaceChildren(icon(item.state, `is-${item.state}`));
    parts.word.className = `side is-${item.state}`;
    put(
      parts.word,
      item.alarms > 1
        ? t("town.state_alarms", { state: t(`state.${item.state}`), n: item.alarms })
        : t(`state.${item.state}`),
    );
    parts.state = item.state;
    parts.alarms = item.alarms;
  }
  if (!item.seen) return parts;
  if (parts.time) renew(parts.time, item.seen);
  else parts.age.append((parts.time = timeOf(item.seen, ago)));
  return parts;
}
