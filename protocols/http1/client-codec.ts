/**
 * The client side of a connection: one request at a time, and the response to it.
 *
 * The receiver is told everything of its response before the pool hears of the end; of a reset the pool hears first, so
 * that a replay finds its place free. A connection is used again only when nothing is in doubt: the request was written
 * before the answer came, the answer is delimited and nothing follows it.
 */

import {
  type ClientCodec,
  type ClientEvents,
  Reason,
  type RequestEncoder,
  type ResponseReceiver,
  type Sink,
} from '../../src/api/index.ts';
import { Framing } from './body-decoder.ts';
import { EMPTY } from './carry.ts';
import { ClientStream, type ClientStreamOwner } from './client-stream.ts';
import { scan } from './head-scan.ts';
import { scanResponse } from './head-scanner.ts';
import { Http1ResponseHeaders } from './headers.ts';
import { MessageReader, Reading } from './message-reader.ts';
import type { Http1Settings } from './settings.ts';

export class Http1ClientCodec extends MessageReader implements ClientCodec, ClientStreamOwner {
  readonly #events: ClientEvents;
  #stream: ClientStream | null = null;
  #responseReceiver: ResponseReceiver | null = null;
  #informational = 0;
  #keepAlive = false;

  constructor(sink: Sink, events: ClientEvents, settings: Http1Settings) {
    super(sink, settings, Reading.Idle);
    this.#events = events;
  }

  get activeStreams(): number {
    return this.#stream === null ? 0 : 1;
  }

