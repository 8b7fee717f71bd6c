/**
 * The reading half of both codecs: bytes become heads and bodies, one message after the other.
 *
 * What arrives while nobody may have it (an answer is owed, the receiver has paused) is held, bounded, and reading stops.
 * It is handed out later (`Sink.defer`) and never from inside an encoder's method, so that whoever ends one message has
 * finished with it before the next one begins.
 */

import type { Headers, Reason, Sink, StreamReceiver } from '../../src/api/index.ts';
import { BodyDecoder, Found, type Framing } from './body-decoder.ts';
import { Carry, EMPTY } from './carry.ts';
import { INVALID, NEED_MORE, scan } from './head-scan.ts';
import { PartialHead } from './partial-head.ts';
import type { Http1Settings } from './settings.ts';
import { readTrailers, scanTrailers } from './trailers.ts';

export const Reading = {
  /** Nothing may come: no request has been written. */
  Idle: 0,
  Head: 1,
  /** A body, or one direction of a tunnel. */
  Body: 2,
  /** What comes belongs to the next message, or to a tunnel that is not open yet. */
  Waiting: 3,
  /** Everything is dropped. */
  Closed: 4,
} as const;
export type Reading = (typeof Reading)[keyof typeof Reading];

/** From this size of a body on larger reads pay. */
const BULK_FROM = 65_536;

// Half the cost of `toString('latin1')`.
const latin1Slice: (start: number, end: number) => string = Buffer.prototype.latin1Slice;

export abstract class MessageReader {
  protected readonly sink: Sink;
  protected readonly settings: Http1Settings;
  protected readonly decoder = new BodyDecoder();
  protected reading: Reading;
  /** The receiver of the message that is being read. */
  protected receiver: StreamReceiver | null = null;
  protected isTunnel = false;
  /** FIN has come. */
  protected ended = false;
  /** Bytes at hand behind the message that has just ended. */
  protected rest = 0;
  readonly #held = new Carry();
  readonly #partial = new PartialHead();
  readonly #wake = (): void => this.#proceed();
  #wakeDue = false;
  #busy = false;
  /** The receiver wants no more data for now. */
  #receiverPaused = false;
  #sinkPaused = false;
  #bulk = false;
  /** What the last scan returned. */
  #after = NEED_MORE as number;

  constructor(sink: Sink, settings: Http1Settings, reading: Reading) {
    this.sink = sink;
    this.settings = settings;
    this.reading = reading;
  }

  protected abstract scanHead(buf: Buffer, pos: number, end: number): number;
  /** A head has been scanned; `text` is it. */
  protected abstract headRead(text: string): void;
  protected abstract headRefused(reason: Reason): void;
  /** A head has begun (true) but not ended in the bytes at hand, or such a head is over. */
  protected abstract headProgress(started: boolean): void;
  /** The body is over; its receiver is told next. Leaves the state `Body`. */
  protected abstract bodyEnded(): void;
  /** The receiver has been told. */
  protected abstract bodyDelivered(): void;
  protected abstract bodyRefused(reason: Reason): void;
  /** Bytes came in the state `Idle`. */
  protected abstract unexpected(): void;
  /** All bytes before the FIN have been taken in. May be called again in the state `Waiting`. */
  protected abstract inputEnded(): void;

  onData(chunk: Buffer): void {
    if (this.reading === Reading.Closed) return;
    if (this.reading === Reading.Idle) {
      this.unexpected();
      return;
    }
    const end = chunk.length;
    const pos = this.#held.length > 0 ? 0 : this.#run(chunk, 0, end);
    // A message that ended the connection has changed the state behind the compiler's back.
    if (pos < end && (this.reading as Reading) !== Reading.Closed) this.#held.append(chunk, pos, end);
    this.#settle();
  }

