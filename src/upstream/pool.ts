/** Connection pools: the connections to one host for one protocol. */

import type { RequestEncoder, ResponseReceiver } from '../api/protocol.ts';
import type { Reason } from '../api/reason.ts';
import type { Host, UpstreamConnection } from './host.ts';

/** A connection that a pool gives to one request. */
export interface PooledClient {
  readonly connection: UpstreamConnection;
  readonly host: Host;
  /** It carried a request before: the host may be closing it at this moment (the keep-alive race). */
  readonly reused: boolean;
  /** Begins the request. */
  newStream(receiver: ResponseReceiver): RequestEncoder;
}

/** A request that needs a connection. One of the two calls follows `acquire`, exactly once, unless it is cancelled. */
export interface PoolWaiter {
  /** Call `newStream` before returning, else the connection goes back to the pool. */
  onPoolReady(client: PooledClient): void;
  /** `Overflow`, `ConnectFailed`, `ConnectTimeout` or `Shutdown`. */
  onPoolFailure(reason: Reason): void;
}

export interface ConnectionPool {
  /** Answers before it returns when a connection is idle or a limit is reached. */
  acquire(waiter: PoolWaiter): void;
  /**
   * As `acquire`, but opens a connection for this waiter alone, so that the keep-alive race is out of the question. At
   * the limit of connections it is `acquire`.
   */
  acquireNew(waiter: PoolWaiter): void;
  /** The waiter is not called any more. A connection that was being opened for it stays for the next one. */
  cancel(waiter: PoolWaiter): void;
  /** Closes every idle connection. */
  closeIdle(): void;
  /** Closes idle connections now and all others when their request has ended. */
  drain(): void;
  /** Ends everything at once; requests in flight are reset with `Reason.Shutdown`. */
  close(): void;
  /** Connections being opened, carrying a request, idle. */
  readonly connecting: number;
  readonly active: number;
  readonly idle: number;
  /** Requests that wait. */
  readonly waiting: number;
}
