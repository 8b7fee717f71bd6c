/** How filters are made: the registry entries and what the core hands to them. */

import type { Connection, ConnectionHandler, NetworkFilter, NetworkFilterChain } from './connection.ts';
import type { Log } from './log.ts';
import type { Metrics } from './metrics.ts';
import type { Reason } from './reason.ts';
import type { Schema } from './schema.ts';
import type { Phase, StreamFilter } from './stream-filter.ts';
import type { Clock } from './timer.ts';

/** Connections to the hosts of a cluster, for filters that speak bytes. */
export interface Clusters {
  has(name: string): boolean;
  /**
   * Chooses a host (other ones after a failure: at most min(hosts, 3)) and connects. Exactly one of the callbacks
   * follows, possibly before this returns. `cancel` makes neither follow.
   */
  connect(cluster: string, handler: ConnectionHandler, opener: ConnectionOpener): { cancel(): void };
}

export interface ConnectionOpener {
  onConnected(connection: Connection): void;
  onFailed(reason: Reason): void;
}

/** What the core gives to every factory. */
export interface FactoryContext {
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly clusters: Clusters;
  /** Name of the listener whose chain is being built. */
  readonly listener: string;
}

/** One problem in a configuration; `path` leads from the block to the key. */
export interface ConfigProblem {
  path: readonly (string | number)[];
  message: string;
  /** Absent: an error, which refuses the configuration. */
  severity?: 'error' | 'warning';
}

/** A name used in a configuration block that must exist elsewhere. */
export interface Reference {
  kind: 'cluster' | 'router';
  name: string;
  path: readonly (string | number)[];
}

interface FactoryBase<C> {
  /** The name that configurations use. */
  readonly type: string;
  readonly config: Schema<C>;
  /** What the schema cannot say; called after it has passed. */
  check?(config: C): ConfigProblem[];
  /** The names in this block that must exist. */
  references?(config: C): Reference[];
}

/** A network filter type. `create` runs when the configuration is compiled, what it returns once per connection. */
export interface NetworkFilterFactory<C = unknown> extends FactoryBase<C> {
  create(config: C, context: FactoryContext): (connection: Connection, chain: NetworkFilterChain) => NetworkFilter;
}

/** A stream filter as compiled: one shared instance with a state slot, or a maker of instances. */
export type CompiledStreamFilter =
  | { readonly shared: StreamFilter; readonly newStream?: undefined }
  | { readonly newStream: () => StreamFilter; readonly shared?: undefined };

/** A stream filter type. */
export interface StreamFilterFactory<C = unknown> extends FactoryBase<C> {
  readonly phases: readonly Phase[];
  /** Throws when the filter cannot be built: the configuration is refused. `slot` indexes `stream.state`. */
  create(config: C, context: FactoryContext & { readonly slot: number }): CompiledStreamFilter;
}
