import { get, post, refusal } from "../lib/api.js";
import { mark } from "../lib/dialog.js";
import { byId, fill } from "../lib/dom.js";
import { page } from "../lib/facts.js";
import { start } from "../lib/page.js";
import { enrol, prove } from "../lib/second_factor.js";
import { t } from "../lib/words.js";

/** @param {{message: string}} problem */
function tell(problem) {
  fill(byId("problem"), problem.message).hidden = false;
}

/** Only to a path of ours: browsers read a backslash as a slash and leave tabs and line breaks out. */
function onward() {
  const next = new URLSearchParams(location.search).get("next") ?? "/city";
  location.replace(page(/^\/(?!\/)[!-[\]-~]*$/.test(next) ? next : "/city"));
}

/**
 * Only who came by a link, or was told to, sets a password here.
 * @param {Answer<"/me">} me
 */
function askPassword(me) {
  byId("sign-in").hidden = true;
  byId("set-password").hidden = false;
  byId("sign-title").textContent = t("setup.title");
  byId("answer").textContent = t("setup.lead", { name: me.name });
  byId("whose").value = me.name;
  byId("new").focus();
}

/**
 * Between the password and everything else: show the second factor, or enrol one where the role needs it.
 * @param {Answer<"/me">} me
 */
async function secondStep(me) {
  const enrols = me.second_step === "enrol",
    place = byId("second-step");
  byId("sign-in").hidden = true;
  byId("elsewhere").hidden = true;
  byId("sign-title").textContent = t(enrols ? "second.enrol_title" : "second.title");
  byId("answer").textContent = t(enrols ? "second.enrol_lead" : "second.lead", { name: me.name });
  place.hidden = false;
  if (!enrols) {
    await prove(place, entered);
    return;
  }
  const { passkeys_possible: possible } = await get("/login/second-factor");
  enrol(place, possible, async () => entered(await get("/me")));
}

/**
 * What is still to be done stands in the address, so that it goes on after a reload: phones drop a page behind the app.
 * @param {string} owed
 */
function noteOwed(owed) {
  const next = new URLSearchParams(location.search).get("next");
  history.replaceState(null, "", `${location.pathname}?${new URLSearchParams({ [owed]: "", ...(next && { next }) })}`);
}

/** @param {Answer<"/me">} me */
async function entered(me) {
  byId("second-step").hidden = true;
  if (me.second_step || me.must_set_password) noteOwed(me.second_step ? "second" : "set");
  if (me.second_step) await secondStep(me);
  else if (me.must_set_password) askPassword(me);
  else onward();
}

/** @param {HTMLFormElement} form @param {(data: any) => unknown} work */
async function submit(form, work) {
  const button = form.querySelector("button.primary");
  byId("problem").hidden = true;
  mark(form, []);
  button.disabled = true;
  try {
    await work(Object.fromEntries(new FormData(form)));
  } catch (thrown) {
    const refused = refusal(thrown);
    if (!mark(form, refused.errors)) tell(refused);
    form.querySelector("input[type=password]").select();
  } finally {
    button.disabled = false;
  }
}

byId("sign-in").addEventListener("submit", (/** @type {any} */ event) => {
  event.preventDefault();
  submit(event.target, async (data) => entered(await post("/login", data)));
});
// Until here the browser itself would have sent the form, to nobody.
byId("sign-in").querySelector("button").disabled = false;
byId("set-password").addEventListener("submit", (/** @type {any} */ event) => {
  event.preventDefault();
  submit(event.target, async (data) => {
    const same = data.new === data.again;
    byId("again").setAttribute("aria-invalid", String(!same));
    if (!same) {
      tell({ message: t("sign_in.differ") });
      return;
    }
    await post("/me/password", { new: data.new });
    onward();
  });
});

/** Another way in, where the installation has one; and why it did not work, when the browser comes back from it. */
async function offerElsewhere() {
  const failed = new URLSearchParams(location.search).get("error");
  if (["refused", "unavailable", "unknown"].includes(failed ?? "")) tell({ message: t(`sign_in.elsewhere.${failed}`) });
  const { oidc } = await get("/login/methods");
  if (oidc === null) return;
  fill(byId("elsewhere"), t("sign_in.elsewhere", { label: oidc })).hidden = false;
}

await start();
// The token stands behind the #, which browsers send to nobody; it is taken out of the address and its history at once.
const token = new URLSearchParams(location.hash.slice(1)).get("token");
if (token) {
  history.replaceState(null, "", location.pathname + location.search);
  await post("/login", { token }).then(entered, tell);
} else if (["second", "set"].some((owed) => new URLSearchParams(location.search).has(owed))) {
  await get("/me").then(entered, tell);
} else {
  await offerElsewhere().catch(tell);
}
