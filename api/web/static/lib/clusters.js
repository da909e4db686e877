// Grid over world pixels: cells stay where they are while the map is moved.
const CELL = 56;

/** @typedef {{x: number, y: number, item: Thing}} Placed */

/**
 * Gather points {x, y, item} in world pixels into singles and clusters {x, y, items}: a cell holds one mark for all its
 * things; with `alone`, everything stands alone.
 * @param {Placed[]} points
 * @param {{alone: boolean}} how
 */
export function gather(points, { alone }) {
  if (alone) return { singles: points, clusters: [] };
  /** @type {Map<number, Placed[]>} */
  const cells = new Map();
  for (const point of points) {
    const key = Math.floor(point.x / CELL) * 65_536 + Math.floor(point.y / CELL);
    const cell = cells.get(key);
    if (cell) cell.push(point);
    else cells.set(key, [point]);
  }
  const singles = [],
    clusters = [];
  for (const cell of cells.values()) {
    if (cell.length < 3) {
      singles.push(...cell);
      continue;
    }
    let x = 0,
      y = 0;
    for (const point of cell) {
      x += point.x;
      y += point.y;
    }
    clusters.push({ x: x / cell.length, y: y / cell.length, items: cell.map((point) => point.item) });
  }
  return { singles, clusters };
}
