/** The metrics as the text that Prometheus scrapes (exposition format 0.0.4). */

import { createRequire } from 'node:module';
import type { Metric, Registry } from 'prom-client';
import { type Family, metricFamilies } from './metric-families.ts';
import { type MetricStore, type StatsMatcher, sum } from './metric-store.ts';
import { processFamilies, runtimeFamilies } from './process-metrics.ts';

export const PROMETHEUS_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

export interface ExpositionOptions {
  readonly matcher?: StatsMatcher;
  readonly percentiles?: readonly number[];
  readonly process: boolean;
  readonly runtime: boolean;
}

/** Writes all metrics of all threads. */
export function exposition(stores: readonly MetricStore[], options: ExpositionOptions): Promise<string> {
  const registry = newRegistry();
  const families = metricFamilies(sum(stores, options.matcher), options.percentiles);
  if (options.process) families.push(...processFamilies());
  if (options.runtime) families.push(...runtimeFamilies());
  for (const family of families) registry.registerMetric(asMetric(family));
  return registry.metrics();
}

let RegistryClass: (new () => Registry) | undefined;

/**
 * prom-client is loaded with the first scrape, and of it the registry alone: 3 MiB of resident memory, where the whole
 * package with its collectors and its push gateway takes 14.
 */
function newRegistry(): Registry {
  RegistryClass ??= createRequire(import.meta.url)('prom-client/lib/registry.js') as new () => Registry;
  return new RegistryClass();
}

/** All that a registry asks of a metric is `name` and `get`; its own classes would keep the numbers a second time. */
function asMetric(family: Family): Metric {
  return { ...family, get: () => family } as unknown as Metric;
}
