/**
 * Metrics under the names that Prometheus sees.
 *
 * Counters and gauges are `<type>_<key>`, as in MOSN. A histogram appears twice:
 *
 * - under MOSN's names and in MOSN's unit, nanoseconds where it is a time (keys that end in `_time`): the gauges
 *   `<type>_<key>_min` and `<type>_<key>_max`, percentiles as `<type>_<key>{percentile="P95"}` when asked for, and for
 *   times the counter `<type>_<key>_total`, their sum;
 * - as a histogram of Prometheus: times in seconds as `<type>_<stem>_duration_seconds`, where the stem is the key
 *   without `_time` or `_duration_time` (`downstream_request_duration_seconds`), others as `<type>_<key>_distribution`.
 */

import { BUCKET_BOUNDS, type HistogramValue, quantile } from './histogram.ts';
import type { GroupValue } from './metric-store.ts';

type Labels = Readonly<Record<string, string>>;

/** One line of the exposition. */
export interface Sample {
  /** Only where it is not the family's: `…_bucket`, `…_sum`, `…_count`. */
  readonly metricName?: string;
  readonly labels: Labels;
  readonly value: number;
}

/** All samples that share a name. */
export interface Family {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly values: Sample[];
}

const NANOSECONDS = 1e6;
const MS_PER_SECOND = 1000;

/** Names and groups the metrics. `percentiles` are numbers such as 95. */
export function metricFamilies(groups: readonly GroupValue[], percentiles: readonly number[] = []): Family[] {
  const families = new FamilyTable();
  for (const { type, labels: pairs, metrics } of groups) {
    const labels: Record<string, string> = {};
    for (const [name, value] of pairs) labels[exportedLabel(name)] = value;
    for (const metric of metrics) {
      const name = exportedName(`${type}_${metric.key}`);
      if (metric.kind === 'histogram')
        addHistogram(families, type, metric.key, name, labels, metric.value, percentiles);
      else families.add(name, metric.kind, { labels, value: metric.value });
    }
  }
  return families.list();
}

/** Makes a metric name of any text, as MOSN does. */
export function exportedName(text: string): string {
  return text.replace(/[^a-zA-Z0-9_:]/g, '_').replace(/^\d/, '_$&');
}

function exportedLabel(text: string): string {
  return text.replace(/[^a-zA-Z0-9_]/g, '_').replace(/^\d/, '_$&');
}

/** Whether the values of a histogram are durations, kept in milliseconds. */
export function isTime(key: string): boolean {
  return key.endsWith('_time');
}

/** A histogram's value in the unit of MOSN's names. */
export function mosnUnit(key: string, value: number): number {
  return isTime(key) ? Math.round(value * NANOSECONDS) : value;
}

function addHistogram(
  families: FamilyTable,
  type: string,
  key: string,
  name: string,
  labels: Labels,
  value: HistogramValue,
  percentiles: readonly number[],
): void {
  families.add(`${name}_min`, 'gauge', { labels, value: mosnUnit(key, value.min) });
  families.add(`${name}_max`, 'gauge', { labels, value: mosnUnit(key, value.max) });
  if (isTime(key)) families.add(`${name}_total`, 'counter', { labels, value: mosnUnit(key, value.sum) });
  for (const percentile of percentiles) {
    const labelled = { ...labels, percentile: `P${percentile}` };
    families.add(name, 'gauge', { labels: labelled, value: mosnUnit(key, quantile(value, percentile / 100)) });
  }

  const stem = key.replace(/(_duration)?_time$/, '');
  const real = isTime(key) ? exportedName(`${type}_${stem}_duration_seconds`) : `${name}_distribution`;
  const divisor = isTime(key) ? MS_PER_SECOND : 1;
  let below = 0;
  for (const [index, count] of value.buckets.entries()) {
    below += count;
    const bound = BUCKET_BOUNDS[index];
    const le = bound === undefined ? '+Inf' : String(bound / divisor);
    families.add(real, 'histogram', { metricName: `${real}_bucket`, labels: { ...labels, le }, value: below });
  }
  families.add(real, 'histogram', { metricName: `${real}_sum`, labels, value: value.sum / divisor });
  families.add(real, 'histogram', { metricName: `${real}_count`, labels, value: value.count });
}

/**
 * Different metrics may come to have the same name, because filters invent keys and odd characters become `_`. One
 * sample too many would make a scraper refuse all of them, so the first one wins.
 */
class FamilyTable {
  readonly #families = new Map<string, { family: Family; seen: Set<string> }>();

  add(name: string, type: Family['type'], sample: Sample): void {
    let entry = this.#families.get(name);
    if (entry === undefined) {
      entry = { family: { name, type, help: name.replaceAll('_', ' '), values: [] }, seen: new Set() };
      this.#families.set(name, entry);
    }
    const id = JSON.stringify([sample.metricName, sample.labels]);
    if (entry.family.type !== type || entry.seen.has(id)) return;
    entry.seen.add(id);
    entry.family.values.push(sample);
  }

  list(): Family[] {
    return [...this.#families.values()].map(({ family }) => family);
  }
}
