import { patch, post, read } from "../lib/api.js";
import { ask, confirm, field } from "../lib/dialog.js";
import { h } from "../lib/dom.js";
import { language } from "../lib/facts.js";
import { check } from "../lib/form.js";
import { showOnce } from "../lib/one_time_secret.js";
import { tellProblem } from "../lib/toast.js";
import { t } from "../lib/words.js";

/** @param {string} channel */
const addressField = (channel, value = "") =>
  field(
    "address",
    t(`notifications.address.${channel}`),
    {
      type: channel === "email" ? "email" : "url",
      required: true,
      maxlength: 2000,
      value,
      autocomplete: "off",
      spellcheck: false,
    },
    t(`notifications.address_note.${channel}`),
  );
const nameField = (value = "") =>
  field(
    "name",
    t("notifications.name"),
    { required: true, maxlength: 200, value, autocomplete: "off" },
    t("notifications.name_note"),
  );
/** @param {string} value */
const languageField = (value) =>
  field("language", t("notifications.language"), {
    tag: "select",
    options: ["de", "en"].map((one) => [one, t(`people.language.${one}`)]),
    value,
  });

/** @param {{name: string, secret: string | null}} made */
const showSecret = ({ name, secret }) =>
  showOnce(t("notifications.secret_title", { name }), t("notifications.secret_text"), secret ?? "");

/** Ask for a new target; shows the secret of a webhook. Resolves with it, or undefined. */
export async function newTarget() {
  const address = h("div", { class: "form" }, addressField("email"));
  const channel = field("channel", t("notifications.channel"), {
    tag: "select",
    options: ["email", "webhook"].map((one) => [one, t(`notifications.channel.${one}`)]),
    onchange: ({ target }) => address.replaceChildren(...addressField(target.value)),
  });
  const made = await ask(
    t("notifications.target_add"),
    [nameField(), channel, address, languageField(language)],
    t("notifications.add"),
    ({ name, channel: by, address: to, language: speaks }) =>
      post("/notification-targets", { name: name.trim(), channel: by, address: to.trim(), language: speaks }),
  );
  if (made?.secret) await showSecret(made);
  return made;
}

/**
 * Ask for changes of a target; resolves with it, or undefined.
 * @param {{id: string}} target
 */
export async function changeTarget({ id }) {
  const path = `/notification-targets/${id}`,
    { found, etag } = await read(path),
    enabled = check(t("notifications.target_enabled"), found.enabled);
  const renew =
    found.channel === "webhook" &&
    h(
      "p",
      {},
      h("button", { type: "button", class: "plain", onclick: () => renewSecret(found) }, t("notifications.secret_new")),
    );
  return ask(
    found.name,
    [
      nameField(found.name),
      addressField(found.channel, found.address),
      languageField(found.language),
      enabled.element,
      renew,
    ],
    t("notifications.save"),
    (data) => {
      /** @type {Record<string, any>} */
      const body = { name: data.name.trim(), language: data.language, enabled: enabled.value() };
      if (data.address !== found.address) body.address = data.address.trim();
      return patch(path, body, etag);
    },
  );
}

/** @param {{id: string, name: string}} target */
async function renewSecret(target) {
  document.querySelector("dialog[open]")?.close();
  if (
    !(await confirm(
      t("notifications.secret_new"),
      t("notifications.secret_warning", { name: target.name }),
      t("notifications.secret_new"),
      { danger: true },
    ))
  ) {
    return;
  }
  await post(`/notification-targets/${target.id}/secret`).then(showSecret, tellProblem);
}
