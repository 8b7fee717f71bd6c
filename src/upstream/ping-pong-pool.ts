/**
 * The pool of a protocol that carries one request at a time on a connection (HTTP/1).
 *
 * Waiting requests belong to no connection in particular: whichever is free first, one just opened or one whose request
 * has ended, serves the request that came first. Where `max_connections` allows it there are as many connections being
 * opened as there are requests waiting; beyond that requests are queued (`max_pending_requests`) or refused.
 */

import type { Protocol } from '../api/protocol.ts';
import { CloseReason, Reason } from '../api/reason.ts';
import type { Clock, TimerHandle } from '../api/timer.ts';
import type { CircuitBreakers } from './circuit-breakers.ts';
import { ClientConnection, type ClientOwner } from './client-connection.ts';
import type { ConnectOptions, Connector } from './connector.ts';
import type { Host } from './host.ts';
import { IdleList } from './idle-list.ts';
import type { ConnectionPool, PoolWaiter } from './pool.ts';
import { WaiterQueue } from './waiter-queue.ts';

/** The cluster, as its pools see it. Times are in milliseconds. */
export interface PoolCluster {
  readonly breakers: CircuitBreakers;
  readonly connectOptions: ConnectOptions;
  readonly connector: Connector;
  readonly clock: Clock;
  /** 0 = idle connections are kept for ever. */
  readonly idleTimeout: number;
  /** How long a request is queued. */
  readonly pendingTimeout: number;
  /** Takes a slot of `max_connections`, if need be that of an idle connection. */
  acquireConnection(): boolean;
  /** Gives the slot back; requests that are queued for one may take it at once. */
  releaseConnection(): void;
}

export class PingPongPool implements ConnectionPool, ClientOwner {
  readonly host: Host;
  readonly protocol: Protocol;
  readonly settings: unknown;
  readonly #cluster: PoolCluster;
  readonly #clients = new Set<ClientConnection>();
  readonly #idle = new IdleList<ClientConnection>();
  readonly #waiters = new WaiterQueue();
  readonly #idleTimer: TimerHandle;
  readonly #pendingTimer: TimerHandle;
  /** Connections being opened for whoever waits longest. */
  #connecting = 0;
  /** Connections being opened for one request alone, which is not among the waiters. */
  #reserved = 0;
  /** This pool's share of the cluster's pending requests: waiters beyond the connections being opened. */
  #queued = 0;
  #draining = false;
  #closed = false;

  constructor(cluster: PoolCluster, host: Host, protocol: Protocol, settings: unknown) {
    this.#cluster = cluster;
    this.host = host;
    this.protocol = protocol;
    this.settings = settings;
    this.#idleTimer = cluster.clock.timer(() => this.#expireIdle());
    this.#pendingTimer = cluster.clock.timer(() => this.#expirePending());
  }

  get connecting(): number {
    return this.#connecting + this.#reserved;
  }

  get active(): number {
    return this.#clients.size - this.connecting - this.#idle.length;
  }

  get idle(): number {
    return this.#idle.length;
  }

  get waiting(): number {
    return this.#waiters.length + this.#reserved;
  }

