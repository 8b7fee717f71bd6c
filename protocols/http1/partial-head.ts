/**
 * A head, or the trailers of a body, that has not come whole yet.
 *
 * Scanning it anew for every byte would be quadratic. So the new bytes are only looked through for what is worth a scan:
 * the empty line that ends a head, or a byte that must make the scan fail; and a scan is due whenever the bytes have
 * doubled, so that nonsense is refused long before a head's limit. A head costs at most two scans' worth of work.
 */

import { Carry } from './carry.ts';
import { CR, HTAB, LF } from './chars.ts';

export class PartialHead {
  readonly #carry = new Carry();
  /** Bytes since the last line feed, and the last byte. */
  #lineLength = 0;
  #last = 0;
  /** A scan is due at this length. */
  #scanAt = 0;

  get length(): number {
    return this.#carry.end;
  }

  get buf(): Buffer {
    return this.#carry.buf;
  }

  /** Keeps the beginning of a head, which has been scanned. */
  begin(src: Buffer, from: number, to: number): void {
    this.#carry.append(src, from, to);
    const lineFeed = src.subarray(from, to).lastIndexOf(LF);
    this.#lineLength = to - from - 1 - lineFeed;
    this.#last = src[to - 1] as number;
    this.scanned();
  }

  /**
   * Takes bytes until a scan is due.
   *
   * @param maxLength how long the head may become
   * @returns position after the bytes taken; a scan is due if that is before `end` or `due` says so
   */
  take(src: Buffer, from: number, end: number, maxLength: number): number {
    const stop = Math.min(end, from + maxLength - this.#carry.end);
    let pos = from;
    let isDue = false;
    while (pos < stop && !isDue) isDue = this.#see(src[pos++] as number);
    this.#carry.append(src, from, pos);
    if (isDue || this.#carry.end >= maxLength) this.#scanAt = 0;
    return pos;
  }

  get due(): boolean {
    return this.#carry.end >= this.#scanAt;
  }

  /** Tells that a scan found that more is needed. */
  scanned(): void {
    this.#scanAt = this.#carry.end * 2;
  }

  clear(): void {
    this.#carry.clear();
  }

  /** Notes one byte; true when it ends a head or cannot stand in one. */
  #see(c: number): boolean {
    const last = this.#last;
    this.#last = c;
    if (c === LF) {
      const isEmptyLine = this.#lineLength <= 1;
      this.#lineLength = 0;
      return isEmptyLine || last !== CR;
    }
    this.#lineLength++;
    return last === CR || c === 127 || (c < 32 && c !== CR && c !== HTAB);
  }
}
