import { present } from "./dom.js";

const SVG = "http://www.w3.org/2000/svg";

/**
 * Build an SVG element: `s("path", {d, class}, child)`. Colours come from classes, so that light and dark need nothing.
 * @param {keyof SVGElementTagNameMap} tag
 * @param {Record<string, any>} [attributes]
 * @param {...Child} children
 */
export function s(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value);
  }
  element.append(...present(children));
  return element;
}

/**
 * Path through points [[x, y], …]; null begins it again.
 * @param {(number[] | null)[]} points
 */
export function path(points) {
  let pen = "M";
  return points
    .map((point) => {
      if (!point) {
        pen = "M";
        return "";
      }
      const text = `${pen}${point[0].toFixed(1)} ${point[1].toFixed(1)}`;
      pen = "L";
      return text;
    })
    .join("");
}

/**
 * Draw again whenever the width of `place` changes: `draw(width)` returns what stands inside.
 * @param {Element} place
 * @param {(width: number) => Child} draw
 */
export function drawn(place, draw) {
  let width = 0;
  const work = () => {
    if (width) place.replaceChildren(...present([draw(width)]));
  };
  new ResizeObserver(([entry]) => {
    const wide = Math.floor(entry.contentRect.width);
    if (wide && wide !== width) {
      width = wide;
      work();
    }
  }).observe(place);
  return work;
}
