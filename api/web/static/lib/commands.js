import { post } from "./api.js";
import { ask, field } from "./dialog.js";
import { h } from "./dom.js";
import { unitOf, valueText } from "./kinds.js";
import { deliveryMark } from "./states.js";
import { moment, timeOf } from "./times.js";
import { commandName, fieldName, named, t } from "./words.js";

const LENGTHS = [300, 1800, 3600, 7200, 4 * 3600, 8 * 3600, 12 * 3600];

/** Inputs for a command's arguments, out of its JSON Schema. */
function inputs(kind, command) {
  const { properties = {}, required = [], $defs = {} } = command.arguments;
  return Object.entries(properties).map(([name, schema]) => {
    const said = resolved(schema, $defs);
    const unit = unitOf(kind, name),
      label = unit ? `${fieldName(kind.name, name)} (${unit})` : fieldName(kind.name, name);
    const must = required.includes(name);
    if (said.enum)
      return field(name, label, {
        tag: "select",
        value: said.default ?? schema.default ?? said.enum[0],
        options: said.enum.map((value) => [value, named(value, `${kind.name}.value.${value}`)]),
      });
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

function resolved(schema, defs) {
  if (schema.$ref) return defs[schema.$ref.split("/").at(-1)] ?? {};
  const some = (schema.anyOf ?? schema.allOf ?? [])
    .map((one) => resolved(one, defs))
    .find((one) => one.type !== "null");
  return some ? { ...some, ...schema } : schema;
}

function collected(command, data) {
  const { properties = {}, $defs = {} } = command.arguments,
    found = {};
  for (const [name, schema] of Object.entries(properties)) {
    const text = data[name];
    if (text === undefined || text === "") continue;
    const { type } = resolved(schema, $defs);
    found[name] = type === "number" || type === "integer" ? Number(text) : text;
  }
  return found;
}

/** Ask for a command's arguments and file it; resolves with the command, or undefined. */
export function issue(device, kind, command) {
  const lasting =
    command.has_effect &&
    field("duration_s", t("commands.how_long"), {
      tag: "select",
      value: String(command.default_effect_s),
      options: LENGTHS.filter((s) => s <= command.max_effect_s).map((s) => [
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

/** "80 %, Vorrang: Übersteuerung" */
export const argumentsText = (kind, command) =>
  Object.entries(command.arguments)
    .map(([name, value]) =>
      name === "level_pct"
        ? valueText(kind, name, value)
        : `${fieldName(kind.name, name)} ${valueText(kind, name, value)}`,
    )
    .join(", ");

/** One command with how far it got and what it does now; `cancel` where it may be asked for. */
export function commandRow(kind, command, cancel) {
  const steps = command.history.filter((step) => step.delivery || step.effect);
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
      command.until && command.effect === "in_force" && [" · ", t("commands.until", { at: moment(command.until) })],
      command.effect !== "pending" &&
        command.effect !== "in_force" &&
        command.final && [" · ", t(`effect.${command.effect}`)],
    ),
    command.answer &&
      h("p", { class: "note" }, t("commands.answer", { answer: named(command.answer, `reason.${command.answer}`) })),
    h(
      "div",
      { class: "actions" },
      steps.length > 1 &&
        h(
          "details",
          {},
          h("summary", {}, t("commands.steps", { n: steps.length })),
          h(
            "ol",
            { class: "steps" },
            steps.map((step) =>
              h(
                "li",
                {},
                timeOf(step.at, (at) => moment(at, { seconds: true })),
                " ",
                step.delivery ? t(`delivery.${step.delivery}`) : t(`effect.${step.effect}`),
                step.reason && ` (${named(step.reason, `reason.${step.reason}`)})`,
              ),
            ),
          ),
        ),
      cancel &&
        !command.cancel_requested_at &&
        (!command.final || command.effect === "in_force") &&
        h("button", { type: "button", onclick: () => cancel(command) }, t("commands.cancel")),
      command.cancel_requested_at && !command.final && h("span", { class: "quiet" }, t("commands.cancelling")),
    ),
  );
}
