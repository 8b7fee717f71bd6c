/** The writing half of a stream, for both codecs: the body in the framing that its head announced. */

import type { Headers, Sink, StreamEncoder } from '../../src/api/index.ts';
import { Framing } from './body-decoder.ts';
import { trailerLines } from './head-writer.ts';

export const Writing = { Head: 0, Body: 1, Done: 2 } as const;
export type Writing = (typeof Writing)[keyof typeof Writing];

export abstract class MessageWriter implements StreamEncoder {
  protected readonly sink: Sink;
  protected writing: Writing = Writing.Head;
  /** `None`: there is no body; data is dropped (the answer to a HEAD). */
  protected framing: Framing = Framing.None;
  /** Bytes that Content-Length announced and that are missing. */
  protected left = 0;

  constructor(sink: Sink) {
    this.sink = sink;
  }

  /** Everything is written. */
  protected abstract written(): void;
  /** The body is not as long as the head said: what was sent cannot be completed. */
  protected abstract miscounted(): void;
  /** The stream is given up. */
  abstract reset(): void;
  abstract pauseReading(): void;
  abstract resumeReading(): void;

  get blocked(): boolean {
    return this.sink.blocked;
  }

  data(chunk: Uint8Array, end: boolean): void {
    if (this.writing !== Writing.Body) return;
    const length = chunk.length;
    switch (this.framing) {
      case Framing.Length:
        this.left -= length;
        if (this.left < 0 || (end && this.left > 0)) {
          this.writing = Writing.Done;
          this.miscounted();
          return;
        }
        if (length > 0) this.sink.writeBytes(chunk);
        break;
      case Framing.Chunked:
        if (length > 0) {
          this.sink.writeText(`${length.toString(16)}\r\n`);
          this.sink.writeBytes(chunk);
          this.sink.writeText(end ? '\r\n0\r\n\r\n' : '\r\n');
        } else if (end) {
          this.sink.writeText('0\r\n\r\n');
        }
        break;
      case Framing.Close:
        if (length > 0) this.sink.writeBytes(chunk);
        break;
      default:
        break;
    }
    if (end) this.end();
  }

  trailers(trailers: Headers): void {
    if (this.writing !== Writing.Body) return;
    if (this.framing !== Framing.Chunked) {
      this.data(NOTHING, true);
      return;
    }
    this.sink.writeText(`0\r\n${trailerLines(trailers)}\r\n`);
    this.end();
  }

  protected end(): void {
    this.writing = Writing.Done;
    this.written();
  }
}

const NOTHING = new Uint8Array(0);
