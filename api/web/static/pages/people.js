import { all, patch, post, read as readTagged, remove } from "../lib/api.js";
import { fromAddress, toAddress } from "../lib/address.js";
import { empty } from "../lib/blank.js";
import { chips } from "../lib/choices.js";
import { ask, confirm, field } from "../lib/dialog.js";
import { byId, fill, h, icon, refill } from "../lib/dom.js";
import { showOnce } from "../lib/one_time_secret.js";
import { answer, me, reading, start } from "../lib/page.js";
import { heldText, least, limits, roleName, roleRows } from "../lib/roles.js";
import { rowButton, stack } from "../lib/stacked_table.js";
import { ago, moment, timeOf } from "../lib/times.js";
import { tellProblem, toast } from "../lib/toast.js";
import { t } from "../lib/words.js";

const ADDRESS = { role: "" };
const LANGUAGES = [
  ["", "people.language.any"],
  ["de", "people.language.de"],
  ["en", "people.language.en"],
];

await start();
const content = byId("content"),
  asked = fromAddress(ADDRESS);
const filters = h("div", { class: "toolbar" }),
  place = h("div", { class: "card" });
const view = {
  /** @type {Item<"/users">[]} */
  users: [],
  /** @type {Item<"/roles">[]} */
  roles: [],
};

const sentence = () => {
  const closed = view.users.filter((u) => u.disabled_at).length,
    waiting = view.users.filter(isWaiting).length;
  return [
    t("people.answer", { n: view.users.length }),
    waiting && t("people.answer_waiting", { n: waiting }),
    closed && t("people.answer_shut", { n: closed }),
  ]
    .filter(Boolean)
    .join(" ");
};
/** @param {Item<"/users">} user */
const isWaiting = (user) => !user.has_password && !user.subject && !user.disabled_at;

/** @param {Item<"/users">} user */
function stateOf(user) {
  if (user.disabled_at) {
    return h("span", { class: "state is-offline" }, icon("lock"), h("span", {}, t("people.state.shut")));
  }
  if (isWaiting(user)) return h("span", { class: "state" }, icon("waiting"), h("span", {}, t("people.state.waiting")));
  return h("span", { class: "state is-ok" }, icon("ok"), h("span", {}, t("people.state.active")));
}

/** @param {Item<"/users">} user */
function row(user) {
  /** @param {string} text @param {() => unknown} work */
  const act = (text, work) => rowButton(text, user.name, work);
  return h(
    "tr",
    {},
    h("th", { scope: "row" }, h("span", { class: "person-name" }, user.name), h("span", { class: "quiet" }, user.id)),
    h(
      "td",
      { "data-label": t("people.roles") },
      h(
        "ul",
        {},
        user.roles.map((held) => h("li", {}, heldText(held, me.tenants))),
      ),
    ),
    h("td", { "data-label": t("people.state") }, stateOf(user)),
    h("td", { "data-label": t("people.seen") }, timeOf(user.last_seen_at, ago)),
    h(
      "td",
      {},
      h(
        "div",
        { class: "row-actions" },
        act(t("people.change"), () => change(user)),
        act(t("people.link"), () => link(user)),
        user.has_second_factor && act(t("people.reset"), () => reset(user)),
        user.disabled_at
          ? act(t("people.open"), () => shut(user, false))
          : act(t("people.shut"), () => shut(user, true)),
      ),
    ),
  );
}

function show() {
  answer(sentence());
  const used = [...new Set(view.users.flatMap((u) => u.roles.map((r) => r.role)))].sort((a, b) =>
    roleName(a).localeCompare(roleName(b)),
  );
  /** @type {[string, string][]} */
  const options = used.map((role) => [role, roleName(role)]);
  refill(
    filters,
    h("button", { type: "button", class: "primary", onclick: invite }, t("people.invite")),
    chips(t("people.role"), [["", t("people.every_role")], ...options], asked.role, (role) => {
      asked.role = role;
      toAddress(asked, ADDRESS);
      show();
    }),
  );
  const shown = view.users.filter((u) => !asked.role || u.roles.some((r) => r.role === asked.role));
  if (!shown.length) {
    fill(place, empty(t("people.none"), t("people.none_text")));
    return;
  }
  fill(
    place,
    stack(
      ["name", "roles", "state", "seen"].map((name) => t(`people.${name}`)),
      shown.map(row),
      t("people.actions"),
    ),
  );
}

