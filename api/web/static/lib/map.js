import "../vendor/leaflet.js";
import { facts, file, language } from "./facts.js";
import { calm, onTones, tone } from "./tones.js";
import { t } from "./words.js";

/** Leaflet itself, for what this wrapper does not do. */
export const L = window.L;
/** @type {[number, number]} */
const HOME = [49.4405, 7.7705];

/**
 * A map in `place`, with the drawn surroundings or the set tile server, a scale and who made it.
 * @param {HTMLElement} place
 * @param {{label: string}} how
 */
export function base(place, { label }) {
  place.setAttribute("role", "region");
  place.setAttribute("aria-label", `${label}. ${t("map.keys")}`);
  const map = L.map(place, {
    center: HOME,
    zoom: 15,
    minZoom: 3,
    maxZoom: 20,
    preferCanvas: true,
    zoomControl: false,
    attributionControl: false,
    zoomAnimation: false,
    fadeAnimation: false,
    markerZoomAnimation: false,
    inertia: !calm,
    keyboardPanDelta: 120,
  });
  L.control.zoom({ position: "topright", zoomInTitle: t("map.in"), zoomOutTitle: t("map.out") }).addTo(map);
  L.control.scale({ imperial: false, maxWidth: 120 }).addTo(map);
  const { url, attribution } = facts.tiles;
  L.control
    .attribution({ prefix: false })
    .addAttribution(url ? escaped(attribution) : t("map.drawn"))
    .addTo(map);
  if (url) L.tileLayer(url, { maxZoom: 20 }).addTo(map);
  else surroundings(map);
  new ResizeObserver(() => map.invalidateSize({ pan: false, animate: false })).observe(place);
  return map;
}

/** @param {string} text */
export const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
/** @type {Record<string, number>} */
const WIDTHS = { main: 7, street: 4, lane: 2.5, path: 1.5, rail: 2.5 };

/** @param {LeafletMap} map */
async function surroundings(map) {
  const drawing = await (await fetch(file("map/surroundings.geojson"))).json();
  const pane = map.createPane("surroundings");
  pane.style.zIndex = "250";
  pane.style.pointerEvents = "none";
  /** @type {(feature: any) => import("leaflet").PathOptions} */
  const style = ({ properties: { is } }) =>
    is === "green" || is === "water" || is === "built"
      ? { stroke: false, fillOpacity: 1, fillColor: tone(is) }
      : {
          color: tone(is === "rail" ? "rail" : "road"),
          weight: WIDTHS[is] * Math.max(0.35, Math.min(2.2, 2 ** (map.getZoom() - 16.5))),
          dashArray: is === "rail" ? "6 4" : undefined,
          lineCap: "round",
        };
  const layer = L.geoJSON(
    drawing,
    /** @type {any} */ ({
      pane: "surroundings",
      interactive: false,
      renderer: L.canvas({ pane: "surroundings", padding: 0.5 }),
      style,
      pointToLayer: (/** @type {any} */ feature, /** @type {[number, number]} */ at) =>
        L.circleMarker(at, { pane: "surroundings", radius: 0, stroke: false }).bindTooltip(
          feature.properties.name[language] ?? feature.properties.name.de,
          { permanent: true, direction: "center", className: "place-name" },
        ),
    }),
  ).addTo(map);
  const names = () => {
    layer.eachLayer((/** @type {any} */ one) => {
      if (!one.getTooltip?.()) return;
      if (map.getZoom() >= (one.feature.properties.from ?? 14)) one.openTooltip();
      else one.closeTooltip();
    });
  };
  map.on("zoomend", () => {
    layer.setStyle(style);
    names();
  });
  names();
  onTones(() => layer.setStyle(style));
}
