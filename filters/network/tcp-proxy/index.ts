/** The network filter `tcp_proxy`: carries the bytes of a connection to a host of a cluster and back. */

import type { NetworkFilterFactory } from '../../../src/api/index.ts';
import { checkTcpProxy, type TcpProxyConfig, tcpProxyReferences, tcpProxySchema } from './config.ts';
import { TcpRoutes } from './routes.ts';
import { TcpTunnel } from './tcp-tunnel.ts';

/** As Envoy has it; MOSN has none, and a connection that both ends forgot would live for ever. */
const DEFAULT_IDLE_MS = 3_600_000;
const NS_PER_MS = 1_000_000;

export const tcpProxy: NetworkFilterFactory<TcpProxyConfig> = {
  type: 'tcp_proxy',
  config: tcpProxySchema,
  check: checkTcpProxy,
  references: tcpProxyReferences,
  create(config, context) {
    const routes = new TcpRoutes(config);
    const { idle_timeout } = config;
    const idleTimeout = idle_timeout === undefined ? DEFAULT_IDLE_MS : idle_timeout / NS_PER_MS;
    const metrics = context.metrics.group('tcp_proxy', { listener: context.listener });
    const counters = {
      noRoute: metrics.counter('no_route'),
      connectFailed: metrics.counter('connect_failed'),
      idleTimeout: metrics.counter('idle_timeout'),
    };
    return (connection) => new TcpTunnel(connection, { routes, idleTimeout, counters, context });
  },
};
