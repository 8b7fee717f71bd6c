/**
 * A connection over any transport, downstream or upstream (`src/api/connection.ts`).
 *
 * Writing: bytes are queued and leave at the end of the turn, or at once from 64 KiB on. While the transport has a write
 * pending nothing is added to it; the queue grows instead, and above the high watermark `blocked` asks the source to
 * stop.
 *
 * Ending: no method calls the handler back from inside of itself. After `close`, `closeLingering` or `destroy` the only
 * callback left is `onClose`, at the end of the turn at the earliest. `close` and `closeLingering` call it when
 * everything has left, or the peer has gone, or the write time-out is over; its reason is the one they were given.
 */

import { threadId } from 'node:worker_threads';
import type { Address } from '../api/address.ts';
import type { Connection, ConnectionHandler } from '../api/connection.ts';
import type { Counter } from '../api/metrics.ts';
import { CloseReason } from '../api/reason.ts';
import type { TimerHandle } from '../api/timer.ts';
import { clock } from './clock.ts';
import { reportFault } from './fault.ts';
import { OutQueue, VIEW_FROM } from './out-queue.ts';
import type { Transport, TransportReceiver } from './transport.ts';
import { type Flushable, turn } from './turn.ts';

/** Queued bytes from which on a connection does not wait for the end of the turn. */
const FLUSH_AT = 65_536;
/**
 * Default of the high watermark. The kernel's send buffer takes up bursts; what stays above it here is memory that a
 * slow peer makes us keep, so little more than one long read is let in.
 */
export const HIGH_WATERMARK = 65_536;
/** A write that makes no progress for this long ends the connection (a peer that does not read). */
export const WRITE_TIMEOUT_MS = 60_000;
/**
 * Bounds of `closeLingering`. Beyond the bytes reading stops and the rest of the time is waited: to close on unread
 * bytes is to send a reset, which takes the answer away from a client in the middle of a fast upload.
 */
const LINGER_BYTES = 1_048_576;
const LINGER_MS = 2000;

/** Where bytes are counted. */
export interface Traffic {
  readonly received: Counter;
  readonly sent: Counter;
}

export interface ConnectionOptions {
  /** Name of the listener or cluster. */
  readonly owner: string;
  readonly traffic?: Traffic | undefined;
  /** Bytes; the low watermark is half of it. */
  readonly highWatermark?: number;
  readonly writeTimeout?: number;
  /** Told after the handler that the connection has ended. */
  readonly onEnded?: (connection: StreamConnection) => void;
}

const State = {
  Open: 0,
  /** What is queued is being written; then it closes. */
  Closing: 1,
  /** FIN has been sent, what still comes is dropped. */
  Lingering: 2,
  /** The transport is destroyed; `onClose` is due at the end of the turn. */
  Closed: 3,
  /** `onClose` has been called. */
  Ended: 4,
} as const;
type State = (typeof State)[keyof typeof State];

const ID_BASE = threadId * 2 ** 40;
let lastId = 0;

export class StreamConnection implements Connection, TransportReceiver, Flushable {
  readonly id: number;
  readonly startTime: number;
  /** Who is called back. Its owner may replace it at any time outside of a callback of the old one. */
  handler: ConnectionHandler;
  blocked = false;
  /** Bytes read so far. */
  bytesRead = 0;
  /** Bytes that the operating system has taken so far. */
  bytesWritten = 0;
  nextFlush: Flushable | null = null;
  flushQueued = false;
  readonly #transport: Transport;
  readonly #options: ConnectionOptions;
  readonly #traffic: Traffic | undefined;
  readonly #queue = new OutQueue();
  #state: State = State.Open;
  #reason: CloseReason = CloseReason.RemoteClose;
  /** Bytes of the write that is pending in the transport. */
  #inFlight = 0;
  #pauses = 0;
  /** `end` was called; and FIN has been sent. */
  #ending = false;
  #finSent = false;
  #remoteEnded = false;
  #linger = false;
  /** Bytes that may still be dropped while lingering. */
  #lingerBytes = 0;
  /** Write time-out or end of lingering; made when first needed. */
  #timer: TimerHandle | null = null;
  #backlog = 0;
  /** Asked for by `defer`. */
  #deferred: (() => void) | null = null;

