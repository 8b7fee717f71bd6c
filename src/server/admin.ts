/** Opens what shows the proxy to the outside: the admin server and the metric sinks, and hands them what they show. */

import type { AdminProviders, ConfigDump } from '../admin/providers.ts';
import { dump } from '../config/dump.ts';
import { PrometheusSink } from '../observe/prometheus-sink.ts';
import type { Bootstrap } from './bootstrap.ts';
import { bootstrapSchema } from './bootstrap-schema.ts';
import { type LifeCycle, State } from './life-cycle.ts';
import type { Server } from './server.ts';
import { version } from './version.ts';

interface Endpoint {
  close(): Promise<void>;
}

/** Opens all of them; what comes back closes all of them. Rejects when one cannot be opened. */
export async function startAdmin(server: Server, lifeCycle: LifeCycle): Promise<Endpoint> {
  const { admin, metrics } = server.bootstrap;
  const endpoints: Endpoint[] = [];
  const close = async (): Promise<void> => {
    for (const endpoint of endpoints) await endpoint.close();
  };
  try {
    if (admin !== undefined) {
      const { AdminServer } = await import('../admin/admin-server.ts');
      const adminServer = new AdminServer(admin, providers(server, lifeCycle));
      endpoints.push(adminServer);
      const port = await adminServer.listen();
      server.log.info({ port }, 'admin server listening');
    }
    for (const { config } of metrics.sinks) {
      const sink = new PrometheusSink(config, [server.metrics], metrics.stats_matcher);
      endpoints.push(sink);
      server.log.info({ port: await sink.listen() }, 'metrics listening');
    }
  } catch (error) {
    await close();
    throw error;
  }
  return { close };
}

function providers(server: Server, lifeCycle: LifeCycle): AdminProviders {
  return {
    version: version(),
    metrics: [server.metrics],
    statsMatcher: server.bootstrap.metrics.stats_matcher,
    logFiles: server.logFiles,
    processLog: server.log,
    state: () => lifeCycle.state,
    ready: () => lifeCycle.state === State.Running,
    features: () => ({}),
    configDump: () => configDump(server.bootstrap, server),
  };
}

function configDump(bootstrap: Bootstrap, { schemas }: Server): ConfigDump {
  const { file: _file, server, ...root } = bootstrap;
  const whole = dump(bootstrapSchema, { ...root, servers: [server] }, schemas) as DumpedRoot;
  const [dumped] = whole.servers;
  return {
    mosn_config: whole,
    listener: byName(dumped.listeners, 'name'),
    cluster: byName(whole.cluster_manager.clusters, 'name'),
    routers: byName(dumped.routers, 'router_config_name'),
    extends: [],
  };
}

interface DumpedRoot {
  servers: [{ listeners: Named[]; routers: Named[] }];
  cluster_manager: { clusters: Named[] };
}

type Named = Readonly<Record<string, unknown>>;

function byName(items: readonly Named[], key: string): Record<string, Named> {
  return Object.fromEntries(items.map((item) => [String(item[key]), item]));
}
