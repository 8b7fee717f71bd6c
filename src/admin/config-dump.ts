/** `/api/v1/config_dump`: the effective configuration, whole or in part. */

import { type AdminRequest, type AdminResponse, failure, json } from './admin-request.ts';
import type { ConfigDump } from './providers.ts';
import { redact } from './redact.ts';

type Part = (dump: ConfigDump, name: string) => unknown;

/** The parameters; `router`, `cluster` and `listener` take a name. */
const PARTS: ReadonlyMap<string, Part> = new Map<string, Part>([
  ['mosnconfig', (dump) => dump.mosn_config],
  ['allrouters', (dump) => dump.routers],
  ['allclusters', (dump) => dump.cluster],
  ['alllisteners', (dump) => dump.listener],
  ['router', (dump, name) => named(dump.routers, name)],
  ['cluster', (dump, name) => named(dump.cluster, name)],
  ['listener', (dump, name) => named(dump.listener, name)],
]);

/** As MOSN: without a parameter all of it, compact; with one that part, indented; with several an error. */
export function configDump({ query }: AdminRequest, dump: ConfigDump): AdminResponse {
  if (query.size === 0) return json(redact(dump));
  if (query.size > 1) return failure(400, 'only one parameter is allowed');
  const [[parameter, name]] = [...query] as [[string, string]];
  const part = PARTS.get(parameter);
  return part === undefined ? failure(500, 'internal error') : json(redact(part(dump, name)), 1);
}

function named(items: Readonly<Record<string, unknown>>, name: string): unknown {
  return Object.hasOwn(items, name) ? items[name] : {};
}
