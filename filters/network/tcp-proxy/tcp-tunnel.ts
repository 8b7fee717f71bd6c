/**
 * One connection under `tcp_proxy`: a downstream connection and the upstream one that belongs to it. Bytes, FIN and
 * back-pressure pass in both directions; whichever side closes, the other follows when what is queued has left.
 */

import {
  CloseReason,
  type Connection,
  type ConnectionHandler,
  type ConnectionOpener,
  type Counter,
  type FactoryContext,
  type NetworkFilter,
  NetworkStatus,
  type TimerHandle,
} from '../../../src/api/index.ts';
import type { TcpRoutes } from './routes.ts';

/** What all connections of one listener share. */
export interface TunnelSetting {
  readonly routes: TcpRoutes;
  /** Milliseconds; 0 = never. */
  readonly idleTimeout: number;
  readonly counters: { readonly noRoute: Counter; readonly connectFailed: Counter; readonly idleTimeout: Counter };
  readonly context: FactoryContext;
}

export class TcpTunnel implements NetworkFilter {
  readonly #downstream: Connection;
  readonly #setting: TunnelSetting;
  readonly #idleTimer: TimerHandle;
  #upstream: Connection | undefined;
  #connecting: { cancel(): void } | undefined;
  /** Bytes that came before the upstream was there: of the one read that was under way, or handed on by another filter. */
  #early: Buffer[] = [];
  readonly #forth = new Half();
  readonly #back = new Half();
  #downstreamEnded = false;
  #upstreamEnded = false;
  #lastActivity: number;

  constructor(downstream: Connection, setting: TunnelSetting) {
    this.#downstream = downstream;
    this.#setting = setting;
    const { clock } = setting.context;
    this.#lastActivity = clock.now();
    this.#idleTimer = clock.timer(() => this.#onIdle());
  }

  onNewConnection(): NetworkStatus {
    const { routes, context, counters, idleTimeout } = this.#setting;
    const downstream = this.#downstream;
    const cluster = routes.clusterOf(downstream.remoteAddress, downstream.localAddress);
    if (cluster === undefined) {
      counters.noRoute.add(1);
      downstream.close(CloseReason.LocalClose);
      return NetworkStatus.Stop;
    }
    downstream.pause();
    downstream.bulk(true);
    if (idleTimeout > 0) this.#idleTimer.start(idleTimeout);
    this.#connecting = context.clusters.connect(cluster, this.#upstreamHandler(), this.#opener());
    return NetworkStatus.Continue;
  }

  onData(chunk: Buffer): NetworkStatus {
    this.#lastActivity = this.#setting.context.clock.now();
    if (this.#upstream === undefined) this.#early.push(Buffer.from(chunk));
    else this.#forth.carry(chunk, this.#downstream, this.#upstream);
    return NetworkStatus.Stop;
  }

  onEnd(): void {
    this.#downstreamEnded = true;
    this.#upstream?.end();
    this.#closeWhenBothEnded();
  }

  onWritable(): void {
    if (this.#upstream !== undefined) this.#back.release(this.#upstream);
  }

  onClose(): void {
    this.#idleTimer.stop();
    this.#connecting?.cancel();
    this.#upstream?.close(CloseReason.LocalClose);
  }

  /** Bytes have no end that one could wait for: the connection lives until the drain is over. */
  onDrain(): void {}

  #opener(): ConnectionOpener {
    return {
      onConnected: (upstream) => {
        this.#connecting = undefined;
        this.#upstream = upstream;
        upstream.bulk(true);
        for (const chunk of this.#early) this.#forth.carry(chunk, this.#downstream, upstream);
        this.#early = [];
        if (this.#downstreamEnded) upstream.end();
        this.#downstream.resume();
      },
      onFailed: () => {
        this.#connecting = undefined;
        this.#setting.counters.connectFailed.add(1);
        this.#downstream.close(CloseReason.ConnectFailed);
      },
    };
  }

  #upstreamHandler(): ConnectionHandler {
    return {
      onData: (chunk) => {
        this.#lastActivity = this.#setting.context.clock.now();
        this.#back.carry(chunk, this.#upstream as Connection, this.#downstream);
      },
      onEnd: () => {
        this.#upstreamEnded = true;
        this.#downstream.end();
        this.#closeWhenBothEnded();
      },
      onWritable: () => this.#forth.release(this.#downstream),
      onClose: (reason) => {
        this.#upstream = undefined;
        if (reason === CloseReason.RemoteReset) this.#downstream.destroy(CloseReason.LocalClose);
        else this.#downstream.close(CloseReason.LocalClose);
      },
    };
  }

  #closeWhenBothEnded(): void {
    if (this.#downstreamEnded && this.#upstreamEnded) this.#downstream.close(CloseReason.LocalClose);
  }

  /** Not re-armed per chunk: when it fires it looks how long the silence has really been. */
  #onIdle(): void {
    const { context, counters, idleTimeout } = this.#setting;
    const left = idleTimeout - (context.clock.now() - this.#lastActivity);
    if (left > 0) {
      this.#idleTimer.start(left);
      return;
    }
    counters.idleTimeout.add(1);
    this.#downstream.close(CloseReason.IdleTimeout);
  }
}

/** One direction. Above the high watermark of `to`, `from` is not read until `release`. */
class Half {
  #paused = false;

  carry(chunk: Buffer, from: Connection, to: Connection): void {
    to.writeBytes(chunk);
    if (!to.blocked || this.#paused) return;
    this.#paused = true;
    from.pause();
  }

  release(from: Connection): void {
    if (!this.#paused) return;
    this.#paused = false;
    from.resume();
  }
}
