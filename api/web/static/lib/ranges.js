import { now } from "./times.js";

// Ranges people ask for, and for any range the bucket that gives a few hundred points: never more than a screen shows.
const HOUR = 3600;
/** @type {Record<string, number>} */
export const RANGES = {
  "1h": HOUR,
  "6h": 6 * HOUR,
  "24h": 24 * HOUR,
  "7d": 7 * 24 * HOUR,
  "30d": 30 * 24 * HOUR,
  "1y": 366 * 24 * HOUR,
};
/** @type {[string, number][]} */
const BUCKETS = [
  ["10s", 10],
  ["1m", 60],
  ["5m", 300],
  ["15m", 900],
  ["1h", HOUR],
  ["6h", 6 * HOUR],
  ["1d", 24 * HOUR],
];
const POINTS = 700;

/**
 * Seconds from and to of an address {range, from, to}; what is no time is the last day.
 * @param {{range: string, from: string, to: string}} address
 */
export function span({ range, from, to }) {
  const until = Date.parse(to) || now(),
    since = Date.parse(from);
  if (from && since < until) return [since / 1000, until / 1000];
  return [now() / 1000 - (RANGES[range] ?? RANGES["24h"]), now() / 1000];
}

/**
 * Bucket for a span; null means raw samples, where few enough are to be expected.
 * @param {[number, number]} span
 * @param {number} interval
 */
export function bucketFor([from, to], interval) {
  if ((to - from) / interval <= POINTS) return null;
  return (BUCKETS.find(([, seconds]) => (to - from) / seconds <= POINTS && seconds >= interval) ?? BUCKETS.at(-1))[0];
}
