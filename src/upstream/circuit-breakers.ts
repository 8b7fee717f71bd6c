/** What a cluster may have at one time: connections, waiting requests, requests and retries. */

import type { ClusterConfig } from './cluster-schema.ts';

/** A number of things in use, bounded by `max` unless `max` is 0. */
export class Limit {
  readonly max: number;
  used: number;

  constructor(max: number) {
    this.max = max;
    this.used = 0;
  }

  get full(): boolean {
    return this.max > 0 && this.used >= this.max;
  }

  tryAcquire(): boolean {
    if (this.full) return false;
    this.used++;
    return true;
  }

  release(): void {
    this.used--;
  }
}

export class CircuitBreakers {
  /** Connections, those being opened included. */
  readonly connections: Limit;
  /** Requests that wait although no connection is being opened for them. Here `max` 0 means that none may. */
  readonly pendingRequests: Limit;
  /** Requests that have been given a connection. */
  readonly requests: Limit;
  readonly retries: Limit;

  constructor(config: ClusterConfig['circuit_breakers'][number] | undefined) {
    this.connections = new Limit(config?.max_connections ?? 0);
    this.pendingRequests = new Limit(config?.max_pending_requests ?? 0);
    this.requests = new Limit(config?.max_requests ?? 0);
    this.retries = new Limit(config?.max_retries ?? 0);
  }
}
