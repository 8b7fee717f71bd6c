/**
 * Protocols: codecs between bytes and streams, pure state machines without sockets, timers or logging.
 *
 * The names are seen from the codec: a *decoder* is what the codec calls with what it has read, an *encoder* is what
 * the codec offers to be told what to write. On the server side one stream is a request that was read and the response
 * to it; on the client side a request to write and the response to it.
 */

import type { Headers, RequestHeaders, ResponseHeaders } from './headers.ts';
import type { Reason } from './reason.ts';
import type { Schema } from './schema.ts';

/** Where a codec writes to: the connection, or a test's array. */
export interface Sink {
  writeText(text: string): void;
  writeBytes(chunk: Uint8Array): void;
  /** Above the high watermark. */
  readonly blocked: boolean;
  pause(): void;
  resume(): void;
  bulk(on: boolean): void;
  /** FIN after what was written: one half of a tunnel has ended. */
  end(): void;
  /** Runs `task` soon, never from inside this call, also when the connection has ended meanwhile. */
  defer(task: () => void): void;
}

/** A stream as the proxy handles it: told by the codec what arrives. */
export interface StreamReceiver {
  /** A chunk of the body; borrowed until the call returns. `end` without trailers. */
  onData(chunk: Buffer, end: boolean): void;
  /** The end of a body that has trailers. */
  onTrailers(trailers: Headers): void;
  /** The stream is over before its end; nothing else follows. `status` refines a protocol error. */
  onReset(reason: Reason): void;
  /** What was written before and held the source up has left: the encoder is no longer `blocked`. */
  onWritable(): void;
}

/** The receiving end of a request. */
export interface RequestReceiver extends StreamReceiver {
  onHeaders(headers: RequestHeaders, end: boolean): void;
}

/** The receiving end of a response. */
export interface ResponseReceiver extends StreamReceiver {
  /** A 1xx head other than 101. */
  onInformational(headers: ResponseHeaders): void;
  onHeaders(headers: ResponseHeaders, end: boolean): void;
}

/** What both directions of writing have. */
export interface StreamEncoder {
  /** `chunk` may be the borrowed one of a read callback, passed on within it. */
  data(chunk: Uint8Array, end: boolean): void;
  /** Ends the body with trailers. */
  trailers(trailers: Headers): void;
  /**
   * Ends the stream in both directions before its end. On a ping-pong protocol this closes the connection. The codec
   * does not call the receiver any more.
   */
  reset(): void;
  /** True while the destination is above its high watermark; `onWritable` of the receiver tells when it is not. */
  readonly blocked: boolean;
  /** Stops and resumes delivery of this stream's body; not counted. */
  pauseReading(): void;
  resumeReading(): void;
}

/** Writes the response of one request. */
export interface ResponseEncoder extends StreamEncoder {
  /** A 1xx head; ignored where the peer cannot take one (HTTP/1.0). */
  informational(headers: ResponseHeaders): void;
  headers(headers: ResponseHeaders, end: boolean): void;
  /** Whether the request has arrived whole. */
  readonly requestComplete: boolean;
}

/** Writes one request. */
export interface RequestEncoder extends StreamEncoder {
  headers(headers: RequestHeaders, end: boolean): void;
}

/** What a server codec tells the proxy. */
export interface ServerEvents {
  /** A request begins; its head follows at once by `onHeaders`. */
  onStream(encoder: ResponseEncoder): RequestReceiver;
  /** The stream that was current is over in both directions; the connection is ready for the next one. */
  onStreamEnd(): void;
  /** The first byte of a head came, or (false) the head is complete: the header time-out runs between. */
  onHeadProgress(started: boolean): void;
  /**
   * The peer broke the protocol. The codec has queued the protocol's own error (`reason.status`) where the protocol
   * has one and takes nothing more; the connection is to be closed (lingering). No stream is open for this request.
   */
  onProtocolError(reason: Reason): void;
  /** The connection must end: everything is written (`Connection: close`, last answer after drain). */
  onClosable(lingering: boolean): void;
}

/** The server side of one downstream connection. */
export interface ServerCodec {
  /** Feeds bytes; borrowed until the call returns. */
  onData(chunk: Buffer): void;
  /** The peer sent FIN. Inside a request its stream is reset; with none open `onClosable` follows. */
  onEnd(): void;
  /** The connection is gone: open streams are reset with `reason`. */
  onClose(reason: Reason): void;
  /** The connection's queue fell below its low watermark. */
  onWritable(): void;
  /** No new requests after the ones in flight: `Connection: close`, GOAWAY. With none in flight, `onClosable` follows. */
  drain(): void;
  /** Refuses a head that has begun and not come whole in time, in the protocol's way; `onProtocolError` follows. */
  refuse(reason: Reason): void;
  /** Streams that are open. */
  readonly activeStreams: number;
  /** A response is to come: not so on a tunnel, whose halves end one by one. */
  readonly owesAnswer: boolean;
}

/** What a client codec tells the pool. */
export interface ClientEvents {
  /**
   * A stream is over in both directions; exactly once per stream, unless `onClose` came first. `reusable`: the
   * connection may carry another. A stream that is reset ends before its receiver is told so, because the receiver may
   * send the request again at once and needs the slot that this connection had.
   */
  onStreamEnd(reusable: boolean): void;
  /** The peer sent something that no stream asked for, or announced its end: take the connection out of the pool. */
  onUnusable(): void;
  /** The peer broke the protocol: close the connection. A stream that was open is over and is reset next. */
  onProtocolError(reason: Reason): void;
}

/** The client side of one upstream connection. */
export interface ClientCodec {
  /** Opens a stream; on a ping-pong protocol only when none is open. */
  newStream(receiver: ResponseReceiver): RequestEncoder;
  onData(chunk: Buffer): void;
  /** The peer sent FIN: ends a response that is delimited by it, resets any other. */
  onEnd(): void;
  onClose(reason: Reason): void;
  onWritable(): void;
  readonly activeStreams: number;
}

/** What `Protocol.match` says of the first bytes of a connection. */
export const ProtocolMatch = { No: 0, Yes: 1, NeedMore: 2 } as const;
export type ProtocolMatch = (typeof ProtocolMatch)[keyof typeof ProtocolMatch];

/** A protocol, registered under the name that configurations use (`Http1`). `S` is its settings block after validation. */
export interface Protocol<S = unknown> {
  readonly name: string;
  /** How connections to a host are used. */
  readonly pool: 'ping-pong' | 'multiplex';
  /** True for HTTP: requests carry `X-Forwarded-*` and `Via`. */
  readonly http: boolean;
  /** Schema of its block in `extend_config`; every key has a default. */
  readonly settings: Schema<S>;
  /** Looks at the first bytes of a connection. */
  match(prefix: Buffer): ProtocolMatch;
  serverCodec(sink: Sink, events: ServerEvents, settings: S): ServerCodec;
  clientCodec(sink: Sink, events: ClientEvents, settings: S): ClientCodec;
}