  onEnd(): void {
    this.ended = true;
    if (this.#held.length > 0 || this.reading === Reading.Closed) return;
    if (!this.#refusePartialHead()) this.inputEnded();
  }

  /** Judges a head that will not become whole: what was left unscanned may be wrong. */
  #refusePartialHead(): boolean {
    const partial = this.#partial;
    if (this.reading !== Reading.Head || partial.length === 0) return false;
    if (this.scanHead(partial.buf, 0, partial.length) !== INVALID) return false;
    partial.clear();
    this.headRefused(scan.reason);
    return true;
  }

  /** Whether the next head may be read now. */
  protected get mayBegin(): boolean {
    return true;
  }

  /** Nothing has been read of a next message. */
  protected get isBetweenMessages(): boolean {
    return this.#held.length === 0 && this.#partial.length === 0;
  }

  protected get holdsInput(): boolean {
    return this.#held.length > 0;
  }

  /** Sets out on a body. */
  protected beginBody(framing: Framing, length: number, maxTotal: number): void {
    this.decoder.begin(framing, length, maxTotal, this.settings.max_chunk_extension);
    this.reading = Reading.Body;
  }

  /** A receiver that has just begun takes everything. */
  protected unpause(): void {
    this.#receiverPaused = false;
  }

  protected pauseBody(): void {
    this.#receiverPaused = true;
    if (!this.#busy) this.#settle();
  }

  protected resumeBody(): void {
    this.#receiverPaused = false;
    this.wakeUp();
  }

  /** Has what is held handed out soon. */
  protected wakeUp(): void {
    if (this.#busy) return;
    if (this.#held.length === 0 && !this.ended) this.#settle();
    else if (!this.#wakeDue) {
      this.#wakeDue = true;
      this.sink.defer(this.#wake);
    }
  }

  /** Takes nothing more. */
  protected stopReading(): void {
    this.reading = Reading.Closed;
    this.receiver = null;
    if (!this.#busy) this.#settle();
  }

  #proceed(): void {
    this.#wakeDue = false;
    if (this.reading === Reading.Closed) return;
    const held = this.#held;
    if (held.length > 0) {
      held.start = this.#run(held.buf, held.start, held.end);
      if (held.length === 0) held.clear();
    }
    this.#settle();
  }

  #run(buf: Buffer, start: number, end: number): number {
    let pos = start;
    this.#busy = true;
    while (pos < end) {
      if (this.reading === Reading.Head && this.mayBegin) pos = this.#readHead(buf, pos, end);
      else if (this.reading === Reading.Body && !this.#receiverPaused) pos = this.#readBody(buf, pos, end);
      else break;
    }
    this.#busy = false;
    return pos;
  }

  /** Brings everything else in line with what was read. */
  #settle(): void {
    const held = this.#held;
    if (this.reading === Reading.Closed) {
      held.clear();
      this.#partial.clear();
      this.#setBulk(false);
      this.#setPaused(false);
      return;
    }
    if (this.ended && held.length === 0) this.inputEnded();
    const isBody = this.reading === Reading.Body;
    this.#setBulk(isBody && !this.isTunnel && this.decoder.isLonger(BULK_FROM));
    if (this.reading === Reading.Waiting) this.#setPaused(held.length > this.settings.max_pipelined);
    else this.#setPaused(held.length > 0 || (isBody && this.#receiverPaused));
  }

  #setBulk(on: boolean): void {
    if (on === this.#bulk) return;
    this.#bulk = on;
    this.sink.bulk(on);
  }

  #setPaused(on: boolean): void {
    if (on === this.#sinkPaused) return;
    this.#sinkPaused = on;
    if (on) this.sink.pause();
    else this.sink.resume();
  }

  #readHead(buf: Buffer, start: number, end: number): number {
    const pos = this.#scanOrKeep(buf, start, end);
    const partial = this.#partial;
    const wasPartial = partial.length > 0;
    if (this.#after === INVALID) {
      partial.clear();
      this.headRefused(scan.reason);
    } else if (this.#after !== NEED_MORE) {
      const text = latin1Slice.call(wasPartial ? partial.buf : buf, scan.base, this.#after);
      if (wasPartial) {
        partial.clear();
        this.headProgress(false);
      }
      this.rest = end - pos;
      this.headRead(text);
    } else if (!wasPartial) {
      partial.begin(buf, start, end);
      this.headProgress(true);
    }
    return pos;
  }

  #readBody(buf: Buffer, start: number, end: number): number {
    const decoder = this.decoder;
    const found = decoder.next(buf, start, end);
    const pos = decoder.pos;
    switch (found) {
      case Found.Data: {
        const isLast = decoder.isDone;
        const isWhole = decoder.dataStart === 0 && decoder.dataEnd === buf.length;
        this.#deliver(isWhole ? buf : buf.subarray(decoder.dataStart, decoder.dataEnd), isLast, end - pos);
        return pos;
      }
      case Found.Trailers:
        return this.#readTrailers(buf, pos, end);
      case Found.Invalid:
        this.bodyRefused(decoder.reason);
        return end;
      default:
        return pos;
    }
  }

  #readTrailers(buf: Buffer, start: number, end: number): number {
    if (start === end) return end;
    const pos = this.#scanOrKeep(buf, start, end);
    const partial = this.#partial;
    if (this.#after === INVALID) {
      partial.clear();
      this.bodyRefused(scan.reason);
    } else if (this.#after !== NEED_MORE) {
      const trailers = readTrailers(partial.length > 0 ? partial.buf : buf);
      partial.clear();
      if (trailers === undefined) this.#deliver(EMPTY, true, end - pos);
      else this.#deliverTrailers(trailers, end - pos);
    } else if (partial.length === 0) {
      partial.begin(buf, start, end);
    }
    return pos;
  }

  /** Scans a head or trailers if that can bring something new; sets `#after`; returns the position after what it took. */
  #scanOrKeep(buf: Buffer, start: number, end: number): number {
    const partial = this.#partial;
    if (partial.length === 0) {
      this.#after = this.#scan(buf, start, end);
      return this.#after > 0 ? this.#after : end;
    }
    const inHead = this.reading === Reading.Head;
    const pos = partial.take(buf, start, end, inHead ? this.settings.max_header_size : this.settings.max_trailer_size);
    this.#after = NEED_MORE;
    if (partial.due) {
      this.#after = this.#scan(partial.buf, 0, partial.length);
      partial.scanned();
    }
    return pos;
  }

  #scan(buf: Buffer, start: number, end: number): number {
    if (this.reading === Reading.Head) return this.scanHead(buf, start, end);
    return scanTrailers(buf, start, end, this.settings);
  }

  #deliver(chunk: Buffer, isLast: boolean, rest: number): void {
    const receiver = this.receiver;
    this.rest = rest;
    if (isLast) this.bodyEnded();
    receiver?.onData(chunk, isLast);
    if (isLast) this.bodyDelivered();
  }

  #deliverTrailers(trailers: Headers, rest: number): void {
    const receiver = this.receiver;
    this.rest = rest;
    this.bodyEnded();
    receiver?.onTrailers(trailers);
    this.bodyDelivered();
  }
}
