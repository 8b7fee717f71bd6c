/** One request, as the proxy writes it. */

import type { RequestEncoder, RequestHeaders, Sink } from '../../src/api/index.ts';
import { Framing } from './body-decoder.ts';
import { requestHead } from './head-writer.ts';
import { MessageWriter, Writing } from './message-writer.ts';

/** What a stream needs of its codec. */
export interface ClientStreamOwner {
  requestStarted(stream: ClientStream): void;
  requestWritten(stream: ClientStream): void;
  streamAborted(stream: ClientStream, byProxy: boolean): void;
  pauseResponse(stream: ClientStream): void;
  resumeResponse(stream: ClientStream): void;
}

export class ClientStream extends MessageWriter implements RequestEncoder {
  isHead = false;
  isConnect = false;
  /** The protocol switch asked for, `''` for none. */
  upgrade = '';
  /** The request is written whole as a message, whatever a tunnel may carry later. */
  isComplete = false;
  readonly #owner: ClientStreamOwner;

  constructor(owner: ClientStreamOwner, sink: Sink) {
    super(sink);
    this.#owner = owner;
  }

  /** Nothing more of the request, or of its direction of a tunnel, will be written. */
  get isWritten(): boolean {
    return this.writing === Writing.Done;
  }

  headers(headers: RequestHeaders, end: boolean): void {
    if (this.writing !== Writing.Head) return;
    const { method, upgrade } = headers;
    this.isHead = method === 'HEAD';
    this.isConnect = method === 'CONNECT';
    this.upgrade = upgrade;
    if (upgrade !== '' || this.isConnect) {
      // Nothing may follow before the answer.
      this.framing = Framing.Length;
      this.isComplete = true;
      this.sink.writeText(requestHead(headers, Framing.None, 0));
    } else {
      const length = end ? 0 : headers.contentLength;
      this.framing = length >= 0 ? Framing.Length : Framing.Chunked;
      this.left = length;
      this.sink.writeText(requestHead(headers, this.framing, length));
    }
    this.writing = Writing.Body;
    this.#owner.requestStarted(this);
    if (end) this.end();
  }

  /** The answer opened a tunnel. */
  openTunnel(): void {
    this.framing = Framing.Close;
  }

  reset(): void {
    this.writing = Writing.Done;
    this.#owner.streamAborted(this, true);
  }

  /** The stream is over: what the proxy still writes is ignored. */
  abandon(): void {
    this.writing = Writing.Done;
  }

  pauseReading(): void {
    this.#owner.pauseResponse(this);
  }

  resumeReading(): void {
    this.#owner.resumeResponse(this);
  }

  protected override written(): void {
    this.isComplete = true;
    this.#owner.requestWritten(this);
  }

  protected override miscounted(): void {
    this.#owner.streamAborted(this, false);
  }
}
