/**
 * Bytes kept from one read to the next. What was handed out is never overwritten, because a connection may still be
 * writing it: new bytes follow behind, and a buffer that is full is replaced.
 */

const FIRST_SIZE = 512;

export class Carry {
  buf: Buffer = EMPTY;
  start = 0;
  end = 0;

  get length(): number {
    return this.end - this.start;
  }

  append(src: Buffer, from: number, to: number): void {
    const added = to - from;
    if (this.end + added > this.buf.length) this.#grow(added);
    src.copy(this.buf, this.end, from, to);
    this.end += added;
  }

  /** Gives the memory back. */
  clear(): void {
    this.buf = EMPTY;
    this.start = 0;
    this.end = 0;
  }

  #grow(added: number): void {
    const length = this.length;
    const larger = Buffer.allocUnsafe(Math.max(FIRST_SIZE, length + added, 2 * length));
    this.buf.copy(larger, 0, this.start, this.end);
    this.buf = larger;
    this.start = 0;
    this.end = length;
  }
}

export const EMPTY: Buffer = Buffer.alloc(0);
