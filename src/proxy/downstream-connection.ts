/**
 * A downstream connection under the `proxy` filter: finds out which protocol it speaks, feeds its codec, makes a
 * stream of each request, and closes it when it has been idle, has been asked to drain, or its codec says so.
 */

import { type Connection, type NetworkFilter, type NetworkFilterChain, NetworkStatus } from '../api/connection.ts';
import {
  type Protocol,
  ProtocolMatch,
  type RequestReceiver,
  type ResponseEncoder,
  type ServerCodec,
  type ServerEvents,
} from '../api/protocol.ts';
import { CloseReason, Reason } from '../api/reason.ts';
import type { TimerHandle } from '../api/timer.ts';
import { DownstreamStream, type StreamOwner } from './downstream-stream.ts';
import type { ConfiguredProtocol, ProxyRuntime } from './proxy-runtime.ts';
import { StreamRecord } from './stream-record.ts';

/** What the connection's one timer is waiting for. */
const Awaiting = { Idle: 0, Head: 1, HalfClosed: 2 } as const;
type Awaiting = (typeof Awaiting)[keyof typeof Awaiting];

const EMPTY = Buffer.alloc(0);

export class DownstreamConnection implements NetworkFilter, ServerEvents, StreamOwner {
  readonly connection: Connection;
  readonly trusted: boolean;
  readonly #chain: NetworkFilterChain;
  readonly #runtime: ProxyRuntime;
  #spoken: ConfiguredProtocol | undefined;
  #codec: ServerCodec | undefined;
  /** First bytes of a connection whose protocol is not known yet. */
  #prefix: Buffer = EMPTY;
  /** The protocol is unknown and the next filter takes it. */
  #fallenBack = false;
  readonly #timer: TimerHandle;
  #awaiting: Awaiting = Awaiting.Idle;
  #idleSince: number;

  constructor(connection: Connection, chain: NetworkFilterChain, runtime: ProxyRuntime) {
    this.connection = connection;
    this.#chain = chain;
    this.#runtime = runtime;
    this.trusted = runtime.trusts(connection.remoteAddress.host);
    this.#idleSince = connection.startTime;
    this.#timer = runtime.timers.clock.timer(() => this.#onTimer());
    if (runtime.fixed !== undefined) this.#speak(runtime.fixed);
    if (runtime.connectionIdleTimeout > 0) this.#timer.start(runtime.connectionIdleTimeout);
  }

