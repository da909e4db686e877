import { refusal } from "./api.js";
import { fill, freshId, h } from "./dom.js";
import { t } from "./words.js";

/**
 * A dialog with a title; resolves when it closes, with its `returnValue`. Esc closes it, focus goes back.
 * @param {string} title
 * @param {Child} content
 */
export function open(title, content, { wide = false } = {}) {
  const id = freshId("dialog");
  const dialog = h("dialog", { "aria-labelledby": id, class: wide && "wide" }, h("h2", { id }, title), content);
  document.body.append(dialog);
  const closed = new Promise((done) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      done(dialog.returnValue);
    });
  });
  dialog.showModal();
  return { dialog, closed };
}

/**
 * Something to read, with a button to close.
 * @param {string} title
 * @param {Child} content
 * @param {{wide?: boolean}} [options]
 */
export function tell(title, content, options) {
  const close = h("form", { method: "dialog", class: "actions" }, h("button", { autofocus: true }, t("shell.close")));
  return open(title, [content, close], options).closed;
}

/**
 * Ask before something that cannot be undone, naming what it is; true when the person goes on.
 * @param {string} title
 * @param {string} text
 * @param {string} action
 */
export async function confirm(title, text, action, { danger = false } = {}) {
  const form = h(
    "form",
    { method: "dialog" },
    h("p", {}, text),
    h(
      "div",
      { class: "actions" },
      h("button", { value: "", autofocus: true }, t("shell.cancel")),
      h("button", { value: "yes", class: danger ? "danger" : "primary" }, action),
    ),
  );
  return (await open(title, form).closed) === "yes";
}

/**
 * A form in a dialog. `fields` are elements; `send(data)` gets the form's values and may throw a Problem, which is then
 * said inside, beside the field it is about. Resolves with what `send` returned, or undefined when it was closed.
 * @param {string} title
 * @param {Child} fields
 * @param {string} action
 * @template R
 * @param {(data: any) => R | Promise<R>} send
 */
export async function ask(title, fields, action, send) {
  /** @type {R | undefined} */
  let result;
  const problem = h("p", { class: "problem", role: "alert", hidden: true });
  const form = h(
    "form",
    { class: "form" },
    problem,
    fields,
    h(
      "div",
      { class: "actions" },
      h("button", { type: "button", onclick: () => dialog.close() }, t("shell.cancel")),
      h("button", { class: "primary" }, action),
    ),
  );
  const { dialog, closed } = open(title, form);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("button.primary");
    button.disabled = true;
    mark(form, []);
    problem.hidden = true;
    try {
      result = await send(Object.fromEntries(new FormData(form)));
      dialog.close();
    } catch (thrown) {
      const refused = refusal(thrown);
      problem.hidden = mark(form, refused.errors);
      fill(problem, refused.message);
    } finally {
      button.disabled = false;
    }
  });
  await closed;
  return result;
}

/**
 * Say each error at the field it is about, and go to the first; true when all found their place.
 * @param {HTMLFormElement} form
 * @param {{field: string, message: string}[]} errors
 */
export function mark(form, errors) {
  for (const note of form.querySelectorAll(".beside")) note.remove();
  for (const input of form.querySelectorAll("[aria-invalid]")) input.removeAttribute("aria-invalid");
  const places = errors.map(({ field: path, message }) => {
    const place = path
      .split(".")
      .map((name) => form.querySelector(`[name="${CSS.escape(name)}"]`))
      .find(Boolean);
    const group = place?.matches("fieldset");
    place?.[group ? "append" : "after"](h("p", { class: "problem beside", role: "alert" }, message));
    if (!group) place?.setAttribute("aria-invalid", "true");
    return group ? place.querySelector("input, select, button") : place;
  });
  places.find(Boolean)?.focus();
  return places.length > 0 && places.every(Boolean);
}

/**
 * A labelled input for forms: `field("name", label, {type: "number", …}, note)`.
 * @param {string} name
 * @param {string} label
 * @param {Attributes & {tag?: any, options?: readonly (readonly [any, string])[]}} [attributes]
 * @param {Child} [note]
 * @returns {any[]}
 */
export function field(name, label, attributes = {}, note = undefined) {
  const id = freshId(`field-${name}`);
  const hint = note && h("p", { class: "note", id: `${id}-note` }, note);
  const { tag = "input", options, ...rest } = attributes;
  const input = h(
    tag,
    { id, name, "aria-describedby": hint && `${id}-note`, ...rest },
    (options ?? []).map(([value, text]) => h("option", { value }, text)),
  );
  if (rest.value !== undefined) input.value = rest.value;
  return [h("label", { for: id }, label), input, hint];
}