  constructor(transport: Transport, handler: ConnectionHandler, options: ConnectionOptions) {
    this.id = ID_BASE + ++lastId;
    this.startTime = turn.now();
    this.handler = handler;
    this.#transport = transport;
    this.#options = options;
    this.#traffic = options.traffic;
    transport.open(this);
  }

  get localAddress(): Address {
    return this.#transport.localAddress;
  }

  get remoteAddress(): Address {
    return this.#transport.remoteAddress;
  }

  get owner(): string {
    return this.#options.owner;
  }

  get open(): boolean {
    return this.#state === State.Open;
  }

  get pending(): number {
    return this.#queue.size + this.#inFlight;
  }

  writeText(text: string): void {
    if (this.#state !== State.Open || this.#ending || text === '') return;
    this.#queue.addText(text);
    if (this.#inFlight > 0 || this.#queue.size >= FLUSH_AT) this.#writeNow();
    else if (!this.flushQueued) turn.flushLater(this);
  }

  writeBytes(chunk: Uint8Array): void {
    if (this.#state !== State.Open || this.#ending || chunk.length === 0) return;
    this.#queue.addBytes(chunk);
    // A view is written at once: then its memory is free again when its source goes on reading.
    if (chunk.length > VIEW_FROM || this.#inFlight > 0 || this.#queue.size >= FLUSH_AT) this.#writeNow();
    else if (!this.flushQueued) turn.flushLater(this);
  }

  pause(): void {
    if (this.#state !== State.Open) return;
    if (++this.#pauses === 1) this.#transport.pause();
  }

  resume(): void {
    if (this.#state !== State.Open || this.#pauses === 0) return;
    if (--this.#pauses === 0) this.#transport.resume();
  }

  bulk(on: boolean): void {
    this.#transport.bulk(on);
  }

  defer(task: () => void): void {
    this.#deferred = task;
    turn.flushLater(this);
  }

  end(): void {
    if (this.#state !== State.Open || this.#ending) return;
    this.#ending = true;
    turn.flushLater(this);
  }

  close(reason: CloseReason): void {
    if (this.#state !== State.Open) return;
    this.#state = State.Closing;
    this.#reason = reason;
    turn.flushLater(this);
  }

  closeLingering(reason: CloseReason): void {
    if (this.#state !== State.Open) return;
    this.#linger = !this.#remoteEnded;
    this.close(reason);
  }

  destroy(reason: CloseReason): void {
    if (this.#state >= State.Closed) return;
    if (this.#state === State.Open) this.#reason = reason;
    this.#shut();
    turn.flushLater(this);
  }

  /** An exception of whoever serves this connection ends it, and nothing else. */
  fail(error: unknown): void {
    reportFault(error, 'connection');
    this.destroy(CloseReason.Fault);
  }

  /** Called by the turn. */
  flush(): void {
    if (this.#deferred !== null) this.#runDeferred();
    if (this.#state === State.Closed) this.#finish();
    else if (this.#state < State.Closed && this.#inFlight === 0) this.#writeOut();
  }

  #runDeferred(): void {
    const task = this.#deferred as () => void;
    this.#deferred = null;
    try {
      task();
    } catch (error) {
      this.fail(error);
    }
  }

  onRead(chunk: Buffer): void {
    this.bytesRead += chunk.length;
    this.#traffic?.received.add(chunk.length);
    if (this.#state === State.Open) {
      try {
        this.handler.onData(chunk);
      } catch (error) {
        this.fail(error);
      }
    } else if (this.#state === State.Lingering) {
      this.#lingerBytes -= chunk.length;
      if (this.#lingerBytes < 0) this.#transport.pause();
    }
  }

  onEnd(): void {
    this.#remoteEnded = true;
    if (this.#state === State.Open) {
      try {
        this.handler.onEnd();
      } catch (error) {
        this.fail(error);
      }
    } else if (this.#state === State.Lingering) this.destroy(this.#reason);
  }

  onDrain(): void {
    this.#queue.settle();
    this.#countSent(this.#inFlight);
    this.#inFlight = 0;
    this.#timer?.stop();
    this.#writeOut();
    if (!this.blocked || this.pending > this.#highWatermark / 2) return;
    this.blocked = false;
    if (this.#state !== State.Open) return;
    try {
      this.handler.onWritable();
    } catch (error) {
      this.fail(error);
    }
  }

  onClosed(reason: CloseReason): void {
    if (this.#state >= State.Closed) return;
    if (this.#state === State.Open && reason !== CloseReason.RemoteClose) this.#reason = reason;
    this.#shut();
    this.#finish();
  }

  get #highWatermark(): number {
    return this.#options.highWatermark ?? HIGH_WATERMARK;
  }

  /** Does not wait for the end of the turn, because much is queued; or does not write, because a write is pending. */
  #writeNow(): void {
    if (this.#inFlight === 0) this.#writeOut();
    else this.#checkWatermark();
  }

  #checkWatermark(): void {
    if (this.pending > this.#highWatermark) this.blocked = true;
  }

  /** With nothing pending: writes what is queued, and goes on with ending when all has left. */
  #writeOut(): void {
    const size = this.#queue.size;
    if (size > 0) {
      if (!this.#queue.writeTo(this.#transport)) {
        this.#inFlight = size;
        this.#checkWatermark();
        this.#watchProgress();
        // What still comes has no receiver any more.
        if (this.#state === State.Closing) this.#transport.pause();
        return;
      }
      this.#countSent(size);
    }
    if (this.#state === State.Closing) this.#endClosing();
    else if (this.#ending) this.#sendFin();
  }

  #endClosing(): void {
    if (!this.#linger || this.#remoteEnded) {
      this.destroy(this.#reason);
      return;
    }
    this.#state = State.Lingering;
    this.#lingerBytes = LINGER_BYTES;
    this.#sendFin();
    this.#transport.resume();
    this.#startTimer(LINGER_MS);
  }

  #sendFin(): void {
    if (this.#finSent) return;
    this.#finSent = true;
    // Once the other FIN is there as well, the connection was closed by whoever began.
    if (this.#state === State.Open && !this.#remoteEnded) this.#reason = CloseReason.LocalClose;
    this.#transport.end();
  }

  #countSent(bytes: number): void {
    this.bytesWritten += bytes;
    this.#traffic?.sent.add(bytes);
  }

  #watchProgress(): void {
    this.#backlog = this.#inFlight;
    this.#startTimer(this.#options.writeTimeout ?? WRITE_TIMEOUT_MS);
  }

  #startTimer(ms: number): void {
    this.#timer ??= clock.timer(() => this.#onTimer());
    this.#timer.start(ms);
  }

  #onTimer(): void {
    if (this.#state === State.Lingering) {
      this.destroy(this.#reason);
      return;
    }
    const backlog = this.#transport.backlog;
    if (backlog < this.#backlog) {
      this.#backlog = backlog;
      this.#startTimer(this.#options.writeTimeout ?? WRITE_TIMEOUT_MS);
    } else this.destroy(CloseReason.WriteTimeout);
  }

  #shut(): void {
    this.#state = State.Closed;
    this.#timer?.stop();
    this.#transport.destroy();
    this.#inFlight = 0;
    this.#queue.clear();
  }

  #finish(): void {
    this.#state = State.Ended;
    try {
      this.handler.onClose(this.#reason);
    } catch (error) {
      reportFault(error, 'connection');
    }
    this.#options.onEnded?.(this);
  }
}
