import { post } from "./api.js";
import { ask, field } from "./dialog.js";
import { h } from "./dom.js";
import { unitOf, valueText } from "./kinds.js";
import { deliveryMark } from "./states.js";
import { moment, timeOf } from "./times.js";
import { commandName, fieldName, named, t } from "./words.js";

const LENGTHS = [300, 1800, 3600, 7200, 4 * 3600, 8 * 3600, 12 * 3600];

/**
 * Inputs for a command's arguments, out of its JSON Schema.
 * @param {Kind} kind
 * @param {Kind["commands"][number]} command
 */
function inputs(kind, command) {
  const { properties = {}, required = [], $defs = {} } = /** @type {any} */ (command.arguments);
  return Object.entries(properties).map(([name, schema]) => {
    const said = resolved(schema, $defs);
    const unit = unitOf(kind, name),
      label = unit ? `${fieldName(kind.name, name)} (${unit})` : fieldName(kind.name, name);
    const must = required.includes(name);
    if (said.enum) {
      return field(name, label, {
        tag: "select",
        value: said.default ?? schema.default ?? said.enum[0],
        options: said.enum.map((/** @type {string} */ value) => [value, named(value, `${kind.name}.value.${value}`)]),
      });
    }
    if (said.type === "number" || said.type === "integer") {
      return field(name, label, {
        type: "number",
        min: said.minimum,
        max: said.maximum,
        step: said.type === "integer" ? 1 : "any",
        required: must,
        value: schema.default ?? "",
        inputmode: "decimal",
      });
    }
    return field(name, label, { required: must, value: schema.default ?? "", maxlength: said.maxLength ?? 256 });
  });
}

/** @param {any} schema @param {Record<string, any>} defs */
function resolved(schema, defs) {
  if (schema.$ref) return defs[schema.$ref.split("/").at(-1)] ?? {};
  const some = (schema.anyOf ?? schema.allOf ?? [])
    .map((/** @type {any} */ one) => resolved(one, defs))
    .find((/** @type {any} */ one) => one.type !== "null");
  return some ? { ...some, ...schema } : schema;
}

/** @param {Kind["commands"][number]} command @param {Values} data */
function collected(command, data) {
  const { properties = {}, $defs = {} } = /** @type {any} */ (command.arguments);
  /** @type {Record<string, string | number>} */
  const found = {};
  for (const [name, schema] of Object.entries(properties)) {
    const text = data[name];
    if (text === undefined || text === "") continue;
    const { type } = resolved(schema, $defs);
    found[name] = type === "number" || type === "integer" ? Number(text) : text;
  }
  return found;
}

/**
 * Ask for a command's arguments and file it; resolves with the command, or undefined.
 * @param {{id: string, name: string}} device
 * @param {Kind} kind
 * @param {Kind["commands"][number]} command
 */
export function issue(device, kind, command) {
  const lasting =
    command.has_effect &&
    field("duration_s", t("commands.how_long"), {
      tag: "select",
      value: String(command.default_effect_s),
      options: LENGTHS.filter((s) => s <= (command.max_effect_s ?? 0)).map((s) => [
        String(s),
        s < 3600 ? t("commands.minutes", { n: s / 60 }) : t("commands.hours", { n: s / 3600 }),
      ]),
    });
  const title = t("commands.title", { what: commandName(kind.name, command.name), device: device.name });
  return ask(
    title,
    [inputs(kind, command), lasting, field("reason", t("commands.reason"), { maxlength: 200 })],
    commandName(kind.name, command.name),
    (data) =>
      post(
        `/devices/${device.id}/commands`,
        {
          name: command.name,
          arguments: collected(command, data),
          reason: data.reason,
          ...(lasting ? { duration_s: Number(data.duration_s) } : {}),
        },
        { headers: { "Idempotency-Key": crypto.randomUUID?.() ?? String(Math.random()) } },
      ),
  );
}

/**
 * "80 %, Vorrang: Übersteuerung"
 * @param {Kind} kind
 * @param {Command} command
 */
export const argumentsText = (kind, command) =>
  Object.entries(command.arguments)
    .map(([name, value]) =>
      name === "level_pct"
        ? valueText(kind, name, value)
        : `${fieldName(kind.name, name)} ${valueText(kind, name, value)}`,
    )
    .join(", ");

/** @param {Command} command */
function effectText({ effect, final, until }) {
  if (effect === "in_force") return until && t("commands.until", { at: moment(until) });
  return effect !== "pending" && final && t(`effect.${effect}`);
}

/** @param {Command} command */
function stepList({ history }) {
  const steps = history.filter((step) => step.delivery || step.effect);
  if (steps.length < 2) return null;
  const row = (/** @type {Command["history"][number]} */ step) =>
    h(
      "li",
      {},
      timeOf(step.at, (at) => moment(at, { seconds: true })),
      " ",
      step.delivery ? t(`delivery.${step.delivery}`) : t(`effect.${step.effect}`),
      step.reason && ` (${named(step.reason, `reason.${step.reason}`)})`,
    );
  const list = h("ol", { class: "steps" }, steps.map(row));
  return h("details", {}, h("summary", {}, t("commands.steps", { n: steps.length })), list);
}

/** @param {Command} command @param {(command: Command) => void} cancel */
function cancelButton(command, cancel) {
  const possible = !command.cancel_requested_at && (!command.final || command.effect === "in_force");
  return possible && h("button", { type: "button", onclick: () => cancel(command) }, t("commands.cancel"));
}

/**
 * One command with how far it got and what it does now; `cancel` where it may be asked for.
 * @param {Kind} kind
 * @param {Command} command
 * @param {false | ((command: Command) => void)} cancel
 */
export function commandRow(kind, command, cancel) {
  const effect = effectText(command);
  return h(
    "li",
    { class: "command", "data-id": command.id },
    h(
      "div",
      { class: "card-head" },
      h("strong", {}, commandName(kind.name, command.name), " ", argumentsText(kind, command)),
      deliveryMark(command.delivery),
    ),
    h(
      "p",
      { class: "quiet" },
      timeOf(command.issued_at),
      " · ",
      command.issuer,
      command.reason && ` · „${command.reason}“`,
      effect && [" · ", effect],
    ),
    command.answer &&
      h("p", { class: "note" }, t("commands.answer", { answer: named(command.answer, `reason.${command.answer}`) })),
    h(
      "div",
      { class: "actions" },
      stepList(command),
      cancel && cancelButton(command, cancel),
      command.cancel_requested_at && !command.final && h("span", { class: "quiet" }, t("commands.cancelling")),
    ),
  );
}
