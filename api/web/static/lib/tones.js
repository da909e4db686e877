// Colours for canvases, out of the style sheet: light-dark() resolves only as the colour of an element.
const probe = document.createElement("span");
probe.hidden = true;
document.body.append(probe);

/**
 * Colour of a custom property as it is now, such as `tone("accent")`.
 * @param {string} name
 */
export function tone(name) {
  probe.style.color = `var(--${name})`;
  return getComputedStyle(probe).color;
}

/** @type {Set<() => void>} */
const listeners = new Set();
const tell = () => {
  for (const work of listeners) work();
};
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", tell);
document.addEventListener("themechange", tell);

/**
 * Call when light and dark change.
 * @param {() => void} work
 */
export const onTones = (work) => listeners.add(work);
export const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
