/** The response to one request, as the proxy writes it: chooses the framing and whether the connection lives on. */

import type { ResponseEncoder, ResponseHeaders, Sink } from '../../src/api/index.ts';
import { Framing } from './body-decoder.ts';
import { responseHead } from './head-writer.ts';
import { MessageWriter, Writing } from './message-writer.ts';

/** What a stream needs of its codec. */
export interface ServerStreamOwner {
  /** This response is the last one, whatever the client asked for. */
  readonly isLast: boolean;
  /** The client's bytes and the response's pass untouched from here on. */
  openTunnel(): void;
  /** The response is written. */
  responseWritten(stream: ServerStream): void;
  /** The stream was given up, or cannot be completed. */
  streamAborted(stream: ServerStream, byProxy: boolean): void;
  pauseRequest(): void;
  resumeRequest(): void;
}

export class ServerStream extends MessageWriter implements ResponseEncoder {
  requestComplete = false;
  /** The connection closes after this response. */
  close = false;
  isTunnel = false;
  readonly #owner: ServerStreamOwner;
  readonly #isHead: boolean;
  readonly #isHttp11: boolean;
  readonly #keepAlive: boolean;
  readonly #upgrade: string;
  readonly #isConnect: boolean;

  constructor(
    owner: ServerStreamOwner,
    sink: Sink,
    isHead: boolean,
    isHttp11: boolean,
    keepAlive: boolean,
    upgrade: string,
    isConnect: boolean,
  ) {
    super(sink);
    this.#owner = owner;
    this.#isHead = isHead;
    this.#isHttp11 = isHttp11;
    this.#keepAlive = keepAlive;
    this.#upgrade = upgrade;
    this.#isConnect = isConnect;
  }

  /** Whether the request asks for a tunnel: what follows its head waits for the answer. */
  get asksTunnel(): boolean {
    return this.#upgrade !== '' || this.#isConnect;
  }

  /** No byte of the final response has been written. */
  get isUnanswered(): boolean {
    return this.writing === Writing.Head;
  }

  get isWritten(): boolean {
    return this.writing === Writing.Done;
  }

  informational(headers: ResponseHeaders): void {
    if (this.writing !== Writing.Head || !this.#isHttp11) return;
    this.sink.writeText(responseHead(headers, Framing.None, -1, ''));
  }

  headers(headers: ResponseHeaders, end: boolean): void {
    if (this.writing !== Writing.Head) return;
    const { status } = headers;
    if (status < 200 && !(status === 101 && this.#upgrade !== '')) throw new TypeError(`${status} is no final status`);
    if (status === 101 || (this.#isConnect && status < 300)) this.#switch(headers);
    else this.#answer(headers, status, end);
    if (end) this.end();
  }

  reset(): void {
    if (this.writing === Writing.Done) return;
    this.writing = Writing.Done;
    this.#owner.streamAborted(this, true);
  }

  /** The codec gives the stream up: what the proxy still writes is ignored. */
  abandon(): void {
    this.writing = Writing.Done;
  }

  pauseReading(): void {
    if (!this.requestComplete || this.isTunnel) this.#owner.pauseRequest();
  }

  resumeReading(): void {
    this.#owner.resumeRequest();
  }

  protected override written(): void {
    this.#owner.responseWritten(this);
  }

  protected override miscounted(): void {
    this.#owner.streamAborted(this, false);
  }

  #switch(headers: ResponseHeaders): void {
    const lines = headers.status === 101 ? `Connection: Upgrade\r\nUpgrade: ${this.#upgrade}\r\n` : '';
    this.sink.writeText(responseHead(headers, Framing.None, -1, lines));
    this.writing = Writing.Body;
    this.framing = Framing.Close;
    this.isTunnel = true;
    this.#owner.openTunnel();
  }

  #answer(headers: ResponseHeaders, status: number, end: boolean): void {
    let length = end ? 0 : headers.contentLength;
    if (this.#isHead || status === 204 || status === 304) {
      this.framing = Framing.None;
      length = status === 204 ? -1 : headers.contentLength;
    } else if (length >= 0) {
      this.framing = Framing.Length;
      this.left = length;
    } else {
      this.framing = this.#isHttp11 ? Framing.Chunked : Framing.Close;
    }
    // Bytes behind a CONNECT that is refused were meant for its tunnel: they are no requests (RFC 9931).
    const isSpent = !this.requestComplete || this.#isConnect || this.framing === Framing.Close;
    this.close = isSpent || !this.#keepAlive || this.#owner.isLast;
    const connection = this.close ? 'Connection: close\r\n' : this.#isHttp11 ? '' : 'Connection: keep-alive\r\n';
    this.sink.writeText(responseHead(headers, this.framing, length, connection));
    this.writing = Writing.Body;
  }
}
