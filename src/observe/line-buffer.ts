/**
 * Lines on their way to a file, as bytes. Each is written out when it comes: kept as text they would be a rope of small
 * strings that lives until the batch is full, and the garbage collector would carry it twice.
 */

const EMPTY: Buffer = Buffer.alloc(0);
const FIRST_SIZE = 4096;
/** UTF-8 needs at most this many bytes for one UTF-16 unit. */
const MAX_BYTES_PER_UNIT = 3;

export class LineBuffer {
  #bytes: Buffer = EMPTY;
  /** Bytes gathered. */
  length = 0;

  append(line: string): void {
    const needed = this.length + line.length * MAX_BYTES_PER_UNIT;
    if (needed > this.#bytes.length) this.#grow(needed);
    this.length += this.#bytes.write(line, this.length);
  }

  /** Gives away what has been gathered. */
  take(): Buffer {
    const bytes = this.#bytes.subarray(0, this.length);
    this.#bytes = EMPTY;
    this.length = 0;
    return bytes;
  }

  #grow(needed: number): void {
    const larger = Buffer.allocUnsafeSlow(Math.max(FIRST_SIZE, needed, this.#bytes.length * 2));
    this.#bytes.copy(larger, 0, 0, this.length);
    this.#bytes = larger;
  }
}
