import { all, get, post, remove } from "../lib/api.js";
import { fromAddress, toAddress } from "../lib/address.js";
import { empty } from "../lib/blank.js";
import { ask, confirm, field } from "../lib/dialog.js";
import { byId, fill, h, icon } from "../lib/dom.js";
import { showOnce } from "../lib/one_time_secret.js";
import { answer, me, reading, start } from "../lib/page.js";
import { roleName } from "../lib/roles.js";
import { rowButton, stack } from "../lib/stacked_table.js";
import { ago, moment, now, timeOf } from "../lib/times.js";
import { tellProblem, toast } from "../lib/toast.js";
import { t } from "../lib/words.js";

/** @typedef {Item<"/api-keys">} Key */

const ADDRESS = { revoked: "" };
const SOON_MS = 14 * 864e5,
  YEAR_MS = 365 * 864e5;

await start();
const content = byId("content"),
  asked = fromAddress(ADDRESS);
const view = {
  /** @type {Key[]} */
  keys: [],
  /** @type {Item<"/roles">[]} */
  roles: [],
};

/** @param {Key} key */
const live = (key) => !key.revoked_at && !(key.expires_at && Date.parse(key.expires_at) <= now());
/** @param {Key} key */
const ending = (key) => live(key) && key.expires_at && Date.parse(key.expires_at) - now() < SOON_MS;

function sentence() {
  const valid = view.keys.filter(live),
    soon = view.keys.filter(ending),
    idle = valid.filter((k) => !k.last_used_at);
  if (!valid.length) return t("keys.answer_none");
  return [
    t("keys.answer", { n: valid.length }),
    soon.length > 0 && t("keys.answer_soon", { n: soon.length, which: soon.map((k) => k.name).join(", ") }),
    idle.length > 0 && t("keys.answer_idle", { n: idle.length }),
  ]
    .filter(Boolean)
    .join(" ");
}

/** @param {Key} key */
function stateMark(key) {
  const [name, look, word] = key.revoked_at
    ? ["close", "is-offline", "revoked"]
    : !live(key)
      ? ["stale", "is-offline", "expired"]
      : ending(key)
        ? ["warning", "is-warning", "ending"]
        : ["ok", "is-ok", "valid"];
  return h("span", { class: `state ${look}` }, icon(name), h("span", {}, t(`keys.state.${word}`)));
}

/** @param {Key} key */
function maker({ created_by: by }) {
  if (!by) return t("keys.by_unknown");
  return by.startsWith("machine:") ? t("keys.by_machine") : by.replace(/^user:/, "");
}

/** @param {Key} key */
function row(key) {
  return h(
    "tr",
    {},
    h(
      "th",
      { scope: "row" },
      h("span", { class: "person-name" }, key.name),
      h("span", { class: "quiet mono" }, `${key.prefix}…`),
    ),
    h(
      "td",
      { "data-label": t("keys.scopes") },
      h(
        "ul",
        { class: "scopes" },
        key.scopes.map((s) => h("li", { class: "mono" }, s)),
      ),
    ),
    h("td", { "data-label": t("keys.by") }, maker(key)),
    h("td", { "data-label": t("keys.state") }, stateMark(key)),
    h("td", { "data-label": t("keys.expires") }, key.expires_at ? timeOf(key.expires_at) : t("keys.never")),
    h("td", { "data-label": t("keys.used") }, timeOf(key.last_used_at, ago)),
    h(
      "td",
      {},
      live(key) &&
        key.yours_to_revoke &&
        h(
          "div",
          { class: "row-actions" },
          rowButton(t("keys.revoke"), key.name, () => revoke(key)),
        ),
    ),
  );
}

function show() {
  answer(sentence());
  const all_ = h(
    "label",
    {},
    h("input", {
      type: "checkbox",
      checked: asked.revoked === "1",
      onchange: ({ target }) => {
        asked.revoked = target.checked ? "1" : "";
        toAddress(asked, ADDRESS);
        read();
      },
    }),
    t("keys.show_revoked"),
  );
  const bar = h(
    "div",
    { class: "toolbar" },
    h("button", { type: "button", class: "primary", onclick: create }, t("keys.create")),
    all_,
  );
  if (!view.keys.length) {
    fill(content, bar, h("div", { class: "card" }, empty(t("keys.none"), t("keys.none_text"))));
    return;
  }
  fill(
    content,
    bar,
    h(
      "div",
      { class: "card" },
      stack(
        ["name", "scopes", "by", "state", "expires", "used"].map((name) => t(`keys.${name}`)),
        view.keys.map(row),
        t("people.actions"),
      ),
    ),
  );
}

async function create() {
  const scopes = h("textarea", {
    name: "scopes",
    id: "key-scopes",
    required: true,
    rows: 4,
    class: "mono",
    spellcheck: false,
    "aria-describedby": "key-scopes-note",
  });
  const like = h(
    "select",
    {
      id: "key-like",
      onchange: () => {
        if (like.value) scopes.value = view.roles.find((r) => r.role === like.value)?.scopes.join("\n") ?? "";
      },
    },
    [
      ["", t("keys.like_none")],
      ...view.roles.filter((r) => r.yours_to_give).map((r) => [r.role, roleName(r.role)]),
    ].map(([value, text]) => h("option", { value }, text)),
  );
  const year = new Date(now() + YEAR_MS).toISOString().slice(0, 10);
  const fields = [
    field("name", t("keys.name"), { required: true, maxlength: 200, autocomplete: "off" }, t("keys.name_note")),
    view.roles.length > 0 && [h("label", { for: "key-like" }, t("keys.like")), like],
    h("label", { for: "key-scopes" }, t("keys.scopes")),
    scopes,
    h("p", { class: "note", id: "key-scopes-note" }, t("keys.scopes_note", { mine: me.scopes.join(", ") })),
    field(
      "expires",
      t("keys.expires"),
      { type: "date", value: year, min: new Date(now() + 864e5).toISOString().slice(0, 10) },
      t("keys.expires_note"),
    ),
  ];
  const made = await ask(t("keys.create"), fields, t("keys.create_send"), (data) =>
    post("/api-keys", {
      name: data.name.trim(),
      scopes: data.scopes.split(/[\s,]+/).filter(Boolean),
      ...(data.expires ? { expires_at: new Date(`${data.expires}T23:59:59`).toISOString() } : {}),
    }),
  );
  if (!made) return;
  await read();
  await showOnce(
    t("keys.made", { name: made.name }),
    t("keys.made_text", { until: made.expires_at ? moment(made.expires_at) : t("keys.never") }),
    made.key,
  );
}

/** @param {Key} key */
async function revoke(key) {
  if (
    !(await confirm(t("keys.revoke_title", { name: key.name }), t("keys.revoke_text"), t("keys.revoke"), {
      danger: true,
    }))
  ) {
    return;
  }
  await remove(`/api-keys/${key.id}`).then(() => toast(t("keys.revoked", { name: key.name })), tellProblem);
  await read();
}

const read = reading(async () => {
  [{ items: view.keys }, view.roles] = await Promise.all([
    get("/api-keys", { revoked: asked.revoked === "1" ? true : undefined }),
    me.may("users:admin") ? all("/roles") : [],
  ]);
  show();
});

await read();
