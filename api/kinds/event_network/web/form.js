import { post, put } from "../../lib/api.js";
import { ask, field } from "../../lib/dialog.js";
import { t } from "../../lib/words.js";

/** @typedef {import("./words.js").CityEvent} CityEvent */

const KINDS = ["fair", "festival", "market", "sport", "emergency"];
const HOUR = 3600e3;

/** @param {Instant} at */
const local = (at) => {
  const d = new Date(at);
  return new Date(d.getTime() - d.getTimezoneOffset() * 60e3).toISOString().slice(0, 16);
};
/** @param {string} name @param {Instant} at */
const when = (name, at) =>
  field(name, t(`events.form.${name}`), { type: "datetime-local", required: true, value: local(at) });

/** @param {number} hour */
function next(hour) {
  const at = new Date(Date.now() + 7 * 24 * HOUR);
  at.setHours(hour, 0, 0, 0);
  return at;
}

/**
 * States that can be asked for: a draft may stay one, what was confirmed is no draft again.
 * @param {CityEvent} [event]
 * @returns {[string, string][]}
 */
function states(event) {
  const names = event && event.state !== "draft" ? ["confirmed", "cancelled"] : ["draft", "confirmed", "cancelled"];
  return names.map((name) => [name, t(`events.state.${name}`)]);
}

/**
 * Ask for a new event, or for changes of one; resolves with what was filed, or undefined.
 * @param {CityEvent} [event]
 * @param {string | null} [etag]
 */
export function eventForm(event, etag) {
  return ask(event ? t("events.change") : t("events.new"), fieldsOf(event), t("events.form.send"), async (data) => {
    /** @type {Record<string, any>} */
    const body = {
      ...event,
      name: data.name.trim(),
      kind: data.kind,
      place: { ...event?.place, name: data.place.trim() },
      state: data.state,
    };
    for (const name of ["setup_from", "service_from", "service_to", "teardown_to"]) {
      body[name] = new Date(data[name]).toISOString();
    }
    body.expected_concurrent_users =
      data.expected_concurrent_users === "" ? null : Number(data.expected_concurrent_users);
    return event ? put(`/events/${event.id}`, body, etag) : post("/events", body);
  });
}

/** @param {CityEvent} [event] */
function fieldsOf(event) {
  const usual = {
    name: "",
    kind: "festival",
    place: { name: "" },
    setup_from: next(8),
    service_from: next(10),
    service_to: next(23),
    teardown_to: new Date(next(23).getTime() + 6 * HOUR),
    expected_concurrent_users: null,
  };
  const shown = event ?? usual;
  return [
    field("name", t("events.form.name"), {
      required: true,
      maxlength: 200,
      value: shown.name,
      autocomplete: "off",
    }),
    field("kind", t("events.form.kind"), {
      tag: "select",
      options: KINDS.map((k) => [k, t(`events.kind.${k}`)]),
      value: shown.kind,
    }),
    field("place", t("events.form.place"), { maxlength: 200, value: shown.place.name ?? "", autocomplete: "off" }),
    when("setup_from", shown.setup_from),
    when("service_from", shown.service_from),
    when("service_to", shown.service_to),
    when("teardown_to", shown.teardown_to),
    field(
      "expected_concurrent_users",
      t("events.form.users"),
      { type: "number", min: 0, value: shown.expected_concurrent_users ?? "" },
      t("events.form.users_note"),
    ),
    field("state", t("events.form.state"), { tag: "select", options: states(event) }),
  ];
}
