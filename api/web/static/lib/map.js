import "../vendor/leaflet.js";
import { eachFrame } from "./dom.js";
import { gather } from "./clusters.js";
import { facts, file, language } from "./facts.js";
import { drawCluster, forgetMarks, mark } from "./marks.js";
import { STATES, UNWELL } from "./states.js";
import { calm, onTones, tone } from "./tones.js";
import { t } from "./words.js";

/** Leaflet itself, for what this wrapper does not do. */
export const L = window.L;
const HOME = [49.4405, 7.7705];
const ALONE_FROM = 17;
const REACH = 16;

/** A map in `place`, with the drawn surroundings or the set tile server, a scale and who made it. */
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

const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
const WIDTHS = { main: 7, street: 4, lane: 2.5, path: 1.5, rail: 2.5 };

async function surroundings(map) {
  const drawing = await (await fetch(file("map/surroundings.geojson"))).json();
  const pane = map.createPane("surroundings");
  pane.style.zIndex = 250;
  pane.style.pointerEvents = "none";
  const style = ({ properties: { is } }) =>
    is === "green" || is === "water" || is === "built"
      ? { stroke: false, fillOpacity: 1, fillColor: tone(is) }
      : {
          color: tone(is === "rail" ? "rail" : "road"),
          weight: WIDTHS[is] * Math.max(0.35, Math.min(2.2, 2 ** (map.getZoom() - 16.5))),
          dashArray: is === "rail" ? "6 4" : null,
          lineCap: "round",
        };
  const layer = L.geoJSON(drawing, {
    pane: "surroundings",
    interactive: false,
    renderer: L.canvas({ pane: "surroundings", padding: 0.5 }),
    style,
    pointToLayer: (feature, at) =>
      L.circleMarker(at, { pane: "surroundings", radius: 0, stroke: false }).bindTooltip(
        feature.properties.name[language] ?? feature.properties.name.de,
        { permanent: true, direction: "center", className: "place-name" },
      ),
  }).addTo(map);
  const names = () => {
    layer.eachLayer((one) => {
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

const Canvas = L.Layer.extend({
  initialize(options) {
    L.setOptions(this, options);
  },
  onAdd(map) {
    this.canvas = L.DomUtil.create("canvas", "", map.getPane("overlayPane"));
    this.canvas.style.position = "absolute";
    this.canvas.style.pointerEvents = "none";
    map.on("moveend viewreset resize zoomend", this.redraw, this);
    this.redraw();
  },
  onRemove(map) {
    this.canvas.remove();
    map.off("moveend viewreset resize zoomend", this.redraw, this);
  },
  redraw() {
    this.options.draw();
  },
});

/** Devices on a map: up to some thousands on one canvas. `items`: {id, lat, lon, state, title}. */
export class CityMap {
  constructor(place, { label, choose }) {
    this.map = base(place, { label });
    this.choose = choose;
    this.items = new Map();
    this.chosen = null;
    this.draw = eachFrame(() => this.#draw());
    this.layer = new Canvas({ draw: this.draw }).addTo(this.map);
    this.tip = L.tooltip({ direction: "top", offset: [0, -10], opacity: 1 });
    this.map.on("click", ({ containerPoint }) => this.#click(containerPoint));
    this.map.on("mousemove", ({ containerPoint }) => this.#hover(containerPoint));
    this.map.on("mouseout", () => this.map.closeTooltip(this.tip));
    onTones(() => {
      forgetMarks();
      this.draw();
    });
  }

  /** Show these and no others. */
  show(items) {
    this.items = new Map(items.filter((i) => i.lat !== null && i.lon !== null).map((i) => [i.id, this.#placed(i)]));
    this.draw();
  }

  /** Draw one anew, where it is shown. */
  update(item) {
    const old = this.items.get(item.id);
    if (!old) return;
    const visible = old.state !== item.state || old.lat !== item.lat || old.lon !== item.lon;
    this.items.set(item.id, this.#placed(item));
    if (visible) this.draw();
  }

  /** Mark as chosen, and bring it into view where it is not. */
  select(id) {
    this.chosen = id;
    const item = this.items.get(id);
    if (item && !this.map.getBounds().pad(-0.05).contains([item.lat, item.lon]))
      this.map.panTo([item.lat, item.lon], { animate: false });
    this.draw();
  }

  /** See all that are shown. */
  fit() {
    if (!this.items.size) return;
    const bounds = L.latLngBounds([...this.items.values()].map((i) => [i.lat, i.lon]));
    this.map.fitBounds(bounds.pad(0.08), { maxZoom: 17, animate: false });
  }

  #placed(item) {
    const at = L.CRS.EPSG3857.projection.project(L.latLng(item.lat, item.lon));
    return { ...item, mx: at.x, my: at.y };
  }

  #draw() {
    const { map } = this,
      size = map.getSize(),
      canvas = this.layer.canvas;
    if (!size.x || !canvas) return;
    const scale = devicePixelRatio;
    if (canvas.width !== size.x * scale || canvas.height !== size.y * scale) {
      canvas.width = size.x * scale;
      canvas.height = size.y * scale;
      canvas.style.width = `${size.x}px`;
      canvas.style.height = `${size.y}px`;
    }
    L.DomUtil.setPosition(canvas, map.containerPointToLayerPoint([0, 0]));
    const c = canvas.getContext("2d");
    c.setTransform(scale, 0, 0, scale, 0, 0);
    c.clearRect(0, 0, size.x, size.y);
    const origin = map.getPixelBounds().min,
      points = this.#points(origin, size);
    const { singles, clusters } = gather(points, { alone: map.getZoom() >= ALONE_FROM });
    this.hits = [];
    singles.sort((a, b) => STATES.indexOf(b.item.state) - STATES.indexOf(a.item.state));
    for (const { x, y, item } of singles) this.#single(c, x - origin.x, y - origin.y, item);
    for (const { x, y, items } of clusters) this.#cluster(c, x - origin.x, y - origin.y, items);
  }

  #points(origin, size) {
    const transform = L.CRS.EPSG3857.transformation,
      scale = L.CRS.EPSG3857.scale(this.map.getZoom()),
      points = [];
    for (const item of this.items.values()) {
      const x = scale * (transform._a * item.mx + transform._b),
        y = scale * (transform._c * item.my + transform._d);
      if (x > origin.x - 60 && y > origin.y - 60 && x < origin.x + size.x + 60 && y < origin.y + size.y + 60)
        points.push({ x, y, item });
    }
    return points;
  }

  #single(c, x, y, item) {
    c.drawImage(mark(item.state, item.id === this.chosen), x - mark.SIZE / 2, y - mark.SIZE / 2, mark.SIZE, mark.SIZE);
    this.hits.push({ x, y, reach: REACH, item });
  }

  #cluster(c, x, y, items) {
    const states = items.map((i) => i.state),
      unwell = states.filter((s) => UNWELL.has(s)).length;
    const gravest = STATES.find((s) => states.includes(s));
    const reach = drawCluster(c, x, y, items.length, unwell, gravest) + 4;
    this.hits.push({ x, y, reach, items, unwell });
  }

  #hit({ x, y }) {
    let best = null,
      nearest = Infinity;
    for (const hit of this.hits ?? []) {
      const far = Math.hypot(hit.x - x, hit.y - y);
      if (far < hit.reach && far < nearest) {
        best = hit;
        nearest = far;
      }
    }
    return best;
  }

  #click(at) {
    const hit = this.#hit(at);
    if (!hit) return;
    if (hit.item) {
      this.choose(hit.item.id);
      return;
    }
    const bounds = L.latLngBounds(hit.items.map((i) => [i.lat, i.lon]));
    this.map.fitBounds(bounds.pad(0.2), { animate: false, maxZoom: Math.max(ALONE_FROM, this.map.getZoom() + 1) });
  }

  #hover(at) {
    const hit = this.#hit(at);
    this.map.getContainer().style.cursor = hit ? "pointer" : "";
    if (!hit) {
      this.map.closeTooltip(this.tip);
      return;
    }
    const text = hit.item
      ? `${hit.item.title}: ${t(`state.${hit.item.state}`)}`
      : t("map.cluster", { n: hit.items.length, unwell: hit.unwell });
    this.tip.setLatLng(this.map.containerPointToLatLng([hit.x, hit.y])).setContent(escaped(text));
    this.map.openTooltip(this.tip);
  }
}
