import { all } from "../../lib/api.js";
import { empty } from "../../lib/blank.js";
import { byId, fill, h, settled } from "../../lib/dom.js";
import { goTo } from "../../lib/facts.js";
import { number } from "../../lib/numbers.js";
import { answer, live, me, reading, start } from "../../lib/page.js";
import { moment, now } from "../../lib/times.js";
import { t } from "../../lib/words.js";
import { eventForm } from "./form.js";
import { eventMark, span } from "./words.js";

/** @typedef {import("./words.js").CityEvent} CityEvent */

const GROUPS = [
  ["running", ["setup", "live", "teardown"]],
  ["coming", ["draft", "confirmed"]],
  ["past", ["closed", "cancelled"]],
];

await start();

/** @param {CityEvent[]} events */
function sentence(events) {
  const running = events.filter((e) => e.state === "live"),
    coming = events.filter((e) => e.state === "confirmed" && Date.parse(e.service_from) > now());
  if (running.length) {
    return t("events.answer.running", {
      n: running.length,
      who: running.map((e) => e.name).join(", "),
      until: moment(running[0].service_to),
    });
  }
  if (coming.length) {
    return t("events.answer.coming", { who: coming.at(-1).name, from: moment(coming.at(-1).service_from) });
  }
  return t("events.answer.none");
}

/** @param {CityEvent} event */
function row(event) {
  const facts = [
    event.areas?.length && t("events.areas", { n: event.areas.length }),
    t("events.bookings", { n: event.bookings?.length ?? 0 }),
    event.expected_attendees && t("events.visitors", { n: number(event.expected_attendees) }),
  ];
  return h(
    "li",
    {},
    h(
      "a",
      { class: "event-row", href: `/events/${event.id}` },
      h(
        "span",
        { class: "event-name" },
        h("strong", {}, event.name),
        h("span", { class: "quiet" }, [t(`events.kind.${event.kind}`), event.place.name].filter(Boolean).join(", ")),
      ),
      h("span", { class: "event-when" }, span(event.service_from, event.service_to)),
      h("span", { class: "quiet" }, facts.filter(Boolean).join(", ")),
      eventMark(event.state),
    ),
  );
}

async function create() {
  const made = await eventForm();
  if (made) goTo(`/events/${made.id}`);
}

const read = reading(async () => {
  const events = await all("/events", { limit: 100 }, 500);
  answer(sentence(events));
  const add =
    me.may("events:write") &&
    h("p", { class: "toolbar" }, h("button", { type: "button", class: "primary", onclick: create }, t("events.new")));
  if (!events.length) {
    fill(byId("content"), add, empty(t("events.none"), t("events.none_text")));
    return;
  }
  fill(
    byId("content"),
    add,
    GROUPS.map(([name, states]) => {
      const some = events.filter((e) => states.includes(e.state));
      return (
        some.length > 0 &&
        h(
          "section",
          { class: "card" },
          h("h2", {}, t(`events.${name}`)),
          h("ol", { class: "event-list" }, some.map(row)),
        )
      );
    }),
  );
});

await read();
live({ topics: ["event"], kinds: ["event_network"], on: { event: settled(500, read) } });
