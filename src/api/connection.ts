/** Connections and network filters: the world of bytes. */

import type { Address } from './address.ts';
import type { CloseReason } from './reason.ts';

/**
 * A connection, downstream or upstream, over any transport.
 *
 * Reading: chunks are borrowed, valid and read-only until the callback returns. Writing: what is written during one
 * event-loop turn goes out together at its end.
 */
export interface Connection {
  /** Unique in this process. */
  readonly id: number;
  readonly localAddress: Address;
  readonly remoteAddress: Address;
  /** Name of the listener that accepted it, or of the cluster it was opened for. */
  readonly owner: string;
  /** Milliseconds of the clock at accept or connect. */
  readonly startTime: number;
  /** False from the moment the connection is closed, by whichever side. */
  readonly open: boolean;

  /** Queues latin1 text. */
  writeText(text: string): void;
  /**
   * Queues bytes. A chunk that was borrowed from a read callback may be passed on in that same callback; any other
   * buffer belongs to the connection until it is closed or `onWritable` runs.
   */
  writeBytes(chunk: Uint8Array): void;
  /** Bytes accepted by the write calls and not yet by the operating system. */
  readonly pending: number;
  /** True above the high watermark: whoever feeds this connection stops until `onWritable`. */
  readonly blocked: boolean;

  /** Stops reading; calls are counted, each needs its `resume`. Ignored when closed. */
  pause(): void;
  resume(): void;
  /** Tells that a long body is coming: larger reads into a private buffer, until called with false. */
  bulk(on: boolean): void;
  /**
   * Runs `task` at the end of the turn, also when the connection has ended meanwhile; what it throws ends the
   * connection. A second task before that replaces the first.
   */
  defer(task: () => void): void;

  /** Writes what is queued, then FIN; reading goes on. */
  end(): void;
  /** Writes what is queued, then closes. */
  close(reason: CloseReason): void;
  /**
   * Writes what is queued, sends FIN, then reads and drops up to 1 MiB of what the peer still sends, for 2 s, so that
   * an answer is not lost to a reset (RFC 9112, section 9.6).
   */
  closeLingering(reason: CloseReason): void;
  /** Closes at once; what is queued is lost. */
  destroy(reason: CloseReason): void;
}

/** What a connection calls. One handler per connection; a filter chain or a pool. */
export interface ConnectionHandler {
  /** Bytes arrived. */
  onData(chunk: Buffer): void;
  /** The peer sent FIN: nothing more will arrive, writing is still possible. */
  onEnd(): void;
  /** The queue fell below the low watermark after it had been above the high one. */
  onWritable(): void;
  /** The end of the connection, exactly once. */
  onClose(reason: CloseReason): void;
}

/** What a network filter's `onData` says: hand the same bytes to the next filter, or not. */
export const NetworkStatus = { Continue: 0, Stop: 1 } as const;
export type NetworkStatus = (typeof NetworkStatus)[keyof typeof NetworkStatus];

/**
 * A network filter: one instance per connection. Filters see bytes in the order of the configuration. `Stop` means
 * that the filter has consumed the chunk or copied what it still needs; it may hand bytes on later by
 * `chain.continueReading`.
 */
export interface NetworkFilter {
  onNewConnection?(): NetworkStatus;
  onData?(chunk: Buffer): NetworkStatus;
  onEnd?(): void;
  onWritable?(): void;
  onClose?(reason: CloseReason): void;
  /** The listener drains: finish what runs, take nothing new, close when idle. */
  onDrain?(): void;
}

/** A filter's hold on its chain. */
export interface NetworkFilterChain {
  /** Hands bytes to the filters after `filter`. */
  continueReading(filter: NetworkFilter, chunk: Buffer): void;
}
