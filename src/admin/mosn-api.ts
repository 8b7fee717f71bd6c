/** The paths of MOSN's admin API. */

import { sum } from '../observe/metric-store.ts';
import { isLogLevel } from '../observe/process-log.ts';
import { type AdminRequest, type AdminResponse, type AdminRoute, failure, json, text } from './admin-request.ts';
import { configDump } from './config-dump.ts';
import type { AdminProviders } from './providers.ts';
import { globalStats, stats } from './stats.ts';

export function mosnRoutes(providers: AdminProviders, exposedEnv: readonly string[]): [string, AdminRoute][] {
  const { version, metrics, statsMatcher } = providers;
  return [
    ['/api/v1/version', get(() => text(`mosn version: ${version}`))],
    ['/api/v1/config_dump', get((request) => configDump(request, providers.configDump()))],
    ['/api/v1/stats', get((request) => stats(request, sum(metrics, statsMatcher)))],
    ['/api/v1/stats_glob', get(() => globalStats(sum(metrics, statsMatcher)))],
    ['/api/v1/states', get(() => text(`pid=${process.pid}&state=${providers.state()}\n`))],
    ['/api/v1/features', get((request) => features(request, providers.features()))],
    ['/api/v1/env', get((request) => environment(request, exposedEnv))],
    ['/api/v1/get_loglevel', get(() => json({ [providers.processLog.path]: providers.processLog.level }))],
    ['/api/v1/update_loglevel', post((request) => updateLogLevel(request, providers))],
    ['/api/v1/enable_log', post((request) => enableLog(request, providers, true))],
    ['/api/v1/disable_log', post((request) => enableLog(request, providers, false))],
  ];
}

function get(handle: AdminRoute['handle']): AdminRoute {
  return { method: 'GET', handle };
}

function post(handle: AdminRoute['handle']): AdminRoute {
  return { method: 'POST', write: true, handle };
}

function features({ query }: AdminRequest, gates: Readonly<Record<string, boolean>>): AdminResponse {
  const key = query.get('key');
  return key === null ? json(gates) : text(String(Object.hasOwn(gates, key) && gates[key]));
}

/** MOSN shows any variable to whoever asks; here only those that the configuration lists, for secrets are kept there. */
function environment({ query }: AdminRequest, exposed: readonly string[]): AdminResponse {
  const env: Record<string, string> = {};
  const notFound: string[] = [];
  for (const key of query.getAll('key')) {
    const value = exposed.includes(key) ? process.env[key] : undefined;
    if (value === undefined) notFound.push(key);
    else env[key] = value;
  }
  return json({ env, not_found: notFound });
}

function updateLogLevel({ body }: AdminRequest, { processLog }: AdminProviders): AdminResponse {
  const wish = parseObject(body);
  if (wish?.['log_path'] !== processLog.path) return failure(400, 'no logger with this log_path');
  const level = wish['log_level'];
  if (!isLogLevel(level)) return failure(400, 'log_level must be FATAL, ERROR, WARN, INFO, DEBUG or TRACE');
  processLog.level = level;
  return text('update logger success\n');
}

function parseObject(body: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function enableLog({ body }: AdminRequest, { logFiles }: AdminProviders, enabled: boolean): AdminResponse {
  const file = logFiles.get(body);
  if (file === undefined) return failure(400, 'no logger with this path');
  file.enabled = enabled;
  return text(`${enabled ? 'enable' : 'disable'} logger success`);
}