  get protocol(): Protocol {
    return (this.#spoken as ConfiguredProtocol).protocol;
  }

  // ── Bytes ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Filters behind this one hear of the connection when they are handed bytes of a protocol that is unknown here. */
  onNewConnection(): NetworkStatus {
    return NetworkStatus.Stop;
  }

  onData(chunk: Buffer): NetworkStatus {
    if (this.#codec !== undefined) this.#codec.onData(chunk);
    else if (this.#fallenBack) return NetworkStatus.Continue;
    else this.#sniff(chunk);
    return NetworkStatus.Stop;
  }

  onEnd(): void {
    const codec = this.#codec;
    if (codec === undefined) {
      if (!this.#fallenBack) this.connection.close(CloseReason.RemoteClose);
      return;
    }
    codec.onEnd();
    if (!codec.owesAnswer || !this.connection.open) return;
    this.#await(Awaiting.HalfClosed, this.#runtime.config.timeouts.half_close_grace);
  }

  onWritable(): void {
    this.#codec?.onWritable();
  }

  onClose(reason: CloseReason): void {
    this.#timer.stop();
    this.#codec?.onClose(reason === CloseReason.Shutdown ? Reason.Shutdown : Reason.DownstreamReset);
  }

  onDrain(): void {
    if (this.#codec !== undefined) this.#codec.drain();
    else if (!this.#fallenBack) this.connection.close(CloseReason.Drained);
  }

  // ── Which protocol ───────────────────────────────────────────────────────────────────────────────────────────

  #speak(spoken: ConfiguredProtocol): void {
    this.#spoken = spoken;
    this.#codec = spoken.protocol.serverCodec(this.connection, this, spoken.settings);
  }

  /** Asks the candidates in their fixed order; the first that says yes has it, none may be undecided before it. */
  #sniff(chunk: Buffer): void {
    const seen = this.#prefix.length === 0 ? chunk : Buffer.concat([this.#prefix, chunk]);
    for (const candidate of this.#runtime.downstream) {
      const match = candidate.protocol.match(seen);
      if (match === ProtocolMatch.No) continue;
      if (match === ProtocolMatch.Yes) {
        this.#endPrefix();
        this.#speak(candidate);
        this.#codec?.onData(seen);
      } else if (this.#prefix.length === 0) {
        this.#prefix = Buffer.from(seen);
        this.#await(Awaiting.Head, this.#runtime.config.timeouts.header);
      } else this.#prefix = Buffer.from(seen);
      return;
    }
    this.#unknown(seen);
  }

  /** The codec, or whoever else takes the bytes, watches its own time. */
  #endPrefix(): void {
    if (this.#prefix.length === 0) return;
    this.#prefix = EMPTY;
    this.#await(Awaiting.Idle, this.#runtime.connectionIdleTimeout);
  }

  #unknown(seen: Buffer): void {
    this.#endPrefix();
    if (this.#runtime.config.fallback_for_unknown_protocol) {
      this.#fallenBack = true;
      this.#timer.stop();
      this.#chain.continueReading(this, seen);
    } else {
      this.#runtime.stats.protocolError.add(1);
      this.connection.close(CloseReason.ProtocolError);
    }
  }

  // ── Streams ──────────────────────────────────────────────────────────────────────────────────────────────────

  onStream(encoder: ResponseEncoder): RequestReceiver {
    return new DownstreamStream(this.#runtime, this, encoder);
  }

  onStreamEnd(): void {
    this.#idleSince = this.#runtime.timers.clock.now();
  }

  onHeadProgress(started: boolean): void {
    if (started) this.#await(Awaiting.Head, this.#runtime.config.timeouts.header);
    else this.#await(Awaiting.Idle, this.#runtime.connectionIdleTimeout);
  }

  onProtocolError(reason: Reason): void {
    const isTimeout = reason === Reason.HeaderTimeout;
    if (!isTimeout) this.#runtime.stats.protocolError.add(1);
    this.#refused(reason);
    this.connection.closeLingering(isTimeout ? CloseReason.HeaderTimeout : CloseReason.ProtocolError);
  }

  onClosable(lingering: boolean): void {
    if (lingering) this.connection.closeLingering(CloseReason.LocalClose);
    else this.connection.close(CloseReason.LocalClose);
  }

  /** A request that never became a stream is counted and logged like any other. */
  #refused(reason: Reason): void {
    const { stats, accessLogs, listener, timers } = this.#runtime;
    const record = new StreamRecord(this.connection, this.protocol.name, listener, timers.clock);
    record.refuse(reason);
    stats.requestTotal.add(1);
    stats.requestCompleted.add(1);
    stats.code(reason.status);
    stats.reason(reason);
    for (const log of accessLogs) log.log(record);
  }

  // ── Time ─────────────────────────────────────────────────────────────────────────────────────────────────────

  #await(what: Awaiting, ms: number): void {
    this.#awaiting = what;
    if (ms > 0) this.#timer.start(ms);
    else this.#timer.stop();
  }

  #onTimer(): void {
    switch (this.#awaiting) {
      case Awaiting.Idle:
        this.#onIdle();
        return;
      case Awaiting.Head:
        this.#onHeadTimeout();
        return;
      case Awaiting.HalfClosed:
        if (this.#codec?.owesAnswer) this.connection.close(CloseReason.RemoteClose);
    }
  }

  /** Not re-armed per request: when it fires it looks how long the connection has really been without a stream. */
  #onIdle(): void {
    const limit = this.#runtime.connectionIdleTimeout;
    const busy = this.#codec !== undefined && this.#codec.activeStreams > 0;
    const left = busy ? limit : limit - (this.#runtime.timers.clock.now() - this.#idleSince);
    if (left > 0) {
      this.#timer.start(left);
      return;
    }
    this.#runtime.stats.idleTimeout.add(1);
    this.connection.close(CloseReason.IdleTimeout);
  }

  #onHeadTimeout(): void {
    this.#runtime.stats.headerTimeout.add(1);
    if (this.#codec === undefined) this.#unknown(this.#prefix);
    else this.#codec.refuse(Reason.HeaderTimeout);
  }
}
