import { tell } from "./dialog.js";
import { h, icon } from "./dom.js";
import { toast } from "./toast.js";
import { t } from "./words.js";

/**
 * Show a secret this once, to be copied: a link, a key.
 * @param {string} title
 * @param {string} text
 * @param {string} secret
 */
export function showOnce(title, text, secret) {
  /** @type {HTMLInputElement} */
  const field = h("input", {
    type: "text",
    readonly: true,
    value: secret,
    class: "mono once",
    "aria-label": title,
    onfocus: () => field.select(),
  });
  const copied = () => toast(t("people.copied"));
  const copy = h(
    "button",
    {
      type: "button",
      class: "primary",
      onclick: async () => {
        // The clipboard is there on secure origins only; elsewhere the text is chosen, to be copied by hand.
        if (!navigator.clipboard) {
          field.select();
          if (document.execCommand("copy")) copied();
          return;
        }
        await navigator.clipboard.writeText(secret).then(copied, () => field.select());
      },
    },
    icon("copy"),
    t("people.copy"),
  );
  return tell(title, [h("p", {}, text), h("div", { class: "once-row" }, field, copy)]);
}
