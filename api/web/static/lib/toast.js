import { byId, h } from "./dom.js";
import { t } from "./words.js";

const SECONDS = { plain: 8, alarm: 20 };

/**
 * A short message at the edge; `action` {text, run} such as undo. Screen readers hear it, it takes no focus.
 * @param {string} text
 * @param {{action?: {text: string, run: () => unknown}, alarm?: boolean}} [how]
 */
export function toast(text, { action = undefined, alarm = false } = {}) {
  const note = h("div", { class: alarm ? "toast is-alarm" : "toast" }, h("span", {}, text));
  const gone = () => note.remove();
  if (action) {
    note.append(
      h(
        "button",
        {
          type: "button",
          onclick: () => {
            gone();
            action.run();
          },
        },
        action.text,
      ),
    );
  }
  note.append(h("button", { type: "button", onclick: gone }, t("shell.close")));
  byId("toasts").append(note);
  let timer = setTimeout(gone, SECONDS[alarm ? "alarm" : "plain"] * 1000);
  const stay = () => clearTimeout(timer);
  note.addEventListener("pointerenter", stay);
  note.addEventListener("focusin", stay);
  note.addEventListener("pointerleave", () => {
    timer = setTimeout(gone, 3000);
  });
  while (byId("toasts").children.length > 4) byId("toasts").firstChild?.remove();
}

/**
 * Say what went wrong with something a person asked for.
 * @param {any} problem
 */
export const tellProblem = (problem) => toast(problem.message, { alarm: true });

/**
 * Say to screen readers only.
 * @param {string} text
 */
export function sayAloud(text) {
  const log = byId("aloud");
  log.append(h("p", {}, text));
  while (log.children.length > 5) log.firstChild?.remove();
}
