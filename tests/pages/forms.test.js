import assert from "node:assert/strict";
import { test } from "node:test";
import { json, page, serve } from "./support/browser.js";

const load = await page("de");
const { get, patch, post, Problem, refusal } = await load("lib/api.js");
const { ask, field } = await load("lib/dialog.js");
const { check, checks, rows } = await load("lib/form.js");
const { h, refill } = await load("lib/dom.js");
const { chips, select } = await load("lib/choices.js");
const { fromAddress, toAddress } = await load("lib/address.js");
const { failed } = await load("lib/blank.js");

/** @param {() => unknown} condition */
async function until(condition) {
  for (let tries = 0; !condition(); tries += 1) {
    assert.ok(tries < 2000, "never");
    await new Promise((done) => setTimeout(done, 1));
  }
}

const problem = (/** @type {number} */ status, /** @type {object} */ body) =>
  json({ type: "urn:lautern:problem:invalid", ...body }, status);

test("a form says what was refused beside the field it is about", async () => {
  const answers = [problem(422, { errors: [{ field: "body.name", message: "too long" }] }), json({ id: "x" }, 201)];
  /** @type {any[]} */
  const sent = [];
  serve((_url, options) => {
    sent.push(JSON.parse(options.body));
    return answers.shift();
  });
  const fields = [field("name", "Name", { required: true, value: "Messe" }, "so heißt sie")];
  const asked = ask("Neu", fields, "Anlegen", (/** @type {any} */ data) => post("/events", data));
  const form = document.querySelector("dialog form");
  const input = form.querySelector("input");
  assert.equal(form.querySelector("label").getAttribute("for"), input.id);
  assert.equal(document.getElementById(input.getAttribute("aria-describedby"))?.textContent, "so heißt sie");
  form.dispatchEvent(new Event("submit"));
  await until(() => form.querySelector(".beside"));
  assert.equal(form.querySelector(".beside").textContent, "too long");
  assert.equal(input.getAttribute("aria-invalid"), "true");
  await until(() => !form.querySelector("button.primary").disabled);
  input.value = "Markt";
  form.dispatchEvent(new Event("submit"));
  assert.deepEqual(await asked, { id: "x" });
  assert.deepEqual(sent, [{ name: "Messe" }, { name: "Markt" }]);
  assert.equal(document.querySelector("dialog"), null);
});

test("a dialog that is closed gives nothing", async () => {
  const asked = ask("Neu", [], "Anlegen", () => assert.fail("sent"));
  document.querySelector("dialog button[type=button]").click();
  assert.equal(await asked, undefined);
});

test("of several to tick only those that can be seen count", () => {
  const options = [
    ["a", "A"],
    ["b", "B"],
  ];
  const some = checks("kinds", "Arten", options, ["a"], { required: true });
  assert.deepEqual(some.value(), ["a"]);
  some.only((/** @type {string} */ id) => id === "b");
  assert.deepEqual(some.value(), []);
  some.element.dispatchEvent(new Event("change"));
  assert.equal(some.element.querySelector("input").validationMessage !== "", true, "one has to be chosen");
  const one = check("Ja", true);
  one.box.checked = false;
  assert.equal(one.value(), false);
});

test("rows are added and taken away", () => {
  const make = (/** @type {{n: number}} */ one) => {
    const input = h("input", { value: one.n });
    return { parts: input, value: () => Number(input.value) };
  };
  const made = rows("spans", "Zeiten", [{ n: 1 }, { n: 2 }], { add: "Noch eine", usual: { n: 3 }, make });
  document.body.append(made.element);
  assert.deepEqual(made.value(), [1, 2]);
  [...made.element.querySelectorAll("button")].at(-1).click();
  assert.deepEqual(made.value(), [1, 2, 3]);
  made.element.querySelector(".form-row button").click();
  assert.deepEqual(made.value(), [2, 3]);
  made.element.remove();
});

