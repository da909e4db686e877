import { base, L } from "../../lib/map.js";
import { onTones, tone } from "../../lib/tones.js";

/** @typedef {{ts: string, lat: number, lon: number, segment: number} & Record<string, any>} TrackPoint */

/** A map with a track: lines where samples are, dashed across gaps, a mark that moves with the charts' cursor. */
export class TrackMap {
  /** @param {HTMLElement} place @param {TrackPoint[]} points @param {string} label */
  constructor(place, points, label) {
    this.points = points.filter((p) => typeof p.lat === "number" && typeof p.lon === "number");
    this.times = this.points.map((p) => Date.parse(p.ts) / 1000);
    this.map = base(place, { label });
    this.layer = L.layerGroup().addTo(this.map);
    /** @type {import("leaflet").CircleMarker | null} */
    this.mark = null;
    this.#draw();
    onTones(() => this.#draw());
    if (this.points.length) {
      this.map.fitBounds(L.latLngBounds(this.points.map(at)).pad(0.15), { maxZoom: 18, animate: false });
    }
  }

  /**
   * Show where it was at an instant (seconds); nothing where no sample is near.
   * @param {number} second
   */
  point(second) {
    const found = this.#nearest(second);
    this.mark?.remove();
    this.mark =
      found &&
      L.circleMarker(at(found), {
        radius: 8,
        color: tone("surface"),
        weight: 3,
        fillColor: tone("alarm"),
        fillOpacity: 1,
        interactive: false,
      }).addTo(this.map);
  }

  /** @param {number} second */
  #nearest(second) {
    if (!this.times.length) return null;
    let low = 0,
      high = this.times.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.times[middle] < second) low = middle + 1;
      else high = middle;
    }
    const near = low > 0 && second - this.times[low - 1] < this.times[low] - second ? low - 1 : low;
    return Math.abs(this.times[near] - second) < 15 ? this.points[near] : null;
  }

  #draw() {
    this.layer.clearLayers();
    /** @type {TrackPoint[][]} */
    const lines = [];
    for (const point of this.points) {
      if (!lines.length || lines.at(-1).at(-1).segment !== point.segment) lines.push([]);
      lines.at(-1).push(point);
    }
    for (const [i, line] of lines.entries()) {
      L.polyline(line.map(at), { color: tone("surface"), weight: 6, interactive: false }).addTo(this.layer);
      L.polyline(line.map(at), { color: tone("accent"), weight: 3, interactive: false }).addTo(this.layer);
      if (i) {
        L.polyline([at(lines[i - 1].at(-1)), at(line[0])], {
          color: tone("quiet"),
          weight: 2,
          dashArray: "3 6",
          interactive: false,
        }).addTo(this.layer);
      }
    }
    if (!this.points.length) return;
    const edge = { radius: 6, weight: 2, color: tone("surface"), fillOpacity: 1, interactive: false };
    L.circleMarker(at(this.points[0]), { ...edge, fillColor: tone("ok") }).addTo(this.layer);
  }
}

/** @param {TrackPoint} point @returns {[number, number]} */
const at = ({ lat, lon }) => [lat, lon];
