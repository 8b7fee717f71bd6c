/**
 * A connection to some host of a cluster for a filter that speaks bytes (`tcp_proxy`): tries up to three hosts, and
 * stands between the connection and the filter to keep the books.
 */

import type { ConnectionHandler } from '../api/connection.ts';
import type { ConnectionOpener } from '../api/factory.ts';
import { type CloseReason, Reason } from '../api/reason.ts';
import type { BalancerContext } from './balancer.ts';
import type { Cluster } from './cluster.ts';
import type { UpstreamOpener } from './connector.ts';
import type { Host, UpstreamConnection } from './host.ts';

/** As in MOSN. */
const MAX_ATTEMPTS = 3;

export class HostConnection implements BalancerContext, UpstreamOpener, ConnectionHandler {
  attempt = 0;
  readonly triedHosts: Host[] = [];
  readonly random: () => number;
  readonly #cluster: Cluster;
  readonly #handler: ConnectionHandler;
  readonly #opener: ConnectionOpener;
  /** Of the attempt that runs or has succeeded. */
  #host: Host | undefined;
  #connecting: { cancel(): void } | undefined;
  #connection: UpstreamConnection | undefined;

  constructor(cluster: Cluster, handler: ConnectionHandler, opener: ConnectionOpener, random: () => number) {
    this.#cluster = cluster;
    this.#handler = handler;
    this.#opener = opener;
    this.random = random;
  }

  /** Begins with the first host. A failure may be told before this returns. */
  start(): void {
    this.#connect(Reason.NoHealthyHost);
  }

  /** Gives up connecting; without effect once connected. */
  cancel(): void {
    if (this.#connecting === undefined) return;
    this.#connecting.cancel();
    this.#connecting = undefined;
    this.#cluster.releaseConnection();
  }

  onConnected(connection: UpstreamConnection): void {
    this.#connecting = undefined;
    this.#connection = connection;
    this.#host?.connectionOpened();
    this.#opener.onConnected(connection);
  }

  onFailed(reason: Reason): void {
    this.#connecting = undefined;
    this.#host?.connectionFailed();
    this.#cluster.releaseConnection();
    this.attempt++;
    if (this.attempt >= Math.min(this.#cluster.hosts.length, MAX_ATTEMPTS)) this.#opener.onFailed(reason);
    else this.#connect(reason);
  }

  onData(chunk: Buffer): void {
    this.#handler.onData(chunk);
  }

  onEnd(): void {
    this.#handler.onEnd();
  }

  onWritable(): void {
    this.#handler.onWritable();
  }

  onClose(reason: CloseReason): void {
    const { bytesRead, bytesWritten } = this.#connection as UpstreamConnection;
    this.#host?.countBytes(bytesRead, bytesWritten);
    this.#host?.connectionClosed(reason, false);
    this.#cluster.releaseConnection();
    this.#handler.onClose(reason);
  }

  /** `otherwise`: the reason to tell when no host is left. */
  #connect(otherwise: Reason): void {
    const cluster = this.#cluster;
    const host = cluster.chooseHost(this);
    if (host === undefined) {
      this.#opener.onFailed(otherwise);
      return;
    }
    if (!cluster.acquireConnection()) {
      host.stats.requestPendingOverflow.add(1);
      this.#opener.onFailed(Reason.Overflow);
      return;
    }
    if (this.attempt > 0) host.stats.connectionRetry.add(1);
    this.#host = host;
    this.triedHosts.push(host);
    this.#connecting = cluster.connector.connect(host, cluster.connectOptions, this, this);
  }
}
