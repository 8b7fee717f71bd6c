/** What all connections of one listener's proxy share: the compiled configuration and the rooms it reaches. */

import type { Log } from '../api/log.ts';
import type { Protocol } from '../api/protocol.ts';
import type { StreamInfo } from '../observe/stream-info.ts';
import type { RouteTable } from '../router/route-table.ts';
import type { ClusterManager } from '../upstream/cluster-manager.ts';
import type { DownstreamStats } from './downstream-stats.ts';
import type { Forwarding } from './forwarding.ts';
import type { ProxyConfig } from './proxy-schema.ts';
import type { StreamFilterChain } from './stream-filters.ts';
import type { StreamTimers } from './stream-timers.ts';

/** A protocol with its settings for this listener. */
export interface ConfiguredProtocol {
  readonly protocol: Protocol;
  readonly settings: unknown;
}

/** Anything that takes one line per request. */
export interface StreamLog {
  log(stream: StreamInfo): void;
}

export interface ProxyRuntime {
  readonly listener: string;
  readonly config: ProxyConfig;
  /** Protocols a downstream connection may speak, in the order in which they are asked. */
  readonly downstream: readonly ConfiguredProtocol[];
  /** The one that is spoken without a look at the first bytes, when the configuration names one. */
  readonly fixed: ConfiguredProtocol | undefined;
  /** By name, with settings for the upstream side. */
  readonly protocols: ReadonlyMap<string, ConfiguredProtocol>;
  /** The live router of this name, or undefined (404). Looked up per request: routers change while connections live. */
  routes(): RouteTable | undefined;
  readonly clusters: ClusterManager;
  /** Undefined when the listener has no stream filters. */
  readonly filters: StreamFilterChain | undefined;
  readonly stats: DownstreamStats;
  readonly accessLogs: readonly StreamLog[];
  readonly timers: StreamTimers;
  readonly forwarding: Forwarding;
  /** Milliseconds without a stream after which a connection is closed; 0 = never. */
  readonly connectionIdleTimeout: number;
  /** Whether what this peer says of earlier hops, and its `x-mosn-*` headers, are believed. */
  trusts(host: string): boolean;
  readonly log: Log;
  readonly random: () => number;
}
