import { post, put } from "../../lib/api.js";
import { ask, field } from "../../lib/dialog.js";
import { t } from "../../lib/words.js";

const KINDS = ["fair", "festival", "market", "sport", "emergency"];
const HOUR = 3600e3;

const local = (at) => {
  const d = new Date(at);
  return new Date(d - d.getTimezoneOffset() * 60e3).toISOString().slice(0, 16);
};
const when = (name, at) =>
  field(name, t(`events.form.${name}`), { type: "datetime-local", required: true, value: local(at) });

function next(hour) {
  const at = new Date(Date.now() + 7 * 24 * HOUR);
  at.setHours(hour, 0, 0, 0);
  return at;
}

/** Ask for a new event, or for changes of one; resolves with what was filed, or undefined. */
export function eventForm(event, etag) {
  const fields = [
    field("name", t("events.form.name"), {
      required: true,
      maxlength: 200,
      value: event?.name ?? "",
      autocomplete: "off",
    }),
    field("kind", t("events.form.kind"), {
      tag: "select",
      options: KINDS.map((k) => [k, t(`events.kind.${k}`)]),
      value: event?.kind ?? "festival",
    }),
    field("place", t("events.form.place"), { maxlength: 200, value: event?.place.name ?? "", autocomplete: "off" }),
    when("setup_from", event?.setup_from ?? next(8)),
    when("service_from", event?.service_from ?? next(10)),
    when("service_to", event?.service_to ?? next(23)),
    when("teardown_to", event?.teardown_to ?? new Date(next(23).getTime() + 6 * HOUR)),
    field(
      "expected_concurrent_users",
      t("events.form.users"),
      { type: "number", min: 0, value: event?.expected_concurrent_users ?? "" },
      t("events.form.users_note"),
    ),
    field("state", t("events.form.state"), {
      tag: "select",
      options: [
        event && event.state !== "draft"
          ? ["confirmed", t("events.state.confirmed")]
          : ["draft", t("events.state.draft")],
        ...(event && event.state !== "draft" ? [] : [["confirmed", t("events.state.confirmed")]]),
        ["cancelled", t("events.state.cancelled")],
      ],
    }),
  ];
  return ask(event ? t("events.change") : t("events.new"), fields, t("events.form.send"), async (data) => {
    const body = {
      ...(event ?? {}),
      name: data.name.trim(),
      kind: data.kind,
      place: { ...(event?.place ?? {}), name: data.place.trim() },
      state: data.state,
    };
    for (const name of ["setup_from", "service_from", "service_to", "teardown_to"])
      body[name] = new Date(data[name]).toISOString();
    body.expected_concurrent_users =
      data.expected_concurrent_users === "" ? null : Number(data.expected_concurrent_users);
    return event ? put(`/events/${event.id}`, body, etag) : post("/events", body);
  });
}
