import { get, post } from "./api.js";
import { field, mark } from "./dialog.js";
import { fill, h, icon } from "./dom.js";
import { t } from "./words.js";

const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replace(/\+/g, "-")
    .replace(/\//g, "_")
    .replace(/=+$/, "");
const described = (all) => (all ?? []).map((one) => ({ ...one, id: bytes(one.id) }));

/** Ask the browser for a signature, as JSON for the server. */
async function sign() {
  const asked = await post("/login/second-factor/passkey");
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
  const asked = await post("/me/second-factors/passkey-options");
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

/** A form whose `send(data)` may throw a Problem, which is then said above it; DOMException: the browser gave up. */
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

async function tried(problem, button, work, about) {
  problem.hidden = true;
  if (about) mark(about, []);
  if (button) button.disabled = true;
  try {
    await work();
  } catch (error) {
    if (error.status === undefined && !(error instanceof DOMException)) throw error;
    if (about && error.errors && mark(about, error.errors)) return;
    fill(problem, told(error)).hidden = false;
  } finally {
    if (button) button.disabled = false;
  }
}

/** What people read of what has no field to stand beside. */
function told(error) {
  if (error.status === undefined) return t(error.name === "SecurityError" ? "second.needs_name" : "second.gave_up");
  return error.errors.length ? t("second.refused") : error.message;
}

function passkeyButton(words, work) {
  const problem = h("p", { class: "problem", role: "alert", hidden: true });
  const button = h("button", { type: "button", onclick: () => tried(problem, button, work) }, icon("lock"), words);
  return h("div", { class: "form" }, problem, button);
}

/** Recovery codes, shown this once. */
const codes = (shown) => [
  h("p", {}, t("second.codes_text")),
  h(
    "ol",
    { class: "mono", "aria-label": t("second.codes") },
    shown.map((code) => h("li", {}, code)),
  ),
];
export { codes };

/** The second step of signing in; `done(me)` when it is made. */
export async function prove(place, done) {
  const { methods, passkeys_possible: possible } = await get("/login/second-factor");
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

/** Enrol an app or a passkey; `done()` when that is made and its recovery codes were seen. */
export function enrol(place, possible, done) {
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
      h("p", {}, t("second.type"), " ", h("span", { class: "mono" }, secret.match(/.{1,4}/g).join(" "))),
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
