/**
 * Finds the end of a body (RFC 9112, sections 6 and 7). Data comes as positions in the bytes at hand; nothing is copied.
 * One decoder serves one direction of a connection, a message at a time.
 */

import { Reason } from '../../src/api/index.ts';
import { CR, HEX, LF, SEMICOLON, TOKEN, VALUE } from './chars.ts';

/** How the end of a body is known. */
export const Framing = {
  None: 0,
  Length: 1,
  Chunked: 2,
  /** The end of the connection; responses, and both directions of a tunnel. */
  Close: 3,
} as const;
export type Framing = (typeof Framing)[keyof typeof Framing];

/** What `next` found. */
export const Found = {
  /** Everything was looked at. */
  NeedMore: 0,
  /** `dataStart` … `dataEnd` is data; `isDone` tells whether it was the last. */
  Data: 1,
  /** The last chunk is over: at `pos` the trailers begin, or the empty line in their place. */
  Trailers: 2,
  /** The body breaks the rules: see `reason`. */
  Invalid: 3,
} as const;
export type Found = (typeof Found)[keyof typeof Found];

const State = {
  Size: 0,
  ExtensionName: 1,
  Extension: 2,
  SizeLf: 3,
  Data: 4,
  DataCr: 5,
  DataLf: 6,
  Trailers: 7,
} as const;
type State = (typeof State)[keyof typeof State];

const MAX_SIZE_DIGITS = 16;

export class BodyDecoder {
  framing: Framing = Framing.None;
  /** Where `next` stopped. */
  pos = 0;
  dataStart = 0;
  dataEnd = 0;
  /** The body has ended; for a chunked one: all but its trailers. */
  isDone = true;
  reason: Reason = Reason.BadRequest;
  #state: State = State.Size;
  /** Bytes of data missing: of the body, or of the chunk. */
  #left = 0;
  #sizeDigits = 0;
  #extension = 0;
  /** Bytes of the chunks announced, and of the data handed out. */
  #total = 0;
  #received = 0;
  #maxTotal = 0;
  #maxExtension = 0;

  /**
   * Begins a body.
   *
   * @param length of the body with `Framing.Length`
   * @param maxTotal bytes of a chunked body, 0 = unlimited (413)
   * @param maxExtension bytes of all chunk extensions of a body
   */
  begin(framing: Framing, length: number, maxTotal: number, maxExtension: number): void {
    this.framing = framing;
    this.isDone = framing === Framing.None || (framing === Framing.Length && length === 0);
    this.#state = State.Size;
    this.#left = framing === Framing.Length ? length : 0;
    this.#sizeDigits = 0;
    this.#extension = 0;
    this.#total = 0;
    this.#received = 0;
    this.#maxTotal = maxTotal;
    this.#maxExtension = maxExtension;
  }

  /** Whether a body is, or has so far proved to be, longer than `size`. */
  isLonger(size: number): boolean {
    return this.framing === Framing.Length ? this.#left > size : this.#received > size;
  }

  /** Looks at `buf` from `pos` on. */
  next(buf: Buffer, pos: number, end: number): Found {
    this.pos = pos;
    if (this.framing === Framing.Chunked) return this.#nextOfChunks(buf, end);
    if (pos === end) return Found.NeedMore;
    if (this.framing === Framing.Close) return this.#data(end);
    const found = this.#data(Math.min(end, pos + this.#left));
    this.isDone = this.#left === 0;
    return found;
  }

  #data(end: number): Found {
    this.dataStart = this.pos;
    this.dataEnd = end;
    this.#left -= end - this.pos;
    this.#received += end - this.pos;
    this.pos = end;
    return Found.Data;
  }

  #nextOfChunks(buf: Buffer, end: number): Found {
    while (this.pos < end) {
      const c = buf[this.pos] as number;
      switch (this.#state) {
        case State.Size:
          if (!this.#size(c)) return Found.Invalid;
          this.pos++;
          break;
        case State.ExtensionName:
          if (TOKEN[c] === 0) return this.#invalid(Reason.BadRequest);
          this.#state = State.Extension;
          break;
        case State.Extension:
          if (!this.#skipExtension(buf, end)) return Found.Invalid;
          break;
        case State.SizeLf:
          if (c !== LF) return this.#invalid(Reason.BadRequest);
          this.pos++;
          if (this.#left === 0) {
            this.#state = State.Trailers;
            this.isDone = true;
            return Found.Trailers;
          }
          this.#total += this.#left;
          if (this.#maxTotal > 0 && this.#total > this.#maxTotal) return this.#invalid(Reason.BodyTooLarge);
          this.#state = State.Data;
          break;
        case State.Data: {
          const found = this.#data(Math.min(end, this.pos + this.#left));
          if (this.#left === 0) this.#state = State.DataCr;
          return found;
        }
        case State.DataCr:
          if (c !== CR) return this.#invalid(Reason.BadRequest);
          this.pos++;
          this.#state = State.DataLf;
          break;
        case State.DataLf:
          if (c !== LF) return this.#invalid(Reason.BadRequest);
          this.pos++;
          this.#state = State.Size;
          this.#sizeDigits = 0;
          break;
        default:
          return Found.Trailers;
      }
    }
    return Found.NeedMore;
  }

  /** One byte of a chunk size: digits, then the line end or an extension; no white space (section 7.1.1 allows none). */
  #size(c: number): boolean {
    const digit = HEX[c] as number;
    this.reason = Reason.BadRequest;
    if (digit >= 0) {
      this.#left = this.#left * 16 + digit;
      return ++this.#sizeDigits <= MAX_SIZE_DIGITS && this.#left <= Number.MAX_SAFE_INTEGER;
    }
    if (this.#sizeDigits === 0) return false;
    this.#state = c === CR ? State.SizeLf : State.ExtensionName;
    return c === CR || c === SEMICOLON;
  }

  /** Extensions are hop-by-hop and nobody uses them: skipped, counted. */
  #skipExtension(buf: Buffer, end: number): boolean {
    const start = this.pos;
    let pos = start;
    while (pos < end && VALUE[buf[pos] as number] !== 0) pos++;
    this.#extension += pos - start;
    this.pos = pos;
    this.reason = Reason.BadRequest;
    if (this.#extension > this.#maxExtension) return false;
    if (pos === end) return true;
    if (buf[pos] !== CR) return false;
    this.pos++;
    this.#state = State.SizeLf;
    return true;
  }

  #invalid(reason: Reason): typeof Found.Invalid {
    this.reason = reason;
    return Found.Invalid;
  }
}
