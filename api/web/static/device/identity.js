import { get } from "../lib/api.js";
import { fill, h } from "../lib/dom.js";
import { valueText } from "../lib/kinds.js";
import { ago, timeOf } from "../lib/times.js";
import { fieldName, t } from "../lib/words.js";
import { id, place, view } from "./view.js";

/** @typedef {import("./view.js").Newest} Newest */

/** @param {string | null} one */
const link = (one) => (one ? h("a", { href: `/devices/${one}` }, one) : t("device.connector_hidden"));

/** Who speaks for the device, and for whom it speaks. */
export async function readConnectors() {
  const [above, below] = await Promise.all([get(`/devices/${id}/connectors`), get(`/devices/${id}/members`)]);
  view.speaker = above.items.filter((one) => !one.until);
  view.members = below.items;
  if (view.speaker.length + view.members.length) showFacts();
}

/** @param {Record<string, any>} found */
const entries = (found) =>
  Object.entries(found)
    .filter(([name]) => name !== "lat" && name !== "lon")
    .map(([name, value]) => [
      h("dt", {}, fieldName(view.device.kind, name)),
      h("dd", {}, valueText(view.kind, name, value)),
    ]);

/** @param {string} text @param {...Child} value */
const entry = (text, ...value) => [h("dt", {}, text), h("dd", {}, ...value)];

/** Who speaks for it, and for whom it speaks. */
function connections() {
  const { speaker, members, device } = view;
  const some = members.slice(0, 50).map((one, at) => [at > 0 && ", ", link(one.id)]);
  return [
    speaker.length > 0 &&
      entry(
        t("device.connector"),
        speaker.map((one) => link(one.id)),
      ),
    members.length > 0 && entry(t("device.members", { n: members.length }), some, members.length > 50 && ", …"),
    device.via && entry(t("device.via"), h("a", { href: `/devices/${device.via}` }, device.via)),
  ];
}

function position() {
  const { lat, lon } = view.device;
  if (lat === null) return null;
  const href = `/city?${new URLSearchParams({ device: id, pane: "map" })}`;
  const text = `${valueText(view.kind, "lat", lat)}, ${valueText(view.kind, "lon", lon)}`;
  return entry(t("device.place"), h("a", { href }, text));
}

/** @param {string} title @param {Newest["channel"]} channel */
function folded(title, channel) {
  const found = view.latest.find((r) => r.channel === channel && r.part === "")?.values ?? {};
  const list = () => h("dl", { class: "facts" }, entries(found));
  return Object.keys(found).length > 0 && h("details", {}, h("summary", {}, title), list());
}

/** What the device is, where, and what it says of its settings and make. */
export function showFacts() {
  const { device } = view;
  fill(
    place.facts,
    h(
      "dl",
      { class: "facts" },
      entry(t("device.id"), device.id),
      entry(t("device.controller"), device.device_id ?? t("device.no_controller")),
      entry(
        t("device.status"),
        t(`connection.${device.status}`),
        device.status_since && [", ", timeOf(device.status_since)],
      ),
      entry(t("device.seen"), timeOf(device.seen, ago)),
      position(),
      connections(),
      entries(device.attributes),
    ),
    folded(t("device.settings"), "state"),
    folded(t("device.maker"), "info"),
  );
}
