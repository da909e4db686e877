import { get } from "./api.js";
import { withGaps } from "./chart.js";
import { bucketFor } from "./ranges.js";
import { t } from "./words.js";

/** @param {number} second */
const iso = (second) => new Date(second * 1000).toISOString();

/**
 * One field of a device over a span of seconds, ready for a chart: {x, y, low, high, gaps, bucket, source}.
 * @param {string} id
 * @param {{field: string, part: string, interval: number, span: [number, number]}} asked
 */
export async function fieldOver(id, { field, part, interval, span }) {
  const bucket = bucketFor(span, interval);
  const asked = { fields: field, part, from: iso(span[0]), to: iso(span[1]) };
  const answer = await get(`/devices/${id}/telemetry`, bucket ? { ...asked, bucket } : { ...asked, limit: 10_000 });
  const items = answer.items.filter((item) => item.values[field] !== undefined);
  const half = bucket && items.length > 1 ? width(bucket) / 2 : 0;
  const x = items.map((item) => Date.parse(item.ts) / 1000 + half);
  /** @param {string} [name] */
  const pick = (name) =>
    items.map((item) => known(bucket ? /** @type {any} */ (item.values[field])[name ?? ""] : item.values[field]));
  const columns = bucket ? [pick("mean"), pick("min"), pick("max")] : [pick()];
  const [seconds, [y, low, high]] = withGaps(x, columns, answer.gaps);
  return {
    x: seconds,
    y,
    low,
    high,
    gaps: answer.gaps,
    bucket,
    width: bucket && width(bucket),
    source: answer.source,
    cut: answer.next_from !== null,
  };
}

/**
 * Numbers are drawn; what is not told, or only as "<5", is a gap.
 * @param {any} value
 */
const known = (value) => (typeof value === "number" ? value : null);
/** @type {Record<string, number>} */
const SECONDS = { s: 1, m: 60, h: 3600, d: 86400 };
/** @param {string} bucket */
const width = (bucket) => Number.parseInt(bucket, 10) * SECONDS[bucket.slice(-1)];

/**
 * What a chart shows, as a sentence.
 * @param {{x: number[], y: Column, low?: Column, high?: Column, gaps: Gap[]}} series
 * @param {((value: number) => string) & {when: (at: number) => string}} measured
 */
export function summary({ y, low, high, gaps, x }, measured) {
  const there = y.filter((v) => v !== null);
  if (!there.length) return t("chart.empty");
  const least = Math.min(...(low ?? y).filter((v) => v !== null)),
    most = Math.max(...(high ?? y).filter((v) => v !== null));
  const mean = there.reduce((sum, v) => sum + v, 0) / there.length;
  const top = (high ?? y).indexOf(most);
  const said = t("chart.summary", {
    low: measured(least),
    mean: measured(mean),
    high: measured(most),
    at: measured.when(x[top] * 1000),
  });
  return gaps.length ? `${said} ${t("chart.gaps", { n: gaps.length })}` : said;
}
