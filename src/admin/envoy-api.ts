/** The paths that probes, Prometheus and Istio's agent ask for, shaped as Envoy shapes them. */

import { exposition, PROMETHEUS_CONTENT_TYPE } from '../observe/prometheus.ts';
import { type AdminResponse, type AdminRoute, json, text } from './admin-request.ts';
import type { AdminProviders } from './providers.ts';
import { redact } from './redact.ts';

/** MOSN's numbers: from here on the process runs, and from there on it is on its way out. */
const RUNNING = 6;
const BEFORE_STOP = 7;

/** Envoy's numbers for `server.state`. */
const STATES = { LIVE: 0, DRAINING: 1, INITIALIZING: 3 };

export function envoyRoutes(providers: AdminProviders): [string, AdminRoute][] {
  const metrics = get(() => prometheus(providers));
  return [
    ['/ready', get(() => ready(providers))],
    ['/metrics', metrics],
    ['/stats/prometheus', metrics],
    ['/stats', get(() => agentStats(providers))],
    ['/server_info', get(() => serverInfo(providers))],
    ['/config_dump', get(() => envoyConfigDump(providers))],
  ];
}

function get(handle: AdminRoute['handle']): AdminRoute {
  return { method: 'GET', handle };
}

function ready(providers: AdminProviders): AdminResponse {
  return text(`${serverState(providers)}\n`, providers.ready() ? 200 : 503);
}

async function prometheus({ metrics, statsMatcher }: AdminProviders): Promise<AdminResponse> {
  const body = await exposition(metrics, { matcher: statsMatcher, process: true, runtime: true });
  return { status: 200, contentType: PROMETHEUS_CONTENT_TYPE, body };
}

function serverState(providers: AdminProviders): keyof typeof STATES {
  const state = providers.state();
  if (state < RUNNING) return 'INITIALIZING';
  return providers.ready() && state < BEFORE_STOP ? 'LIVE' : 'DRAINING';
}

/** What Istio's agent reads to find out whether its proxy is ready: a file has been loaded, which counts as one update. */
function agentStats(providers: AdminProviders): AdminResponse {
  const state = serverState(providers);
  const loaded = state === 'INITIALIZING' ? 0 : 1;
  const lines = [
    `cluster_manager.cds.update_success: ${loaded}`,
    'cluster_manager.cds.update_rejected: 0',
    `listener_manager.lds.update_success: ${loaded}`,
    'listener_manager.lds.update_rejected: 0',
    `listener_manager.workers_started: ${loaded}`,
    `server.state: ${STATES[state]}`,
  ];
  return text(`${lines.join('\n')}\n`);
}

function serverInfo(providers: AdminProviders): AdminResponse {
  return json({
    version: providers.version,
    state: serverState(providers),
    uptime_current_epoch: `${Math.floor(process.uptime())}s`,
    uptime_all_epochs: `${Math.floor(process.uptime())}s`,
  });
}

function envoyConfigDump(providers: AdminProviders): AdminResponse {
  const bootstrap = redact(providers.configDump().mosn_config);
  return json({ configs: [{ '@type': 'type.googleapis.com/envoy.admin.v3.BootstrapConfigDump', bootstrap }] });
}