test("who chooses with the keyboard stays where he is", () => {
  const place = h("div");
  document.body.append(place);
  /** @type {string[]} */
  const chosen = [];
  const paint = (current = "") => {
    const options = [
      ["", "alle"],
      ["a", "A"],
    ];
    const choose = (/** @type {string} */ value) => {
      chosen.push(value);
      paint(value);
    };
    refill(place, chips("Erste", options, "", choose), chips("Zweite", options, current, choose));
  };
  paint();
  const second = () => [...place.querySelectorAll("button")].slice(2);
  second()[1].focus();
  second()[1].click();
  assert.deepEqual(chosen, ["a"]);
  assert.equal(document.activeElement, second()[1]);
  assert.deepEqual(
    second().map((button) => button.getAttribute("aria-pressed")),
    ["false", "true"],
  );
  place.remove();
});

test("a choice of several has all of them as its first", () => {
  const made = select("Alle Arten", [["a", "A"]], "a", () => {});
  assert.deepEqual([made.getAttribute("aria-label"), made.options.length, made.value], ["Alle Arten", 2, "a"]);
});

test("an element has what it is given, and nothing of what is not", () => {
  const clicked = { n: 0 };
  const element = h(
    "p",
    { class: "note", hidden: false, title: null, onclick: () => (clicked.n += 1) },
    ["a", [false, 1]],
    null,
  );
  element.click();
  assert.deepEqual([element.outerHTML, clicked.n], ['<p class="note">a1</p>', 1]);
  assert.equal(h("p", {}, "<b>").innerHTML, "&lt;b&gt;");
});

test("a refusal is a sentence, an error of ours is thrown on", async () => {
  serve(() => problem(429, { type: "urn:lautern:problem:too_many_requests", detail: "slow down" }));
  const refused = await get("/city").catch(refusal);
  assert.deepEqual([refused.status, refused.kind], [429, "too_many_requests"]);
  assert.match(refused.message, /\.$/);
  assert.throws(() => refusal(new TypeError("ours")), TypeError);
  serve(() => Promise.reject(new TypeError("no network")));
  const offline = await get("/city").catch(refusal);
  assert.equal(offline.status, 0);
  assert.ok(failed(offline, () => {}).querySelector("button"), "it can be tried again");
  assert.equal(failed(new Problem(403)).querySelector("button"), null);
});

test("a refusal is said by its code, one that is not known in the server's words", async () => {
  const parts = { type: "urn:lautern:problem:conflict", title: "Contradiction.", detail: "in English" };
  serve(() => problem(409, { ...parts, code: "has_own_login", params: { user: "kl/lamp/L01" } }));
  const known = (await get("/city").catch(refusal)).message;
  assert.match(known, /^Das steht in Widerspruch .*: kl\/lamp\/L01 hat eine eigene Anmeldung/);
  serve(() => problem(409, { ...parts, code: "of_next_year", params: {} }));
  assert.match((await get("/city").catch(refusal)).message, /: in English\.$/);
  const same = "Das ist nicht frei: bitte etwas anderes wählen.";
  const taken = { type: "urn:lautern:problem:id_unavailable", code: "id_unavailable", title: same };
  serve(() => problem(409, { ...taken, errors: [{ field: "id", code: "id_unavailable", message: same }] }));
  assert.equal((await get("/city").catch(refusal)).message, "Das ist nicht frei: bitte etwas anderes wählen: id.");
});

test("what is asked stands in the address, changes carry the version they change", async () => {
  /** @type {any[]} */
  const seen = [];
  serve((url, options) => {
    seen.push([url, options.method, options.headers["If-Match"]]);
    return new Response(null, { status: 204 });
  });
  await get("/alarms", { open: true, kind: "", q: undefined, limit: 5 });
  await patch("/users/a", {}, '"3"');
  assert.deepEqual(seen, [
    ["/api/v1/alarms?open=true&limit=5", "GET", undefined],
    ["/api/v1/users/a", "PATCH", '"3"'],
  ]);
});

test("the address keeps what is not as usual", () => {
  const usual = { q: "", kind: "", range: "24h" };
  toAddress({ q: "L07", kind: "", range: "24h" }, usual);
  assert.equal(location.search, "?q=L07");
  assert.deepEqual(fromAddress(usual), { q: "L07", kind: "", range: "24h" });
  toAddress(usual, usual);
  assert.equal(location.search, "");
});