  acquire(waiter: PoolWaiter): void {
    if (this.#closed) {
      waiter.onPoolFailure(Reason.Shutdown);
      return;
    }
    const { requests, pendingRequests } = this.#cluster.breakers;
    if (requests.full) {
      this.#overflow(waiter);
      return;
    }
    const client = this.#takeIdle();
    if (client !== undefined) {
      if (!this.#serve(client, waiter)) this.onClientReady(client);
      return;
    }
    // A connection that is being opened may be free, because its request was cancelled or served by another.
    const free = this.#connecting > this.#waiters.length;
    if (free || this.#cluster.acquireConnection()) {
      this.#waiters.push(waiter, this.#cluster.clock.now());
      if (!free) this.#open();
    } else if (pendingRequests.used < pendingRequests.max) {
      this.#waiters.push(waiter, this.#cluster.clock.now());
      this.#countQueued();
      if (!this.#pendingTimer.armed) this.#pendingTimer.start(this.#cluster.pendingTimeout);
    } else {
      this.#overflow(waiter);
    }
  }

  acquireNew(waiter: PoolWaiter): void {
    if (this.#closed || this.#cluster.breakers.requests.full || !this.#cluster.acquireConnection()) {
      this.acquire(waiter);
      return;
    }
    this.#reserved++;
    this.#openClient(waiter);
  }

  cancel(waiter: PoolWaiter): void {
    if (!this.#waiters.remove(waiter) && this.#reserved > 0) this.#unreserve(waiter);
    this.#countQueued();
  }

  closeIdle(): void {
    while (this.closeOldestIdle());
  }

  drain(): void {
    this.#draining = true;
    this.closeIdle();
  }

  close(): void {
    this.#closed = true;
    for (let waiter = this.#waiters.shift(); waiter !== undefined; waiter = this.#waiters.shift()) {
      this.#countQueued();
      waiter.onPoolFailure(Reason.Shutdown);
    }
    for (const client of this.#clients) client.discard(CloseReason.Shutdown);
    this.#idleTimer.stop();
    this.#pendingTimer.stop();
  }

  /** Gives up the connection that has been idle longest; false when there is none. */
  closeOldestIdle(): boolean {
    const { oldest } = this.#idle;
    oldest?.discard(CloseReason.LocalClose);
    return oldest !== undefined;
  }

  /** Opens connections for queued requests as far as `max_connections` allows. Returns whether it opened any. */
  openForQueued(): boolean {
    const { connections } = this.#cluster.breakers;
    const before = this.#connecting;
    while (this.#queued > 0 && connections.tryAcquire()) this.#open();
    return this.#connecting > before;
  }

  onClientConnected(client: ClientConnection): void {
    const waiter = this.#endConnecting(client);
    if (waiter === undefined || !this.#serve(client, waiter)) this.onClientReady(client);
  }

  onClientReady(client: ClientConnection): void {
    for (let waiter = this.#waiters.shift(); waiter !== undefined; waiter = this.#waiters.shift()) {
      this.#countQueued();
      if (this.#serve(client, waiter)) return;
    }
    this.#countQueued();
    // A slot that queued requests for another host of this cluster are waiting for is not kept idle.
    if (this.#draining || this.#cluster.breakers.pendingRequests.used > 0) {
      client.discard(CloseReason.LocalClose);
      return;
    }
    const { idleTimeout, clock } = this.#cluster;
    this.#idle.push(client, clock.now());
    if (idleTimeout > 0 && !this.#idleTimer.armed) this.#idleTimer.start(idleTimeout);
  }

  onClientFailed(client: ClientConnection, reason: Reason): void {
    this.#clients.delete(client);
    let waiter = this.#endConnecting(client);
    if (waiter === undefined && this.#waiters.length > this.#connecting) waiter = this.#waiters.shift();
    this.#countQueued();
    this.#cluster.releaseConnection();
    waiter?.onPoolFailure(reason);
  }

  onClientGone(client: ClientConnection): void {
    if (client.isIdle) this.#idle.remove(client);
    this.#clients.delete(client);
    const waiter = client.connected ? undefined : this.#endConnecting(client);
    this.#countQueued();
    this.#cluster.releaseConnection();
    waiter?.onPoolFailure(Reason.Shutdown);
  }

  #takeIdle(): ClientConnection | undefined {
    for (let client = this.#idle.newest; client !== undefined; client = this.#idle.newest) {
      if (client.connection.open) {
        this.#idle.remove(client);
        return client;
      }
      // Closed already, though its `onClose` is still to come.
      client.discard(CloseReason.RemoteClose);
    }
    return undefined;
  }

  /** False when the connection is still free: the waiter did not want it, or one more request is too many. */
  #serve(client: ClientConnection, waiter: PoolWaiter): boolean {
    const { requests } = this.#cluster.breakers;
    if (!requests.tryAcquire()) {
      this.#overflow(waiter);
      return false;
    }
    client.leased = true;
    waiter.onPoolReady(client);
    if (!client.leased) return true;
    client.leased = false;
    requests.release();
    return client.gone;
  }

  #overflow(waiter: PoolWaiter): void {
    this.host.stats.requestPendingOverflow.add(1);
    waiter.onPoolFailure(Reason.Overflow);
  }

  /** The slot of `max_connections` is taken already. */
  #open(): void {
    this.#connecting++;
    this.#countQueued();
    this.#openClient(undefined);
  }

  #openClient(reservedFor: PoolWaiter | undefined): void {
    const { connector, connectOptions, breakers, clock } = this.#cluster;
    const client = new ClientConnection(this, this.host, this.protocol, this.settings, breakers.requests, clock);
    client.reservedFor = reservedFor;
    this.#clients.add(client);
    client.open(connector, connectOptions);
  }

  /** The connection is not being opened any more; returns the request that it was opened for alone. */
  #endConnecting(client: ClientConnection): PoolWaiter | undefined {
    const waiter = client.reservedFor;
    client.reservedFor = undefined;
    if (waiter === undefined) this.#connecting--;
    else this.#reserved--;
    return waiter;
  }

  /** The request does not want its connection any more: it is for whoever waits longest. */
  #unreserve(waiter: PoolWaiter): void {
    for (const client of this.#clients) {
      if (client.reservedFor !== waiter) continue;
      client.reservedFor = undefined;
      this.#reserved--;
      this.#connecting++;
      return;
    }
  }

  /** Follows every change of the waiters or of the connections being opened. */
  #countQueued(): void {
    const queued = Math.max(0, this.#waiters.length - this.#connecting);
    this.#cluster.breakers.pendingRequests.used += queued - this.#queued;
    this.#queued = queued;
  }

  #expireIdle(): void {
    const { idleTimeout, clock } = this.#cluster;
    const now = clock.now();
    for (let client = this.#idle.oldest; client !== undefined; client = this.#idle.oldest) {
      const left = client.idleSince + idleTimeout - now;
      if (left > 0) {
        this.#idleTimer.start(left);
        return;
      }
      client.discard(CloseReason.IdleTimeout);
    }
  }

  #expirePending(): void {
    const { pendingTimeout, clock } = this.#cluster;
    const now = clock.now();
    while (this.#queued > 0) {
      const left = this.#waiters.oldest + pendingTimeout - now;
      if (left > 0) {
        this.#pendingTimer.start(left);
        return;
      }
      const waiter = this.#waiters.shift() as PoolWaiter;
      this.#countQueued();
      this.#overflow(waiter);
    }
  }
}
