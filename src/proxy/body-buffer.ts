/** Bytes of a body that are kept for later: by a filter that wants it whole, for a replay, until a pool is ready. */

const EMPTY = Buffer.alloc(0);

/**
 * One piece of memory that doubles when it is full: bodies come in chunks of the sender's choice, down to a byte, and
 * an object for each would cost a hundred times what it holds.
 */
export class BodyBuffer {
  /** Bytes kept. */
  size = 0;
  #memory: Buffer = EMPTY;

  /** Keeps a copy: chunks are borrowed from whoever read them. */
  push(chunk: Uint8Array): void {
    const size = this.size + chunk.length;
    if (size > this.#memory.length) this.#grow(size);
    this.#memory.set(chunk, this.size);
    this.size = size;
  }

  /** All bytes in one piece; it stays as it is, whatever follows. */
  bytes(): Buffer {
    return this.#memory.subarray(0, this.size);
  }

  replace(body: Uint8Array): void {
    this.clear();
    this.push(body);
  }

  clear(): void {
    this.#memory = EMPTY;
    this.size = 0;
  }

  #grow(size: number): void {
    const larger = Buffer.allocUnsafe(Math.max(size, 2 * this.#memory.length));
    larger.set(this.bytes());
    this.#memory = larger;
  }
}
