import { get, post, refusal } from "./api.js";
import { field, mark } from "./dialog.js";
import { fill, h, icon } from "./dom.js";
import { t } from "./words.js";

/** @param {string} text */
const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
/** @param {ArrayBuffer} buffer */
const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replace(/\+/g, "-")
    .replace(/\//g, "_")
    .replace(/=+$/, "");
/** @param {{id: string}[] | undefined} all */
const described = (all) => /** @type {any[]} */ ((all ?? []).map((one) => ({ ...one, id: bytes(one.id) })));

/** Ask the browser for a signature, as JSON for the server. */
async function sign() {
  /** @type {any} */
  const asked = await post("/login/second-factor/passkey");
  /** @type {any} */
  const made = await navigator.credentials.get({
    publicKey: { ...asked, challenge: bytes(asked.challenge), allowCredentials: described(asked.allowCredentials) },
  });
  const { clientDataJSON, authenticatorData, signature, userHandle } = made.response;
  return {
    id: made.id,
    rawId: text(made.rawId),
    type: made.type,
    clientExtensionResults: {},
    response: {
      clientDataJSON: text(clientDataJSON),
      authenticatorData: text(authenticatorData),
      signature: text(signature),
      ...(userHandle && { userHandle: text(userHandle) }),
    },
  };
}

/** Have the browser make a passkey, as JSON for the server. */
async function make() {
  /** @type {any} */
  const asked = await post("/me/second-factors/passkey-options");
  /** @type {any} */
  const made = await navigator.credentials.create({
    publicKey: {
      ...asked,
      challenge: bytes(asked.challenge),
      user: { ...asked.user, id: bytes(asked.user.id) },
      excludeCredentials: described(asked.excludeCredentials),
    },
  });
  const { clientDataJSON, attestationObject } = made.response;
  return {
    id: made.id,
    rawId: text(made.rawId),
    type: made.type,
    clientExtensionResults: {},
    response: { clientDataJSON: text(clientDataJSON), attestationObject: text(attestationObject) },
  };
}

/**
 * A form whose `send(data)` may throw a Problem, which is then said above it; DOMException: the browser gave up.
 * @param {Child} content
 * @param {string | undefined} action
 * @param {(data: any) => unknown} send
 */
function form(content, action, send) {
  const problem = h("p", { class: "problem", role: "alert", hidden: true });
  const button = action && h("button", { class: "primary" }, action);
  return h(
    "form",
    {
      class: "form",
      onsubmit: (event) => {
        event.preventDefault();
        tried(problem, button, () => send(Object.fromEntries(new FormData(event.target))), event.target);
      },
    },
    problem,
    content,
    button,
  );
}

/** @param {HTMLElement} problem @param {any} button @param {() => unknown} work @param {HTMLFormElement} [about] */
async function tried(problem, button, work, about) {
  problem.hidden = true;
  if (about) mark(about, []);
  if (button) button.disabled = true;
  try {
    await work();
  } catch (thrown) {
    const refused = thrown instanceof DOMException ? null : refusal(thrown);
    if (about && refused && mark(about, refused.errors)) return;
    fill(problem, refused ? told(refused) : gaveUp(thrown)).hidden = false;
  } finally {
    if (button) button.disabled = false;
  }
}

/** @param {any} thrown */
const gaveUp = ({ name }) => t(name === "SecurityError" ? "second.needs_name" : "second.gave_up");

/**
 * What people read of what has no field to stand beside.
 * @param {import("./api.js").Problem} refused
 */
const told = (refused) => (refused.errors.length ? t("second.refused") : refused.message);

/** @param {string} words @param {() => unknown} work */
function passkeyButton(words, work) {
  const problem = h("p", { class: "problem", role: "alert", hidden: true });
  /** @type {HTMLElement} */
  const button = h("button", { type: "button", onclick: () => tried(problem, button, work) }, icon("lock"), words);
  return h("div", { class: "form" }, problem, button);
}

/**
 * Recovery codes, shown this once.
 * @param {string[]} shown
 */
const codes = (shown) => [
  h("p", {}, t("second.codes_text")),
  h(
    "ol",
    { class: "mono", "aria-label": t("second.codes") },
    shown.map((code) => h("li", {}, code)),
  ),
];
export { codes };

/**
 * The second step of signing in; `done(me)` when it is made.
 * @param {HTMLElement} place
 * @param {(me?: any) => unknown} done
 */
export async function prove(place, done) {
  const { methods, passkeys_possible: possible } = await get("/login/second-factor");
  /** @param {any} proof */
  const shown = async (proof) => done(await post("/login/second-factor", proof));
  const number = form(
    field(
      "code",
      t("second.code"),
      {
        inputmode: "numeric",
        autocomplete: "one-time-code",
        pattern: "[0-9]{6}",
        maxlength: 6,
        required: true,
        autofocus: true,
      },
      t("second.code_note"),
    ),
    t("second.go_on"),
    ({ code }) => shown({ code }),
  );
  const recovery = form(
    field("recovery_code", t("second.recovery"), {
      autocomplete: "off",
      autocapitalize: "none",
      spellcheck: "false",
      minlength: 10,
      maxlength: 64,
      required: true,
    }),
    t("second.go_on"),
    (data) => shown(data),
  );
  fill(
    place,
    methods.includes("totp") && number,
    methods.includes("passkey") &&
      (possible
        ? passkeyButton(t("second.with_passkey"), async () => shown({ passkey: await sign() }))
        : h("p", { class: "note" }, t("second.needs_name"))),
    methods.includes("recovery") && h("details", {}, h("summary", {}, t("second.lost")), recovery),
    h("p", { class: "note" }, t("second.lost_all")),
  );
  place.querySelector("input, button")?.focus();
}

/**
 * Enrol an app or a passkey; `done()` when that is made and its recovery codes were seen.
 * @param {HTMLElement} place
 * @param {boolean} possible
 * @param {(me?: any) => unknown} done
 */
export function enrol(place, possible, done) {
  /** @param {{recovery_codes: string[]}} factor */
  const made = ({ recovery_codes: shown }) => {
    if (!shown.length) return done();
    const go = h("button", { type: "button", class: "primary", onclick: () => done() }, t("second.kept"));
    fill(place, h("h2", { tabindex: -1 }, t("second.codes")), codes(shown), h("div", { class: "actions" }, go));
    return place.querySelector("h2").focus();
  };
  const app = async () => {
    const { secret, uri, qr_svg: picture } = await post("/me/second-factors/app");
    const svg = document.importNode(new DOMParser().parseFromString(picture, "image/svg+xml").documentElement, true);
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", t("second.qr"));
    fill(
      place,
      h("div", { class: "qr" }, svg),
      h("p", {}, h("a", { href: uri }, t("second.open_app"))),
      h("p", {}, t("second.type"), " ", h("span", { class: "mono" }, secret.match(/.{1,4}/g)?.join(" "))),
      form(
        [
          field(
            "code",
            t("second.code"),
            { inputmode: "numeric", autocomplete: "one-time-code", pattern: "[0-9]{6}", maxlength: 6, required: true },
            t("second.first_code"),
          ),
          field("name", t("second.name"), { value: t("second.app"), maxlength: 100, required: true }),
        ],
        t("second.enrol"),
        async (data) => made(await post("/me/second-factors/app/confirm", data)),
      ),
    );
    place.querySelector("input").focus();
  };
  const passkey = async () =>
    made(await post("/me/second-factors/passkeys", { name: t("second.passkey"), passkey: await make() }));
  fill(
    place,
    passkeyButton(t("second.add_app"), app),
    possible ? passkeyButton(t("second.add_passkey"), passkey) : h("p", { class: "note" }, t("second.needs_name")),
  );
}
