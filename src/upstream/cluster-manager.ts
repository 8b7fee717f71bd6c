/** All clusters of a configuration, by name. */

import { lookup } from 'node:dns';
import type { ConnectionHandler } from '../api/connection.ts';
import type { Clusters, ConnectionOpener } from '../api/factory.ts';
import type { Metrics } from '../api/metrics.ts';
import { Reason } from '../api/reason.ts';
import type { Clock } from '../api/timer.ts';
import { clock as threadClock } from '../network/clock.ts';
import { dial } from '../network/dial.ts';
import { Cluster, type UpstreamServices } from './cluster.ts';
import type { ClusterManagerConfig } from './cluster-schema.ts';
import { Connector, type Dial } from './connector.ts';
import { HostConnection } from './host-connection.ts';
import { type Lookup, Resolver } from './resolver.ts';

export interface ClusterManagerOptions {
  readonly metrics: Metrics;
  readonly clock?: Clock;
  readonly dial?: Dial;
  readonly lookup?: Lookup;
  readonly random?: () => number;
}

const systemLookup: Lookup = (name, done) => {
  lookup(name, { all: true, order: 'verbatim' }, (error, addresses) => done(error, addresses ?? []));
};

export class ClusterManager implements Clusters {
  readonly #clusters = new Map<string, Cluster>();
  readonly #services: UpstreamServices;

  constructor(config: ClusterManagerConfig, options: ClusterManagerOptions) {
    const clock = options.clock ?? threadClock;
    const resolver = new Resolver(options.lookup ?? systemLookup, clock);
    this.#services = {
      clock,
      metrics: options.metrics,
      connector: new Connector(options.dial ?? dial, resolver, clock),
      random: options.random ?? Math.random,
    };
    for (const cluster of config.clusters) {
      this.#clusters.set(cluster.name, new Cluster(cluster, this.#clusters.size, this.#services));
    }
  }

  has(name: string): boolean {
    return this.#clusters.has(name);
  }

  get(name: string): Cluster | undefined {
    return this.#clusters.get(name);
  }

  /** Every cluster, in the order of the configuration. */
  all(): Iterable<Cluster> {
    return this.#clusters.values();
  }

  connect(cluster: string, handler: ConnectionHandler, opener: ConnectionOpener): { cancel(): void } {
    const found = this.#clusters.get(cluster);
    if (found === undefined) {
      opener.onFailed(Reason.NoCluster);
      return { cancel() {} };
    }
    const connection = new HostConnection(found, handler, opener, this.#services.random);
    connection.start();
    return connection;
  }

  /** Connections are closed as soon as they carry no request. */
  drain(): void {
    for (const cluster of this.#clusters.values()) cluster.drain();
  }

  /** Ends every pooled connection. Those of `connect` belong to whoever asked for them. */
  close(): void {
    for (const cluster of this.#clusters.values()) cluster.close();
  }
}
