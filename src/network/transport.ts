/**
 * What a connection stands on: bytes in, bytes out, no queue. A socket (`socket-transport.ts`), later TLS or a pipe in
 * memory.
 */

import type { Address } from '../api/address.ts';
import type { CloseReason } from '../api/reason.ts';
import type { PooledBuffer } from './buffer-pool.ts';

/** Bytes as they lie in a queue: latin1 text, or octets. */
export type Part = string | Uint8Array;

export interface Transport {
  readonly localAddress: Address;
  readonly remoteAddress: Address;

  /** Names the receiver; reading starts. Once. */
  open(receiver: TransportReceiver): void;

  /**
   * Writes. True: the operating system has taken everything, the memory may be used again. False: some of it is
   * pending and must stay as it is until `onDrain`, before which nothing more may be written.
   */
  writeText(text: string): boolean;
  writeBytes(bytes: Uint8Array): boolean;
  /** Writes several parts by one system call. The array is the transport's afterwards. */
  writeParts(parts: Part[]): boolean;
  /** Bytes of the pending write that have not left yet, as far as they can be told. */
  readonly backlog: number;

  /** Stops reading. No `onRead` or `onEnd` follows until `resume`. */
  pause(): void;
  resume(): void;
  /** Long reads into memory of this transport's own, which may be passed on without a copy. */
  bulk(on: boolean): void;

  /** Sends FIN; only when nothing is pending. */
  end(): void;
  /** Closes at once. No callback follows, `onClosed` excepted, which may. */
  destroy(): void;
}

export interface TransportReceiver {
  /** Bytes arrived; they are borrowed until this returns. */
  onRead(chunk: Buffer): void;
  /** The peer sent FIN. */
  onEnd(): void;
  /** What was pending has left. */
  onDrain(): void;
  /** The transport is gone by itself: an error, or FIN both ways. */
  onClosed(reason: CloseReason): void;
}

/**
 * What is being read at this moment: set around `onRead` when the chunk lies in memory that is read into again.
 * `lender` is its buffer when that may be retained beyond the callback, null when a copy is the only way.
 */
export const reading: { memory: ArrayBufferLike | null; lender: PooledBuffer | null } = {
  memory: null,
  lender: null,
};
