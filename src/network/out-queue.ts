/**
 * What a connection has still to write, in order. Text is gathered in one string and small chunks of bytes in one
 * pooled buffer, because one write is what costs; a large chunk stands by itself and is not copied when its memory
 * allows that.
 */

import { bufferPool, type PooledBuffer } from './buffer-pool.ts';
import { type Part, reading, type Transport } from './transport.ts';

/** Chunks above this size are queued as they are; below, a copy is cheaper than a part of its own. */
export const VIEW_FROM = 16_384;
/** A chunk that follows text is appended to it up to this size: one string is one write (a head and its body). */
const TEXT_UP_TO = 4096;

export class OutQueue {
  /** Bytes queued: given to `add…` and not yet to a transport. */
  size = 0;
  /** Parts before the tail; the tail is either `#text` or `#out`. */
  #parts: Part[] | null = null;
  #text = '';
  #out: PooledBuffer | null = null;
  #outUsed = 0;
  /** Buffers in which `#parts` lie. */
  #held: PooledBuffer[] | null = null;
  /** Buffers in which a pending write lies. */
  #pending: PooledBuffer[] | null = null;

  addText(text: string): void {
    this.size += text.length;
    const out = this.#out;
    if (out === null) {
      this.#text += text;
    } else if (text.length <= out.bytes.length - this.#outUsed) {
      this.#outUsed += out.bytes.write(text, this.#outUsed, 'latin1');
    } else {
      this.#sealTail();
      this.#text = text;
    }
  }

  addBytes(chunk: Uint8Array): void {
    const length = chunk.length;
    this.size += length;
    if (length > VIEW_FROM && this.#addView(chunk)) return;
    if (this.#text === '') this.#copy(chunk);
    else if (length <= TEXT_UP_TO) this.#text += latin1Slice.call(chunk, 0, length);
    else {
      this.#textToOut();
      this.#copy(chunk);
    }
  }

  /** Gives everything to the transport. False: it stays pending, and `settle` must follow when it has left. */
  writeTo(transport: Transport): boolean {
    this.size = 0;
    if (this.#parts !== null) return this.#writeParts(transport);
    const out = this.#out;
    if (out === null) {
      const text = this.#text;
      this.#text = '';
      return transport.writeText(text);
    }
    this.#out = null;
    if (transport.writeBytes(out.bytes.subarray(0, this.#outUsed))) {
      out.release();
      return true;
    }
    this.#pending = [out];
    return false;
  }

  /** Gives back the memory of the write that was pending. */
  settle(): void {
    releaseAll(this.#pending);
    this.#pending = null;
  }

  /** Drops everything, also what a pending write lies in: the transport is destroyed. */
  clear(): void {
    this.size = 0;
    this.#parts = null;
    this.#text = '';
    this.#out?.release();
    this.#out = null;
    releaseAll(this.#held);
    this.#held = null;
    this.settle();
  }

  #writeParts(transport: Transport): boolean {
    this.#sealTail();
    const parts = this.#parts as Part[];
    const held = this.#held;
    this.#parts = null;
    this.#held = null;
    const part = parts[0] as Part;
    let taken: boolean;
    if (parts.length > 1) taken = transport.writeParts(parts);
    else taken = typeof part === 'string' ? transport.writeText(part) : transport.writeBytes(part);
    if (taken) releaseAll(held);
    else this.#pending = held;
    return taken;
  }

  /** Queues a view; false when the chunk lies in memory that the next read overwrites. */
  #addView(chunk: Uint8Array): boolean {
    if (chunk.buffer === reading.memory) {
      const lender = reading.lender;
      if (lender === null) return false;
      lender.retain();
      this.#hold(lender);
    }
    this.#sealTail();
    this.#addPart(chunk);
    return true;
  }

  /** Moves text before bytes that are to be copied, so that both go out from one buffer. */
  #textToOut(): void {
    const text = this.#text;
    const out = bufferPool.takeOut();
    if (text.length > out.bytes.length) this.#addPart(text);
    this.#outUsed = text.length > out.bytes.length ? 0 : out.bytes.write(text, 0, 'latin1');
    this.#out = out;
    this.#text = '';
  }

  #copy(chunk: Uint8Array): void {
    let from = 0;
    while (from < chunk.length) {
      if (this.#out === null) {
        this.#out = bufferPool.takeOut();
        this.#outUsed = 0;
      }
      const bytes = this.#out.bytes;
      const to = Math.min(chunk.length, from + bytes.length - this.#outUsed);
      bytes.set(from === 0 && to === chunk.length ? chunk : chunk.subarray(from, to), this.#outUsed);
      this.#outUsed += to - from;
      from = to;
      if (from < chunk.length) this.#sealTail();
    }
  }

  #sealTail(): void {
    if (this.#text !== '') {
      this.#addPart(this.#text);
      this.#text = '';
    } else if (this.#out !== null) {
      this.#addPart(this.#out.bytes.subarray(0, this.#outUsed));
      this.#hold(this.#out);
      this.#out = null;
    }
  }

  #addPart(part: Part): void {
    if (this.#parts === null) this.#parts = [part];
    else this.#parts.push(part);
  }

  #hold(buffer: PooledBuffer): void {
    if (this.#held === null) this.#held = [buffer];
    else this.#held.push(buffer);
  }
}

const latin1Slice: (start: number, end: number) => string = Buffer.prototype.latin1Slice;

function releaseAll(buffers: PooledBuffer[] | null): void {
  if (buffers === null) return;
  for (let i = 0; i < buffers.length; i++) (buffers[i] as PooledBuffer).release();
}
