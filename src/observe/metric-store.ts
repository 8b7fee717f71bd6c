/**
 * The metrics of one thread. Groups are made when a configuration is compiled; what runs per request is an addition
 * to an array element. Whoever scrapes calls `sum` with the stores of all threads: they are joined by the names of
 * their metrics, so threads need not agree on slots.
 */

import type { Counter, Histogram, MetricGroup, Metrics } from '../api/metrics.ts';
import { HISTOGRAM_SLOTS, type HistogramValue, SlotHistogram, sumHistograms } from './histogram.ts';
import type { MetricsConfig } from './observe-schema.ts';
import { SlotRow } from './slots.ts';

/** As in MOSN. */
const MAX_LABELS = 20;

type Kind = 'counter' | 'gauge' | 'histogram';

class SlotCounter implements Counter {
  readonly page: Float64Array;
  readonly slot: number;

  constructor(page: Float64Array, slot: number) {
    this.page = page;
    this.slot = slot;
  }

  add(n: number): void {
    this.page[this.slot] = (this.page[this.slot] as number) + n;
  }

  get value(): number {
    return this.page[this.slot] as number;
  }
}

type Metric =
  | { readonly kind: 'counter' | 'gauge'; readonly handle: SlotCounter }
  | { readonly kind: 'histogram'; readonly handle: SlotHistogram };

class Group implements MetricGroup {
  readonly type: string;
  /** Sorted by name. */
  readonly labels: readonly (readonly [string, string])[];
  readonly metrics = new Map<string, Metric>();
  readonly #row: SlotRow;

  constructor(type: string, labels: readonly (readonly [string, string])[], row: SlotRow) {
    this.type = type;
    this.labels = labels;
    this.#row = row;
  }

  counter(key: string): Counter {
    return this.#number(key, 'counter');
  }

  gauge(key: string): Counter {
    return this.#number(key, 'gauge');
  }

  histogram(key: string): Histogram {
    const known = this.metrics.get(key);
    if (known?.kind === 'histogram') return known.handle;
    if (known) throw this.#conflict(key, known.kind);
    const handle = new SlotHistogram(this.#row.allocate(HISTOGRAM_SLOTS));
    this.metrics.set(key, { kind: 'histogram', handle });
    return handle;
  }

  #number(key: string, kind: 'counter' | 'gauge'): SlotCounter {
    const known = this.metrics.get(key);
    if (known?.kind === kind) return known.handle;
    if (known) throw this.#conflict(key, known.kind);
    const { page, first } = this.#row.allocate(1);
    const handle = new SlotCounter(page, first);
    this.metrics.set(key, { kind, handle });
    return handle;
  }

  #conflict(key: string, kind: Kind): Error {
    return new TypeError(`metric ${this.type}_${key} is a ${kind}`);
  }
}

export class MetricStore implements Metrics {
  readonly groups = new Map<string, Group>();
  readonly #row = new SlotRow();

  /** Throws a RangeError for more than 20 labels. */
  group(type: string, labels: Readonly<Record<string, string>>): MetricGroup {
    const sorted = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1));
    if (sorted.length > MAX_LABELS) throw new RangeError(`metrics ${type} have more than ${MAX_LABELS} labels`);
    const id = JSON.stringify([type, sorted]);
    let group = this.groups.get(id);
    if (group === undefined) {
      group = new Group(type, sorted, this.#row);
      this.groups.set(id, group);
    }
    return group;
  }
}

/** One metric as it is shown. */
export type MetricValue =
  | { readonly key: string; readonly kind: 'counter' | 'gauge'; readonly value: number }
  | { readonly key: string; readonly kind: 'histogram'; readonly value: HistogramValue };

/** The metrics of one subject as they are shown. */
export interface GroupValue {
  readonly type: string;
  /** Sorted by name. */
  readonly labels: readonly (readonly [string, string])[];
  readonly metrics: readonly MetricValue[];
}

/** Which metrics are not shown. They are counted all the same, because the proxy itself reads some of them. */
export type StatsMatcher = MetricsConfig['stats_matcher'];

/** Reads the metrics of all threads and adds up what has the same name and labels. */
export function sum(stores: readonly MetricStore[], matcher?: StatsMatcher): GroupValue[] {
  if (matcher?.reject_all) return [];
  const hiddenLabels = new Set(matcher?.exclusion_labels);
  const hiddenKeys = new Set(matcher?.exclusion_keys);
  const values: GroupValue[] = [];
  for (const id of new Set(stores.flatMap((store) => [...store.groups.keys()]))) {
    const groups = stores.flatMap((store) => store.groups.get(id) ?? []);
    const { type, labels } = groups[0] as Group;
    if (labels.some(([name]) => hiddenLabels.has(name))) continue;
    const keys = [...new Set(groups.flatMap((group) => [...group.metrics.keys()]))];
    const shown = keys.filter((key) => !hiddenKeys.has(key));
    values.push({ type, labels, metrics: shown.map((key) => sumMetric(key, groups)) });
  }
  return values;
}

function sumMetric(key: string, groups: readonly Group[]): MetricValue {
  const metrics = groups.flatMap((group) => group.metrics.get(key) ?? []);
  const { kind } = metrics[0] as Metric;
  if (kind === 'histogram') {
    return { key, kind, value: sumHistograms(metrics.flatMap((m) => (m.kind === kind ? m.handle : []))) };
  }
  let value = 0;
  for (const metric of metrics) if (metric.kind === kind) value += metric.handle.value;
  return { key, kind, value };
}
