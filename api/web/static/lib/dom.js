import { file, page } from "./facts.js";

const LEFT_OUT = [false, null, undefined];

/**
 * What there is of children, lists among them.
 * @param {Child[]} children
 */
export const present = (children) =>
  /** @type {(Node | string)[]} */ (
    children.flat(/** @type {1} */ (4)).filter((c) => !LEFT_OUT.includes(/** @type {any} */ (c)))
  );

/** @param {any} element @param {string} name @param {any} value */
function set(element, name, value) {
  if (LEFT_OUT.includes(value)) return;
  if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
  else if (name === "value" || name === "checked") element[name] = value;
  else element.setAttribute(name, value === true ? "" : name === "href" ? page(value) : value);
}

/**
 * Build an element: `h("p", {class: "note", onclick}, "text", child)`. False, null and undefined are left out.
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Attributes} [attributes]
 * @param {...Child} children
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) set(element, name, value);
  element.append(...present(children));
  return element;
}

const SVG = "http://www.w3.org/2000/svg";

/**
 * An icon of the sprite, drawn with the text's colour; it says nothing to screen readers, the word beside it does.
 * @param {string} name
 */
export function icon(name, more = "") {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", `icon ${more}`);
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `${file("icons.svg")}#${name}`);
  svg.append(use);
  return svg;
}

/**
 * What the page's template has under this id.
 * @param {string} id
 * @returns {Found}
 */
export const byId = (id) => /** @type {Found} */ (document.getElementById(id));

/**
 * What has the focus.
 * @returns {any}
 */
export const focused = () => document.activeElement;

const given = { ids: 0 };
/**
 * An id that no other element of the page has.
 * @param {string} name
 */
export const freshId = (name) => `${name}-${++given.ids}`;

/**
 * Put text in place only where it differs: nothing is announced or redrawn for nothing.
 * @param {Element} element
 * @param {string} text
 */
export function put(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * Replace what is inside.
 * @template {Element} E
 * @param {E} element
 * @param {...Child} children
 */
export function fill(element, ...children) {
  element.replaceChildren(...present(children));
  return element;
}

/**
 * Replace what is inside; what had the focus, by its `data-key`, has it again, or else the first button.
 * @param {Element} place
 * @param {...Child} children
 */
export function refill(place, ...children) {
  const held = place.contains(focused()) && focused().dataset.key;
  /** @param {string} key */
  const alike = (key) => [...place.querySelectorAll(`[data-key="${CSS.escape(key)}"]`)];
  const at = held ? alike(held).indexOf(focused()) : 0;
  fill(place, children);
  if (held) (alike(held)[at] ?? place.querySelector("button"))?.focus();
}

/**
 * Call at most once a frame, however often it is asked for.
 * @param {() => void} work
 */
export function eachFrame(work) {
  let asked = 0;
  return () => {
    asked ||= requestAnimationFrame(() => {
      asked = 0;
      work();
    });
  };
}

/**
 * Call when nothing more came for so many ms.
 * @template {any[]} V
 * @param {number} ms
 * @param {(...values: V) => unknown} work
 * @returns {(...values: V) => void}
 */
export function settled(ms, work) {
  let timer = 0;
  return (...values) => {
    clearTimeout(timer);
    timer = setTimeout(() => work(...values), ms);
  };
}
