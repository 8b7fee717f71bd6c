/** One host of a cluster, and the books about its connections. */

import { isIP } from 'node:net';
import type { Address } from '../api/address.ts';
import type { Connection } from '../api/connection.ts';
import { CloseReason } from '../api/reason.ts';
import type { HostConfig } from './cluster-schema.ts';
import type { UpstreamStats } from './stats.ts';

/** Bits of `Host.health`. A host is healthy while none is set. */
export const HealthBit = {
  /** An active health check failed. */
  ActiveCheck: 1,
  /** It was ejected as an outlier. */
  Outlier: 2,
} as const;

const MAX_WEIGHT = 128;

/** What a dialled connection has beyond `Connection`. */
export interface UpstreamConnection extends Connection {
  /** Bytes read and written so far. */
  readonly bytesRead: number;
  readonly bytesWritten: number;
}

export class Host {
  /** As configured: `host` may be a name; `text` is what logs and metrics show. */
  readonly address: Address;
  readonly hostname: string;
  /** 1 to 128. */
  readonly weight: number;
  /** Index within the cluster. */
  readonly slot: number;
  /** Tells hosts apart that had the same slot one after the other. */
  readonly generation: number;
  /** The values under `mosn.lb`, for subsets. */
  readonly metadata: ReadonlyMap<string, unknown>;
  readonly stats: UpstreamStats;
  /** The address is a name that must be resolved before connecting. */
  readonly isName: boolean;
  /** Zero while healthy, else a sum of `HealthBit`. */
  health: number;
  /** Requests in flight. */
  activeRequests: number;
  /** Open connections. */
  activeConnections: number;

  constructor(address: Address, config: HostConfig, slot: number, generation: number, stats: UpstreamStats) {
    this.address = address;
    this.hostname = config.hostname;
    this.weight = Math.min(Math.max(config.weight, 1), MAX_WEIGHT);
    this.slot = slot;
    this.generation = generation;
    this.metadata = new Map(Object.entries(config.metadata?.filter_metadata?.['mosn.lb'] ?? {}));
    this.stats = stats;
    this.isName = address.path === '' && isIP(address.host) === 0;
    this.health = 0;
    this.activeRequests = 0;
    this.activeConnections = 0;
  }

  connectionOpened(): void {
    this.activeConnections++;
    this.stats.connectionTotal.add(1);
    this.stats.connectionActive.add(1);
  }

  connectionFailed(): void {
    this.stats.connectionConFail.add(1);
  }

  /** `busy`: a request was in flight. */
  connectionClosed(reason: CloseReason, busy: boolean): void {
    const { stats } = this;
    this.activeConnections--;
    stats.connectionActive.add(-1);
    stats.connectionClose.add(1);
    if (reason === CloseReason.RemoteClose || reason === CloseReason.RemoteReset) {
      stats.connectionRemoteClose.add(1);
      if (busy) stats.connectionRemoteCloseWithActiveRequest.add(1);
    } else {
      stats.connectionLocalClose.add(1);
      if (busy) stats.connectionLocalCloseWithActiveRequest.add(1);
    }
  }

  requestStarted(): void {
    this.activeRequests++;
    this.stats.requestTotal.add(1);
    this.stats.requestActive.add(1);
  }

  requestEnded(): void {
    this.activeRequests--;
    this.stats.requestActive.add(-1);
  }

  /** Adds what a connection has carried since the last call. */
  countBytes(read: number, written: number): void {
    if (read > 0) this.stats.connectionBytesReadTotal.add(read);
    if (written > 0) this.stats.connectionBytesWrite.add(written);
  }
}
