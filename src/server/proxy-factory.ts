/** Turns the validated `proxy` block of a listener into what its connections share (`ProxyRuntime`). */

import { BlockList, isIP } from 'node:net';
import type { FactoryContext } from '../api/factory.ts';
import type { NetworkFilterMaker } from '../network/filter-chain.ts';
import type { ListenerConfig } from '../network/listener-schema.ts';
import { DownstreamConnection } from '../proxy/downstream-connection.ts';
import { DownstreamStats } from '../proxy/downstream-stats.ts';
import { Forwarding } from '../proxy/forwarding.ts';
import type { ProxyRuntime, StreamLog } from '../proxy/proxy-runtime.ts';
import type { ProxyConfig } from '../proxy/proxy-schema.ts';
import type { StreamFilterChain } from '../proxy/stream-filters.ts';
import type { StreamTimers } from '../proxy/stream-timers.ts';
import type { RouteTable } from '../router/route-table.ts';
import type { ClusterManager } from '../upstream/cluster-manager.ts';
import type { Extensions } from './extensions.ts';
import { protocolSettings } from './protocol-settings.ts';

/** What the server has at hand for every proxy. */
export interface ProxyParts {
  readonly extensions: Extensions;
  readonly context: FactoryContext;
  readonly clusters: ClusterManager;
  readonly routers: ReadonlyMap<string, RouteTable>;
  readonly timers: StreamTimers;
  readonly filters: StreamFilterChain | undefined;
  readonly accessLogs: readonly StreamLog[];
}

/** Default of `connection_idle_timeout`, as in MOSN. */
const CONNECTION_IDLE_MS = 90_000;

/** Compiles the block; what comes back makes the filter of one connection. */
export function compileProxy(config: ProxyConfig, listener: ListenerConfig, parts: ProxyParts): NetworkFilterMaker {
  const { context, routers } = parts;
  const protocols = protocolSettings(config, parts.extensions);
  const trusted = trustedPeers(listener.trusted_cidrs);
  const runtime: ProxyRuntime = {
    listener: context.listener,
    config,
    downstream: protocols.downstream,
    fixed: protocols.fixed,
    protocols: protocols.all,
    routes: () => routers.get(config.router_config_name),
    clusters: parts.clusters,
    filters: parts.filters,
    stats: new DownstreamStats(context.metrics, context.listener),
    accessLogs: parts.accessLogs,
    timers: parts.timers,
    forwarding: new Forwarding(config.forwarding),
    connectionIdleTimeout: listener.connection_idle_timeout ?? CONNECTION_IDLE_MS,
    trusts: (host) => trusted !== undefined && inList(trusted, host),
    log: context.log,
    random: Math.random,
  };
  return (connection, chain) => new DownstreamConnection(connection, chain, runtime);
}

function trustedPeers(cidrs: readonly string[]): BlockList | undefined {
  if (cidrs.length === 0) return undefined;
  const list = new BlockList();
  for (const cidr of cidrs) {
    const [address = '', bits] = cidr.split('/');
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    list.addSubnet(address, bits === undefined ? (family === 'ipv6' ? 128 : 32) : Number(bits), family);
  }
  return list;
}

/** A unix socket's peer has no address and is not trusted. */
function inList(list: BlockList, host: string): boolean {
  const version = isIP(host);
  return version !== 0 && list.check(host, version === 6 ? 'ipv6' : 'ipv4');
}
