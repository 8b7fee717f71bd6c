/**
 * The server side of a connection: requests in, responses out, one after the other.
 *
 * Bytes of later requests wait until the current one is answered. The codec calls a receiver only while it is fed with
 * bytes or afterwards (`Sink.defer`), never from inside an encoder's method; the one exception is `onReset` when a response does
 * not have the length that its head announced.
 *
 * An upgrade or CONNECT arrives with `end` false although the request is complete (`requestComplete`): its stream may
 * become a tunnel. If it is answered otherwise, no end of the request is told.
 */

import { Reason, type RequestReceiver, type ServerCodec, type ServerEvents, type Sink } from '../../src/api/index.ts';
import { Framing } from './body-decoder.ts';
import { EMPTY } from './carry.ts';
import { scan } from './head-scan.ts';
import { scanRequest } from './head-scanner.ts';
import { Http1RequestHeaders } from './headers.ts';
import { MessageReader, Reading } from './message-reader.ts';
import { ServerStream, type ServerStreamOwner } from './server-stream.ts';
import type { Http1Settings } from './settings.ts';
import { statusLine } from './status-text.ts';

export class Http1ServerCodec extends MessageReader implements ServerCodec, ServerStreamOwner {
  readonly #events: ServerEvents;
  #stream: ServerStream | null = null;
  #draining = false;

  constructor(sink: Sink, events: ServerEvents, settings: Http1Settings) {
    super(sink, settings, Reading.Head);
    this.#events = events;
  }

  get activeStreams(): number {
    return this.#stream === null ? 0 : 1;
  }

  get owesAnswer(): boolean {
    return this.#stream !== null && !this.isTunnel;
  }

  onClose(reason: Reason): void {
    const { receiver } = this;
    this.#stream?.abandon();
    this.#stream = null;
    this.stopReading();
    receiver?.onReset(reason);
  }

  onWritable(): void {
    if (this.#stream === null) this.wakeUp();
    else this.receiver?.onWritable();
  }

  drain(): void {
    this.#draining = true;
    if (this.reading === Reading.Head && this.isBetweenMessages) this.#close(false);
  }

  refuse(reason: Reason): void {
    if (this.reading === Reading.Head) this.headRefused(reason);
  }

  get isLast(): boolean {
    return this.#draining || (this.ended && !this.holdsInput);
  }

  openTunnel(): void {
    this.isTunnel = true;
    this.beginBody(Framing.Close, 0, 0);
    this.wakeUp();
  }

  responseWritten(stream: ServerStream): void {
    if (stream.isTunnel) {
      this.sink.end();
      if (this.reading === Reading.Waiting) this.#endTunnel();
      return;
    }
    this.#stream = null;
    if (stream.close || this.#draining) {
      const isUnread = !stream.requestComplete || this.holdsInput || this.rest > 0;
      this.stopReading();
      this.#events.onStreamEnd();
      this.#events.onClosable(isUnread);
      return;
    }
    this.receiver = null;
    this.reading = Reading.Head;
    this.#events.onStreamEnd();
    this.wakeUp();
  }

  streamAborted(stream: ServerStream, byProxy: boolean): void {
    if (stream !== this.#stream) return;
    const { receiver } = this;
    this.#stream = null;
    this.stopReading();
    if (!byProxy) receiver?.onReset(Reason.InternalError);
    this.#events.onClosable(false);
  }

  pauseRequest(): void {
    this.pauseBody();
  }

  resumeRequest(): void {
    this.resumeBody();
  }

  /** A client that does not read its answers gets no further ones. */
  protected override get mayBegin(): boolean {
    return !this.sink.blocked;
  }

  protected override scanHead(buf: Buffer, pos: number, end: number): number {
    return scanRequest(buf, pos, end, this.settings);
  }

  protected override headRead(text: string): void {
    const isHttp11 = scan.minor === 1;
    const keepAlive = isHttp11 ? !scan.close : scan.keepAlive && !scan.close;
    const isChunked = scan.chunked;
    const headers = new Http1RequestHeaders(text);
    const { contentLength, method } = headers;
    const limit = this.settings.max_request_body_size;
    if (limit > 0 && contentLength > limit) {
      this.headRefused(Reason.BodyTooLarge);
      return;
    }
    const isHead = method === 'HEAD';
    const isConnect = method === 'CONNECT';
    const stream = new ServerStream(this, this.sink, isHead, isHttp11, keepAlive, headers.upgrade, isConnect);
    this.#stream = stream;
    this.unpause();
    if (isChunked) this.beginBody(Framing.Chunked, 0, limit);
    else if (contentLength > 0) this.beginBody(Framing.Length, contentLength, 0);
    else {
      this.reading = Reading.Waiting;
      stream.requestComplete = true;
    }
    const receiver: RequestReceiver = this.#events.onStream(stream);
    if (this.#stream !== stream) return;
    this.receiver = receiver;
    receiver.onHeaders(headers, stream.requestComplete && !stream.asksTunnel);
  }

  protected override headRefused(reason: Reason): void {
    this.stopReading();
    this.#writeError(reason);
    this.#events.onProtocolError(reason);
  }

  protected override headProgress(started: boolean): void {
    this.#events.onHeadProgress(started);
  }

  protected override bodyEnded(): void {
    this.reading = Reading.Waiting;
    (this.#stream as ServerStream).requestComplete = true;
  }

  protected override bodyDelivered(): void {}

  protected override bodyRefused(reason: Reason): void {
    const { receiver } = this;
    const stream = this.#stream as ServerStream;
    if (stream.isUnanswered) this.#writeError(reason);
    stream.abandon();
    this.#stream = null;
    this.stopReading();
    receiver?.onReset(reason);
    this.#events.onClosable(true);
  }

  protected override unexpected(): void {}

  protected override inputEnded(): void {
    if (this.reading === Reading.Head) this.#close(false);
    else if (this.reading === Reading.Body) {
      if (this.isTunnel) this.#halfCloseTunnel();
      else this.#cancel();
    }
  }

  /** The client went away inside its request. */
  #cancel(): void {
    const { receiver } = this;
    this.#stream?.abandon();
    this.#stream = null;
    this.stopReading();
    receiver?.onReset(Reason.DownstreamReset);
    this.#events.onClosable(false);
  }

  #halfCloseTunnel(): void {
    this.reading = Reading.Waiting;
    this.receiver?.onData(EMPTY, true);
    if (this.#stream?.isWritten) this.#endTunnel();
  }

  #endTunnel(): void {
    this.#stream = null;
    this.stopReading();
    this.#events.onStreamEnd();
    this.#events.onClosable(false);
  }

  #close(lingering: boolean): void {
    this.stopReading();
    this.#events.onClosable(lingering);
  }

  /** The protocol's own answer to what cannot become a request. */
  #writeError(reason: Reason): void {
    const body = `${reason.text}\n`;
    this.sink.writeText(
      `${statusLine(reason.status)}Content-Type: text/plain; charset=utf-8\r\nContent-Length: ${body.length}\r\n` +
        `Connection: close\r\n\r\n${body}`,
    );
  }
}