  newStream(receiver: ResponseReceiver): RequestEncoder {
    if (this.#stream !== null || this.reading !== Reading.Idle) throw new Error('the connection is not free');
    const stream = new ClientStream(this, this.sink);
    this.#stream = stream;
    this.receiver = receiver;
    this.#responseReceiver = receiver;
    this.#informational = 0;
    this.unpause();
    return stream;
  }

  onClose(reason: Reason): void {
    // A response that has come whole is still delivered, at the pace of its receiver.
    if (this.ended && this.holdsInput) return;
    const isCut = reason === Reason.UpstreamReset && this.reading === Reading.Body;
    this.#drop(isCut ? Reason.UpstreamTruncated : reason);
  }

  onWritable(): void {
    this.receiver?.onWritable();
  }

  requestStarted(): void {
    this.reading = Reading.Head;
  }

  requestWritten(stream: ClientStream): void {
    if (!this.isTunnel) return;
    this.sink.end();
    if (this.reading === Reading.Waiting && stream === this.#stream) this.#finish();
  }

  streamAborted(stream: ClientStream, byProxy: boolean): void {
    if (stream !== this.#stream) return;
    const { receiver } = this;
    this.#release();
    this.#events.onStreamEnd(false);
    if (!byProxy) receiver?.onReset(Reason.InternalError);
  }

  pauseResponse(stream: ClientStream): void {
    if (stream === this.#stream) this.pauseBody();
  }

  resumeResponse(stream: ClientStream): void {
    if (stream === this.#stream) this.resumeBody();
  }

  protected override scanHead(buf: Buffer, pos: number, end: number): number {
    return scanResponse(buf, pos, end, this.settings);
  }

  protected override headRead(text: string): void {
    const { minor, close, chunked } = scan;
    const headers = new Http1ResponseHeaders(text);
    const { status } = headers;
    if (status === 101) this.#switchProtocols(headers);
    else if (status < 200) this.#interim(headers);
    else this.#final(headers, status, minor === 1 && !close, chunked);
  }

  protected override headRefused(reason: Reason): void {
    this.#refuse(reason);
  }

  protected override headProgress(): void {}

  protected override bodyEnded(): void {
    // Further bytes are for nobody.
    this.reading = Reading.Waiting;
  }

  protected override bodyDelivered(): void {
    this.#finish();
  }

  protected override bodyRefused(reason: Reason): void {
    this.#refuse(reason);
  }

  protected override unexpected(): void {
    if (this.#stream !== null) this.#drop(Reason.UpstreamReset);
    else {
      this.stopReading();
      this.#events.onUnusable();
    }
  }

  protected override inputEnded(): void {
    if (this.#stream === null) {
      this.stopReading();
      this.#events.onUnusable();
    } else if (this.reading === Reading.Body) this.#endOfInputInBody();
    else if (this.reading !== Reading.Waiting) this.#drop(Reason.UpstreamReset);
  }

  #endOfInputInBody(): void {
    if (this.decoder.framing !== Framing.Close) {
      this.#drop(Reason.UpstreamTruncated);
      return;
    }
    this.reading = Reading.Waiting;
    this.receiver?.onData(EMPTY, true);
    if (!this.isTunnel || this.#stream?.isWritten) this.#finish();
  }

  #interim(headers: Http1ResponseHeaders): void {
    if (++this.#informational > this.settings.max_informational) this.#refuse(Reason.UpstreamProtocolError);
    else this.#responseReceiver?.onInformational(headers);
  }

  #switchProtocols(headers: Http1ResponseHeaders): void {
    const stream = this.#stream as ClientStream;
    if (stream.upgrade === '' || headers.upgrade !== stream.upgrade) this.#refuse(Reason.UpstreamProtocolError);
    else this.#openTunnel(stream, headers);
  }

  #openTunnel(stream: ClientStream, headers: Http1ResponseHeaders): void {
    this.isTunnel = true;
    this.#keepAlive = false;
    stream.openTunnel();
    this.beginBody(Framing.Close, 0, 0);
    if (stream.isWritten) this.sink.end();
    this.#responseReceiver?.onHeaders(headers, false);
  }

  #final(headers: Http1ResponseHeaders, status: number, keepAlive: boolean, chunked: boolean): void {
    const stream = this.#stream as ClientStream;
    if (stream.isConnect && status < 300) {
      this.#openTunnel(stream, headers);
      return;
    }
    // An answer that came before the request was written whole: the host may have stopped reading.
    this.#keepAlive = keepAlive && stream.isComplete;
    const { contentLength } = headers;
    const hasNoBody = stream.isHead || status === 204 || status === 304;
    if (hasNoBody || (!chunked && contentLength === 0)) {
      this.reading = Reading.Waiting;
      this.#responseReceiver?.onHeaders(headers, true);
      this.#finish();
      return;
    }
    if (chunked) this.beginBody(Framing.Chunked, 0, 0);
    else if (contentLength > 0) this.beginBody(Framing.Length, contentLength, 0);
    else {
      this.#keepAlive = false;
      this.beginBody(Framing.Close, 0, 0);
    }
    this.#responseReceiver?.onHeaders(headers, false);
  }

  /** The response has been delivered. */
  #finish(): void {
    if (this.#stream === null) return;
    const reusable = this.#keepAlive && this.rest === 0 && !this.ended;
    this.#stream.abandon();
    this.#stream = null;
    this.#responseReceiver = null;
    if (reusable) {
      this.receiver = null;
      this.reading = Reading.Idle;
    } else this.stopReading();
    this.#events.onStreamEnd(reusable);
  }

  /** The stream ends before its response: without a fault of the proxy. */
  #drop(reason: Reason): void {
    if (this.#stream === null) {
      this.stopReading();
      return;
    }
    const { receiver } = this;
    this.#release();
    this.#events.onStreamEnd(false);
    receiver?.onReset(reason);
  }

  #refuse(reason: Reason): void {
    const { receiver } = this;
    this.#release();
    this.#events.onProtocolError(reason);
    this.#events.onStreamEnd(false);
    receiver?.onReset(Reason.UpstreamProtocolError);
  }

  #release(): void {
    this.#stream?.abandon();
    this.#stream = null;
    this.#responseReceiver = null;
    this.stopReading();
  }
}