async function invite() {
  const rows = roleRows([{ role: least(view.roles), limits: [], tenant_id: me.tenant_id }], view.roles, await limits());
  const fields = [
    field(
      "id",
      t("people.id"),
      {
        required: true,
        pattern: "[A-Za-z0-9_\\-]{1,64}",
        maxlength: 64,
        autocomplete: "off",
        autocapitalize: "none",
        spellcheck: false,
      },
      t("people.id_note"),
    ),
    field("name", t("people.name"), { required: true, maxlength: 200, autocomplete: "off" }, t("people.name_note")),
    field("email", t("people.email"), { type: "email", maxlength: 250, autocomplete: "off" }),
    field("language", t("people.language"), { tag: "select", options: LANGUAGES.map(([v, key]) => [v, t(key)]) }),
    rows.element,
  ];
  const made = await ask(t("people.invite"), fields, t("people.invite_send"), ({ id, name, email, language }) =>
    post("/users", {
      id: id.trim(),
      name: name.trim(),
      roles: rows.value(),
      ...(email ? { email } : {}),
      ...(language ? { language } : {}),
    }),
  );
  if (!made) return;
  await read();
  await showLink(made.name, made.invitation);
}

/** @param {string} name @param {{link: string, expires_at: string}} invitation */
const showLink = (name, { link: secret, expires_at: until }) =>
  showOnce(t("people.link_title", { name }), t("people.link_text", { until: moment(until) }), secret);

/** @param {Item<"/users">} user */
async function reset(user) {
  if (
    !(await confirm(t("people.reset_title", { name: user.name }), t("people.reset_text"), t("people.reset"), {
      danger: true,
    }))
  ) {
    return;
  }
  await remove(`/users/${encodeURIComponent(user.id)}/second-factors`).then(
    () => toast(t("people.reset_done", { name: user.name })),
    tellProblem,
  );
  await read();
}

/** @param {Item<"/users">} user */
async function link(user) {
  if (
    user.has_password &&
    !(await confirm(
      t("people.link_title", { name: user.name }),
      t("people.link_warning", { name: user.name }),
      t("people.link"),
    ))
  ) {
    return;
  }
  await post(`/users/${encodeURIComponent(user.id)}/invitation`).then((made) => showLink(user.name, made), tellProblem);
  await read();
}

/** @param {Item<"/users">} user */
async function change(user) {
  const { found, etag } = await readTagged(`/users/${encodeURIComponent(user.id)}`);
  const rows = roleRows(found.roles, view.roles, await limits());
  const fields = [
    field("name", t("people.name"), { required: true, maxlength: 200, value: found.name, autocomplete: "off" }),
    field("email", t("people.email"), { type: "email", maxlength: 250, value: found.email ?? "", autocomplete: "off" }),
    field("language", t("people.language"), {
      tag: "select",
      options: LANGUAGES.map(([v, key]) => [v, t(key)]),
      value: found.language ?? "",
    }),
    rows.element,
    h("p", {}, h("button", { type: "button", class: "plain", onclick: () => leave(user) }, t("people.leave"))),
  ];
  const done = await ask(found.name, fields, t("people.save"), async (data) => {
    /** @type {Record<string, any>} */
    const body = {};
    if (data.name.trim() !== found.name) body.name = data.name.trim();
    if ((data.email || null) !== found.email) body.email = data.email || null;
    if ((data.language || null) !== found.language) body.language = data.language || null;
    if (JSON.stringify(rows.value()) !== JSON.stringify(found.roles)) body.roles = rows.value();
    return Object.keys(body).length ? Boolean(await patch(`/users/${encodeURIComponent(user.id)}`, body, etag)) : true;
  });
  if (done) {
    toast(t("people.saved"));
    await read();
  }
}

/** @param {string} text @param {string[] | undefined} names */
const withKeys = (text, names) =>
  names?.length ? `${text} ${t("people.keys_ended", { names: names.join(", ") })}` : text;

/** @param {Item<"/users">} user @param {boolean} disabled */
async function shut(user, disabled) {
  if (
    disabled &&
    !(await confirm(t("people.shut_title", { name: user.name }), t("people.shut_text"), t("people.shut"), {
      danger: true,
    }))
  ) {
    return;
  }
  try {
    const { etag } = await readTagged(`/users/${encodeURIComponent(user.id)}`);
    const { keys_revoked: ended } = await patch(`/users/${encodeURIComponent(user.id)}`, { disabled }, etag);
    const undo = { text: t("people.undo"), run: () => shut(user, false) };
    toast(
      withKeys(t(disabled ? "people.shut_done" : "people.open_done", { name: user.name }), ended),
      disabled ? { action: undo } : undefined,
    );
  } catch (problem) {
    tellProblem(problem);
  }
  await read();
}

/** @param {Item<"/users">} user */
async function leave(user) {
  document.querySelector("dialog[open]")?.close();
  if (
    !(await confirm(t("people.leave_title", { name: user.name }), t("people.leave_text"), t("people.leave"), {
      danger: true,
    }))
  ) {
    return;
  }
  await remove(`/users/${encodeURIComponent(user.id)}`).then(
    (done) => toast(withKeys(t("people.left", { name: user.name }), done?.keys_revoked)),
    tellProblem,
  );
  await read();
}

const read = reading(async () => {
  const [found, known] = await Promise.all([all("/users"), all("/roles")]);
  view.users = found;
  view.roles = known;
  fill(content, filters, place);
  show();
});

await read();
