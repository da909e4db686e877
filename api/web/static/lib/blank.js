import { Problem } from "./api.js";
import { fill, h, icon } from "./dom.js";
import { t } from "./words.js";

/**
 * A designed state in place of content: what is the matter and what to do next.
 * @param {string} name
 * @param {string} title
 * @param {string} [text]
 * @param {...Child} more
 */
export function blank(name, title, text, ...more) {
  return h("div", { class: "blank" }, icon(name), h("strong", {}, title), text && h("p", {}, text), ...more);
}

export const loading = () => blank("waiting", t("shell.loading"));
/** @param {string} title @param {string} [text] @param {...Child} more */
export const empty = (title, text, ...more) => blank("empty", title, text, ...more);

/**
 * State for a Problem: forbidden, not found, or failed with a button to try again.
 * @param {any} problem
 * @param {() => void} [again]
 */
export function failed(problem, again) {
  if (problem.status === 403) return blank("lock", t("shell.forbidden"), t("shell.forbidden_text"));
  if (problem.status === 404) return blank("empty", t("shell.not_found"), t("shell.not_found_text"));
  const retry = again && h("button", { type: "button", onclick: again }, t("shell.again"));
  return blank("offline", t("shell.failed"), problem.message, retry);
}

/**
 * Show what `work` makes inside `place`: loading, then its result, or why it failed.
 * @param {HTMLElement} place
 * @param {() => Child | Promise<Child> | void | Promise<void>} work
 */
export async function shown(place, work) {
  fill(place, loading());
  place.setAttribute("aria-busy", "true");
  try {
    const made = await work();
    if (made) fill(place, made);
  } catch (problem) {
    if (!(problem instanceof Problem)) console.error(problem);
    fill(
      place,
      failed(problem, () => shown(place, work)),
    );
  } finally {
    place.removeAttribute("aria-busy");
  }
}
