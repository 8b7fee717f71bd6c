/** A sink in memory and one codec of each side with a log of what it tells. */

import { http1 } from '../../../../protocols/http1/index.ts';
import { HTTP1_DEFAULTS, type Http1Settings } from '../../../../protocols/http1/settings.ts';
import {
  type ClientCodec,
  type ClientEvents,
  type Headers,
  type Reason,
  type RequestEncoder,
  type RequestHeaders,
  type RequestReceiver,
  type ResponseEncoder,
  ResponseHeaderList,
  type ResponseHeaders,
  type ResponseReceiver,
  type ServerCodec,
  type ServerEvents,
  type Sink,
} from '../../../../src/api/index.ts';

export class FakeSink implements Sink {
  /** What was written and not taken yet. */
  output = '';
  blocked = false;
  pauses = 0;
  bulkOn = false;
  ended = false;
  #deferred: (() => void) | undefined;

  writeText(text: string): void {
    this.output += Buffer.from(text, 'latin1').toString('latin1');
  }
  writeBytes(chunk: Uint8Array): void {
    this.output += Buffer.from(chunk).toString('latin1');
  }
  pause(): void {
    this.pauses++;
  }
  resume(): void {
    this.pauses--;
  }
  bulk(on: boolean): void {
    this.bulkOn = on;
  }
  end(): void {
    this.ended = true;
  }
  defer(task: () => void): void {
    this.#deferred = task;
  }
  /** The end of the turn. */
  turn(): void {
    for (let task = this.#deferred; task !== undefined; task = this.#deferred) {
      this.#deferred = undefined;
      task();
    }
  }
  take(): string {
    const { output } = this;
    this.output = '';
    return output;
  }
}

/** Lines of events; data that comes in several pieces is one event. */
export class EventLog {
  readonly lines: string[] = [];

  add(line: string): void {
    this.lines.push(line);
  }

  data(text: string, end: boolean): void {
    const last = this.lines.length - 1;
    if (text !== '') {
      if (this.lines[last]?.startsWith('data ')) this.lines[last] += text;
      else this.lines.push(`data ${text}`);
    }
    if (end) this.lines.push('end');
  }

  take(): string[] {
    return this.lines.splice(0);
  }
}

function listed(headers: Headers): string {
  let text = '';
  headers.forEach((name, value) => {
    text += ` ${name}=${JSON.stringify(value)}`;
  });
  return text;
}

/** The settings with some changed. */
export function settings(changes: Partial<Http1Settings> = {}): Http1Settings {
  return { ...HTTP1_DEFAULTS, ...changes };
}

/** A server codec whose requests are logged and kept for the test to answer. */
export class ServerSide implements ServerEvents {
  readonly sink = new FakeSink();
  readonly log = new EventLog();
  readonly codec: ServerCodec;
  readonly encoders: ResponseEncoder[] = [];
  readonly heads: RequestHeaders[] = [];
  /** Called with each request head, after it was logged. */
  onRequest: (encoder: ResponseEncoder, headers: RequestHeaders, end: boolean) => void = () => {};
  onRequestEnd: (encoder: ResponseEncoder) => void = () => {};

  constructor(changes: Partial<Http1Settings> = {}) {
    this.codec = http1.serverCodec(this.sink, this, settings(changes));
  }

  /** The current stream's encoder. */
  get encoder(): ResponseEncoder {
    return this.encoders.at(-1) as ResponseEncoder;
  }

  get head(): RequestHeaders {
    return this.heads.at(-1) as RequestHeaders;
  }

  feed(text: string): void {
    this.codec.onData(Buffer.from(text, 'latin1'));
    this.sink.turn();
  }

  /** Answers the current request. */
  reply(body = 'ok', status = 200): void {
    const { encoder } = this;
    encoder.headers(new ResponseHeaderList(status, body.length), body === '');
    if (body !== '') encoder.data(Buffer.from(body), true);
    this.sink.turn();
  }

  onStream(encoder: ResponseEncoder): RequestReceiver {
    this.encoders.push(encoder);
    return {
      onHeaders: (headers, end) => {
        this.heads.push(headers);
        this.log.add(
          `request ${headers.method} ${headers.path} host=${headers.authority} upgrade=${headers.upgrade} ` +
            `length=${headers.contentLength}${listed(headers)}`,
        );
        this.onRequest(encoder, headers, end);
        if (end) this.#end(encoder);
      },
      onData: (chunk, end) => {
        this.log.data(chunk.toString('latin1'), false);
        if (end) this.#end(encoder);
      },
      onTrailers: (trailers) => {
        this.log.add(`trailers${listed(trailers)}`);
        this.#end(encoder);
      },
      onReset: (reason) => this.log.add(`reset ${reason.name}`),
      onWritable: () => this.log.add('writable'),
    };
  }

  #end(encoder: ResponseEncoder): void {
    this.log.add('end');
    this.onRequestEnd(encoder);
  }

  onStreamEnd(): void {
    this.log.add('stream end');
  }
  onHeadProgress(): void {}
  onProtocolError(reason: Reason): void {
    this.log.add(`protocol error ${reason.status}`);
  }
  onClosable(lingering: boolean): void {
    this.log.add(lingering ? 'closable lingering' : 'closable');
  }
}

/** A client codec with a log of what it tells. */
export class ClientSide implements ClientEvents {
  readonly sink = new FakeSink();
  readonly log = new EventLog();
  readonly codec: ClientCodec;
  encoder!: RequestEncoder;
  head: ResponseHeaders | undefined;

  constructor(changes: Partial<Http1Settings> = {}) {
    this.codec = http1.clientCodec(this.sink, this, settings(changes));
  }

  /** Opens a stream and writes a request head. */
  request(headers: RequestHeaders, end = true): RequestEncoder {
    this.encoder = this.codec.newStream(this.receiver());
    this.encoder.headers(headers, end);
    return this.encoder;
  }

  feed(text: string): void {
    this.codec.onData(Buffer.from(text, 'latin1'));
    this.sink.turn();
  }

  receiver(): ResponseReceiver {
    return {
      onInformational: (headers) => this.log.add(`interim ${headers.status}${listed(headers)}`),
      onHeaders: (headers, end) => {
        this.head = headers;
        this.log.add(`response ${headers.status} length=${headers.contentLength}${listed(headers)}`);
        if (end) this.log.add('end');
      },
      onData: (chunk, end) => this.log.data(chunk.toString('latin1'), end),
      onTrailers: (trailers) => this.log.add(`trailers${listed(trailers)}`),
      onReset: (reason) => this.log.add(`reset ${reason.name}`),
      onWritable: () => this.log.add('writable'),
    };
  }

  onStreamEnd(reusable: boolean): void {
    this.log.add(reusable ? 'reusable' : 'spent');
  }
  onUnusable(): void {
    this.log.add('unusable');
  }
  onProtocolError(): void {
    this.log.add('protocol error');
  }
}
