/** `/api/v1/stats` and `/api/v1/stats_glob`: the metrics in MOSN's own forms. */

import { mosnUnit } from '../observe/metric-families.ts';
import type { GroupValue, MetricValue } from '../observe/metric-store.ts';
import { type AdminRequest, type AdminResponse, failure, json, text } from './admin-request.ts';

/** type → namespace → key → value. `?key=` asks for one group, by `type.namespace`. */
export function stats({ query }: AdminRequest, groups: readonly GroupValue[]): AdminResponse {
  if (query.size > 1) return failure(400, 'only one parameter is allowed');
  const key = query.get('key');
  const shown = key === null ? groups : groups.filter((group) => `${group.type}.${namespace(group)}` === key);
  if (key !== null && shown.length === 0) return text(`no metrics key: ${key}`);
  const types = new Map<string, Map<string, object>>();
  for (const group of shown) {
    let type = types.get(group.type);
    if (type === undefined) {
      type = new Map();
      types.set(group.type, type);
    }
    type.set(namespace(group), Object.fromEntries(group.metrics.flatMap(lines)));
  }
  const tree = [...types].map(([type, namespaces]) => [type, Object.fromEntries(namespaces)]);
  return json(Object.fromEntries(tree), '\t');
}

/** `key:value` lines of the group that counts for all listeners. */
export function globalStats(groups: readonly GroupValue[]): AdminResponse {
  const global = groups.find((group) => group.type === 'downstream' && namespace(group) === 'proxy.global');
  const pairs = global?.metrics.flatMap(lines) ?? [];
  return text(pairs.map(([key, value]) => `${key}:${value}\n`).join(''));
}

/** Labels and their values, joined by dots. */
function namespace({ labels }: GroupValue): string {
  return labels.map(([name, value]) => `${name}.${value}`).join('.');
}

/** Histograms show their extremes. */
function lines({ key, kind, value }: MetricValue): [string, string][] {
  if (kind !== 'histogram') return [[key, String(value)]];
  return [
    [`${key}_min`, String(mosnUnit(key, value.min))],
    [`${key}_max`, String(mosnUnit(key, value.max))],
  ];
}
