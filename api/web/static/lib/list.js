import { focused, h, present } from "./dom.js";
import { t } from "./words.js";

const STEP = 200;

/**
 * A list to choose from: one stop for Tab, arrows inside, Enter chooses. Rows are kept by id and changed in place; they
 * are ordered when `show` is called, never under the pointer.
 * @template {{id: string}} T
 */
export class List {
  /**
   * `row(item, parts)` fills a row: called once with an empty `parts`, later with what it returned before.
   * @param {object} how
   * @param {string} how.label
   * @param {(item: T, parts: any, element: HTMLElement) => any} how.row
   * @param {(id: string) => void} how.choose
   * @param {() => Child} [how.empty]
   */
  constructor({ label, row, choose, empty }) {
    this.row = row;
    this.choose = choose;
    this.empty = empty;
    /** @type {Map<string | null | undefined, {element: HTMLElement, parts: any}>} */
    this.rows = new Map();
    /** @type {T[]} */
    this.items = [];
    /** @type {string | null | undefined} */
    this.chosen = null;
    this.most = STEP;
    this.box = h("div", {
      class: "list",
      role: "listbox",
      "aria-label": label,
      onkeydown: (e) => this.#key(e),
      onclick: (e) => this.#click(e),
    });
    this.end = h("div", { class: "list-end" });
    this.element = h("div", {}, this.box, this.end);
  }

  /**
   * Show these items in this order.
   * @param {T[]} items
   */
  show(items) {
    this.items = items;
    this.most = Math.max(STEP, Math.min(this.most, items.length));
    const held = this.box.contains(focused()) ? focused().dataset.id : null;
    this.rows.clear();
    this.box.replaceChildren(...items.slice(0, this.most).map((item) => this.#make(item)));
    this.#ends();
    this.#stop(held ?? this.chosen);
    if (held) this.rows.get(held)?.element.focus({ preventScroll: true });
  }

  /**
   * Change what a row says, where it is shown.
   * @param {T} item
   */
  update(item) {
    const row = this.rows.get(item.id);
    if (row) this.row(item, row.parts, row.element);
  }

  /**
   * Mark as chosen, without calling `choose`; brings it into view.
   * @param {string | null | undefined} id
   */
  select(id) {
    this.rows.get(this.chosen)?.element.setAttribute("aria-selected", "false");
    this.chosen = id;
    const row = this.rows.get(id);
    row?.element.setAttribute("aria-selected", "true");
    row?.element.scrollIntoView({ block: "nearest" });
    this.#stop(id);
  }

  focus() {
    (this.box.querySelector('[tabindex="0"]') ?? this.box.firstElementChild)?.focus();
  }

  /** @param {T} item */
  #make(item) {
    const element = h("div", {
      role: "option",
      "data-id": item.id,
      tabindex: "-1",
      "aria-selected": String(item.id === this.chosen),
    });
    const parts = this.row(item, null, element);
    this.rows.set(item.id, { element, parts });
    return element;
  }

  #ends() {
    const left = this.items.length - this.most;
    this.box.hidden = this.items.length === 0;
    this.end.replaceChildren();
    if (this.items.length === 0) this.end.append(...present([this.empty?.()]));
    else if (left > 0) {
      this.end.append(
        h("span", {}, t("list.shown", { shown: this.most, n: this.items.length })),
        h("button", { type: "button", onclick: () => this.#more() }, t("list.more", { n: Math.min(STEP, left) })),
      );
    }
    this.end.hidden = !this.end.firstChild;
  }

  #more() {
    const from = this.most;
    this.most = Math.min(this.items.length, from + STEP);
    this.box.append(...this.items.slice(from, this.most).map((item) => this.#make(item)));
    this.#ends();
    this.#go(this.box.children[from]);
  }

  /** @param {string | null | undefined} id */
  #stop(id) {
    for (const element of this.box.querySelectorAll('[tabindex="0"]')) element.tabIndex = -1;
    const element = this.rows.get(id)?.element ?? this.box.firstElementChild;
    if (element instanceof HTMLElement) element.tabIndex = 0;
  }

  /** @param {any} element */
  #go(element) {
    if (!element) return;
    this.#stop(element.dataset.id);
    element.focus();
  }

  /** @param {any} event */
  #click(event) {
    const element = event.target.closest('[role="option"]');
    if (!element || event.target.closest("a, button")) return;
    this.#stop(element.dataset.id);
    this.choose(element.dataset.id);
  }

  /** @param {any} event */
  #key(event) {
    const element = event.target.closest('[role="option"]');
    if (!element || event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.max(1, Math.floor(300 / element.offsetHeight));
    const at = [...this.box.children].indexOf(element);
    /** @type {Record<string, number>} */
    const ways = {
      ArrowDown: at + 1,
      ArrowUp: at - 1,
      Home: 0,
      End: this.box.children.length - 1,
      PageDown: at + page,
      PageUp: at - page,
    };
    const to = ways[event.key];
    if (to !== undefined) {
      event.preventDefault();
      if (to >= this.box.children.length && this.most < this.items.length) this.#more();
      else this.#go(this.box.children[Math.max(0, Math.min(this.box.children.length - 1, to))]);
    } else if (event.key === "Enter" || event.key === " ") {
      if (event.target !== element) return;
      event.preventDefault();
      this.choose(element.dataset.id);
    }
  }
}
