import { all, get } from "../../lib/api.js";
import { fromAddress, toAddress } from "../../lib/address.js";
import { empty } from "../../lib/blank.js";
import { chips } from "../../lib/choices.js";
import { byId, fill, h, refill, settled } from "../../lib/dom.js";
import { language } from "../../lib/facts.js";
import { measure } from "../../lib/numbers.js";
import { answer, live, reading, start } from "../../lib/page.js";
import { hourOf, midnight, now, timeOf } from "../../lib/times.js";
import { t } from "../../lib/words.js";
import { airTime, distance, marks, statusMark } from "./words.js";
import { tinyTrack } from "./track.js";

/** @typedef {Item<"/flights">} FlightLine */

const ADDRESS = { drone: "", status: "", days: "7" };
const PAGE = 60;
const DAY = new Intl.DateTimeFormat(language, { weekday: "long", day: "numeric", month: "long" });
const NEAR = new Intl.RelativeTimeFormat(language, { numeric: "auto" });

await start();
const view = {
  asked: fromAddress(ADDRESS),
  /** @type {Map<string, Item<"/drones">>} */
  drones: new Map(),
  /** @type {FlightLine[]} */
  flights: [],
  /** @type {string | null | undefined} */
  cursor: null,
};

/** @param {Instant} at */
/** @param {Query} [further] */
const query = (further) => ({
  limit: PAGE,
  drone: view.asked.drone,
  status: view.asked.status,
  from:
    view.asked.days === "all" ? "" : new Date(midnight(now()) - (Number(view.asked.days) - 1) * 864e5).toISOString(),
  ...further,
});

/** @param {Instant} at */
function dayName(at) {
  const days = Math.round((midnight(at) - midnight(now())) / 864e5),
    whole = DAY.format(new Date(at));
  return Math.abs(days) > 1 ? whole : `${NEAR.format(days, "day")}, ${whole}`;
}

function sentence() {
  const flying = [...view.drones.values()].filter((d) => d.flight_id);
  if (!view.flights.length) return t("flights.answer.none");
  const n = view.flights.length,
    total = view.flights.reduce((sum, f) => sum + f.duration_s, 0);
  const first = view.cursor
    ? t("flights.answer.first", { n, time: airTime(total) })
    : t("flights.answer.some", { n, time: airTime(total) });
  const missing = view.flights.filter((f) => f.status === "landing_not_observed").length;
  const second = flying.length
    ? t("flights.answer.flying", { n: flying.length, who: flying.map((d) => d.name).join(", ") })
    : t("flights.answer.ground");
  return [first, second, missing && t("flights.answer.missing", { n: missing })].filter(Boolean).join(" ");
}

/** @param {FlightLine} flight */
function row(flight) {
  const begin = timeOf(flight.takeoff, hourOf);
  const end = flight.landing ? ` – ${hourOf(flight.landing)}` : flight.status === "airborne" ? "" : " – ?";
  /** @param {string} text @param {string} name */
  const figure = (text, name) =>
    h("span", { class: "figure" }, h("span", { class: "hidden-text" }, `${t(name)} `), text);
  return h(
    "li",
    {},
    h(
      "a",
      { class: "flight-row", href: `/flights/${flight.id}` },
      tinyTrack(flight),
      h(
        "span",
        { class: "flight-when" },
        h("strong", {}, begin, end),
        h(
          "span",
          { class: "quiet" },
          t("flights.number", {
            drone: view.drones.get(flight.drone_id)?.name ?? flight.drone_id,
            number: flight.number,
          }),
        ),
      ),
      h(
        "span",
        { class: "flight-figures" },
        figure(airTime(flight.duration_s), "flights.figure.duration"),
        figure(distance(flight.distance_m), "flights.figure.distance"),
        figure(
          flight.altitude_rel_max_m === null ? "–" : measure(flight.altitude_rel_max_m, "m", 0),
          "flights.figure.height",
        ),
      ),
      h("span", { class: "flight-state" }, statusMark(flight.status), marks(flight.flags)),
    ),
  );
}

function show() {
  answer(sentence());
  if (!view.flights.length) {
    const filtered = view.asked.drone || view.asked.status || view.asked.days !== ADDRESS.days;
    fill(
      byId("content"),
      empty(
        t("flights.none"),
        t(filtered ? "flights.none_filtered" : "flights.none_text"),
        view.asked.days !== "all" &&
          h("button", { type: "button", onclick: () => change({ days: "all" }) }, t("flights.days.all")),
      ),
    );
    return;
  }
  const days = grouped();
  fill(
    byId("content"),
    [...days].map(([at, some]) =>
      h(
        "section",
        { class: "card flight-day" },
        h(
          "div",
          { class: "card-head" },
          h("h2", {}, dayName(at)),
          h(
            "p",
            { class: "quiet" },
            t("flights.day", {
              n: some.length,
              time: airTime(some.reduce((sum, f) => sum + f.duration_s, 0)),
              far: distance(some.reduce((sum, f) => sum + f.distance_m, 0)),
            }),
          ),
        ),
        h("ol", { class: "flight-list" }, some.map(row)),
      ),
    ),
    view.cursor && h("p", { class: "actions" }, h("button", { type: "button", onclick: more }, t("flights.more"))),
  );
}

function grouped() {
  /** @type {Map<number, FlightLine[]>} */
  const days = new Map();
  for (const flight of view.flights) {
    days.set(midnight(flight.takeoff), [...(days.get(midnight(flight.takeoff)) ?? []), flight]);
  }
  return days;
}

function showFilters() {
  /** @param {string} name @param {[string, string][]} options */
  const chipsOf = (name, options) =>
    chips(t(`flights.filter.${name}`), options, view.asked[name], (value) => change({ [name]: value }));
  refill(
    byId("filters"),
    chipsOf(
      "days",
      ["1", "7", "30", "all"].map((days) => [days, t(`flights.days.${days}`)]),
    ),
    chipsOf("drone", [["", t("flights.every")], ...[...view.drones.values()].map(pair)]),
    chipsOf(
      "status",
      ["", "airborne", "landing_not_observed"].map((status) => [status, t(`flights.status.${status || "any"}`)]),
    ),
  );
}

/** @param {Item<"/drones">} drone @returns {[string, string]} */
const pair = ({ id, name }) => [id, name];

/** @param {Values} wish */
async function change(wish) {
  view.asked = { ...view.asked, ...wish };
  toAddress(view.asked, ADDRESS, { push: true });
  await read();
}

async function more() {
  const page = await get("/flights", query({ cursor: view.cursor }));
  const at = view.flights.length;
  view.flights = [...view.flights, ...page.items];
  view.cursor = page.next_cursor;
  show();
  document.querySelectorAll(".flight-row")[at]?.focus();
}

const read = reading(async () => {
  const [page, known] = await Promise.all([get("/flights", query()), all("/drones")]);
  view.flights = page.items;
  view.cursor = page.next_cursor;
  view.drones = new Map(known.map((d) => [d.id, d]));
  showFilters();
  show();
});

addEventListener("popstate", () => {
  view.asked = fromAddress(ADDRESS);
  read();
});
await read();
live({ topics: ["flight"], kinds: ["fire_drone"], on: { flight: settled(500, read) } });
