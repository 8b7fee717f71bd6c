/**
 * Memory that is borrowed while bytes are under way and given back right after: private read buffers of connections
 * that carry a long body, and out buffers. An idle connection holds none.
 */

/** Size of an out buffer: as much as is queued before a connection flushes without waiting for the end of the turn. */
export const OUT_BUFFER_SIZE = 65_536;
/** Size of a private read buffer; CPU per byte falls with every doubling up to here. */
export const BULK_BUFFER_SIZE = 262_144;

const PLAIN_BUFFER_SIZE = 16_384;
const DEFAULT_CAP = 64 * 1024 * 1024;
/** Unused buffers kept of either size, in bytes; more go back to the allocator. */
const KEEP_BYTES = 2 * 1024 * 1024;

/** A buffer with its users counted. It comes from `take…` with one user and returns to its pool when none is left. */
export class PooledBuffer {
  readonly bytes: Buffer;
  /** How many use it: the reader that fills it, and each write of a part of it that is still pending. */
  users = 1;
  /** Told once when the number of users falls to one: a reader that waits to have its buffer for itself. */
  onSoleUser: BufferOwner | null = null;
  readonly #pool: BufferPool;

  constructor(pool: BufferPool, size: number) {
    this.#pool = pool;
    this.bytes = Buffer.allocUnsafeSlow(size);
  }

  retain(): void {
    this.users++;
  }

  release(): void {
    this.users--;
    if (this.users === 0) {
      this.onSoleUser = null;
      this.#pool.give(this);
    } else if (this.users === 1 && this.onSoleUser !== null) {
      const owner = this.onSoleUser;
      this.onSoleUser = null;
      owner.onBufferFree();
    }
  }
}

/** Who waits for a buffer. */
export interface BufferOwner {
  onBufferFree(): void;
}

export class BufferPool {
  /** Bytes lent out. */
  #lent = 0;
  readonly #cap: number;
  readonly #outs: PooledBuffer[] = [];
  readonly #bulks: PooledBuffer[] = [];

  constructor(cap = DEFAULT_CAP) {
    this.#cap = cap;
  }

  /** Bytes of the cap that are in use. */
  get lent(): number {
    return this.#lent;
  }

  /** An out buffer; beyond the cap a small one that is not pooled. */
  takeOut(): PooledBuffer {
    return this.#take(this.#outs, OUT_BUFFER_SIZE) ?? new PooledBuffer(this, PLAIN_BUFFER_SIZE);
  }

  /** A private read buffer, or undefined beyond the cap. */
  takeBulk(): PooledBuffer | undefined {
    return this.#take(this.#bulks, BULK_BUFFER_SIZE);
  }

  /** Called by the last `release`. */
  give(buffer: PooledBuffer): void {
    const size = buffer.bytes.length;
    if (size === PLAIN_BUFFER_SIZE) return;
    this.#lent -= size;
    const kept = size === OUT_BUFFER_SIZE ? this.#outs : this.#bulks;
    if (kept.length * size < KEEP_BYTES) kept.push(buffer);
  }

  #take(kept: PooledBuffer[], size: number): PooledBuffer | undefined {
    if (this.#lent + size > this.#cap) return undefined;
    this.#lent += size;
    const buffer = kept.pop();
    if (buffer === undefined) return new PooledBuffer(this, size);
    buffer.users = 1;
    return buffer;
  }
}

/** This thread's pool. */
export const bufferPool: BufferPool = new BufferPool();
