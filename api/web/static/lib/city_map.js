import { eachFrame } from "./dom.js";
import { gather } from "./clusters.js";
import { base, escaped, L } from "./map.js";
import { drawCluster, forgetMarks, mark } from "./map_marks.js";
import { STATES, UNWELL } from "./states.js";
import { onTones } from "./tones.js";
import { t } from "./words.js";

// Its projection and transformation are documented, but not in the types.
/** @type {any} */
const GRID = L.CRS.EPSG3857;
const ALONE_FROM = 17;
const REACH = 16;

/** @type {any} */
const Canvas = L.Layer.extend({
  initialize(/** @type {any} */ options) {
    L.setOptions(this, options);
  },
  onAdd(/** @type {LeafletMap} */ map) {
    this.canvas = L.DomUtil.create("canvas", "", map.getPane("overlayPane"));
    this.canvas.style.position = "absolute";
    this.canvas.style.pointerEvents = "none";
    map.on("moveend viewreset resize zoomend", this.redraw, this);
    this.redraw();
  },
  onRemove(/** @type {LeafletMap} */ map) {
    this.canvas.remove();
    map.off("moveend viewreset resize zoomend", this.redraw, this);
  },
  redraw() {
    this.options.draw();
  },
});

/** @param {Thing} item @returns {[number, number]} */
const placeOf = (item) => [item.lat ?? 0, item.lon ?? 0];

/** @typedef {Thing & {mx: number, my: number}} Spot */
/** @typedef {{x: number, y: number, reach: number, item?: Thing, items?: Thing[], unwell?: number}} Hit */

/** Devices on a map: up to some thousands on one canvas. `items`: {id, lat, lon, state, title}. */
export class CityMap {
  /** @param {HTMLElement} place @param {{label: string, choose: (id: string) => void}} how */
  constructor(place, { label, choose }) {
    this.map = base(place, { label });
    this.choose = choose;
    /** @type {Map<string, Spot>} */
    this.items = new Map();
    /** @type {string | null} */
    this.chosen = null;
    /** @type {Hit[]} */
    this.hits = [];
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

  /**
   * Show these and no others.
   * @param {Thing[]} items
   */
  show(items) {
    this.items = new Map(items.filter((i) => i.lat !== null && i.lon !== null).map((i) => [i.id, this.#placed(i)]));
    this.draw();
  }

  /**
   * Draw one anew, where it is shown.
   * @param {Thing} item
   */
  update(item) {
    const old = this.items.get(item.id);
    if (!old) return;
    const visible = old.state !== item.state || old.lat !== item.lat || old.lon !== item.lon;
    this.items.set(item.id, this.#placed(item));
    if (visible) this.draw();
  }

  /**
   * Mark as chosen, and bring it into view where it is not.
   * @param {string | null} id
   */
  select(id) {
    this.chosen = id;
    const item = this.items.get(id ?? "");
    const at = item && placeOf(item);
    if (at && !this.map.getBounds().pad(-0.05).contains(at)) this.map.panTo(at, { animate: false });
    this.draw();
  }

  /** See all that are shown. */
  fit() {
    if (!this.items.size) return;
    const bounds = L.latLngBounds([...this.items.values()].map(placeOf));
    this.map.fitBounds(bounds.pad(0.08), { maxZoom: 17, animate: false });
  }

  /** @param {Thing} item */
  #placed(item) {
    const at = GRID.projection.project(L.latLng(item.lat ?? 0, item.lon ?? 0));
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
    const origin = /** @type {LeafletPoint} */ (map.getPixelBounds().min),
      points = this.#points(origin, size);
    const { singles, clusters } = gather(points, { alone: map.getZoom() >= ALONE_FROM });
    this.hits = [];
    singles.sort((a, b) => STATES.indexOf(b.item.state) - STATES.indexOf(a.item.state));
    for (const { x, y, item } of singles) this.#single(c, x - origin.x, y - origin.y, item);
    for (const { x, y, items } of clusters) this.#cluster(c, x - origin.x, y - origin.y, items);
  }

  /** @param {LeafletPoint} origin @param {LeafletPoint} size */
  #points(origin, size) {
    const transform = GRID.transformation,
      scale = GRID.scale(this.map.getZoom()),
      points = [];
    for (const item of this.items.values()) {
      const x = scale * (transform._a * item.mx + transform._b),
        y = scale * (transform._c * item.my + transform._d);
      if (x > origin.x - 60 && y > origin.y - 60 && x < origin.x + size.x + 60 && y < origin.y + size.y + 60) {
        points.push({ x, y, item });
      }
    }
    return points;
  }

  /** @param {CanvasRenderingContext2D} c @param {number} x @param {number} y @param {Thing} item */
  #single(c, x, y, item) {
    c.drawImage(mark(item.state, item.id === this.chosen), x - mark.SIZE / 2, y - mark.SIZE / 2, mark.SIZE, mark.SIZE);
    this.hits.push({ x, y, reach: REACH, item });
  }

  /** @param {CanvasRenderingContext2D} c @param {number} x @param {number} y @param {Thing[]} items */
  #cluster(c, x, y, items) {
    const states = items.map((i) => i.state),
      unwell = states.filter((s) => UNWELL.has(s)).length;
    const gravest = STATES.find((s) => states.includes(s)) ?? "unknown";
    const reach = drawCluster(c, x, y, items.length, unwell, gravest) + 4;
    this.hits.push({ x, y, reach, items, unwell });
  }

  /** @param {{x: number, y: number}} at */
  #hit({ x, y }) {
    /** @type {Hit | null} */
    let best = null;
    let nearest = Infinity;
    for (const hit of this.hits ?? []) {
      const far = Math.hypot(hit.x - x, hit.y - y);
      if (far < hit.reach && far < nearest) {
        best = hit;
        nearest = far;
      }
    }
    return best;
  }

  /** @param {LeafletPoint} at */
  #click(at) {
    const hit = this.#hit(at);
    if (!hit) return;
    if (hit.item) {
      this.choose(hit.item.id);
      return;
    }
    const bounds = L.latLngBounds((hit.items ?? []).map(placeOf));
    this.map.fitBounds(bounds.pad(0.2), { animate: false, maxZoom: Math.max(ALONE_FROM, this.map.getZoom() + 1) });
  }

  /** @param {LeafletPoint} at */
  #hover(at) {
    const hit = this.#hit(at);
    this.map.getContainer().style.cursor = hit ? "pointer" : "";
    if (!hit) {
      this.map.closeTooltip(this.tip);
      return;
    }
    const text = hit.item
      ? `${hit.item.title}: ${t(`state.${hit.item.state}`)}`
      : t("map.cluster", { n: hit.items?.length, unwell: hit.unwell });
    this.tip.setLatLng(this.map.containerPointToLatLng([hit.x, hit.y])).setContent(escaped(text));
    this.map.openTooltip(this.tip);
  }
}
