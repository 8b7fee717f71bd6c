/** Stream filters: the world of requests and responses. */

import type { Address } from './address.ts';
import type { Connection } from './connection.ts';
import type { Headers, RequestHeaders, ResponseHeaders } from './headers.ts';
import type { Reason } from './reason.ts';

/** When a filter's request callbacks run. One filter may take part in several phases. */
export const Phase = {
  /** Before the route is matched. */
  BeforeRoute: 0,
  /** The route is known (`stream.route`, undefined when none matched). */
  AfterRoute: 1,
  /** The upstream host is known. */
  AfterChooseHost: 2,
  /** Response callbacks, on the response that is delivered, in reverse order of the configuration. */
  Send: 3,
} as const;
export type Phase = (typeof Phase)[keyof typeof Phase];

/** What a callback says. */
export const FilterStatus = {
  /** On to the next filter. After `stream.localReply` the request goes no further. */
  Continue: 0,
  /**
   * Hold this message here and keep its body up to the buffer limit (413 for a request, 502 for a response beyond).
   * Body callbacks of this filter go on; `stream.heldBody(direction)` is what has been kept.
   */
  StopAndBuffer: 1,
  /** Hold this message here and stop reading its source. */
  StopNoBuffer: 2,
  /** End the stream without an answer. */
  Terminate: 3,
  /** AfterRoute only: match again (the head was changed); this filter is called again. At most 10 times per stream. */
  ReMatchRoute: 4,
  /** AfterChooseHost only: choose again; this filter is called again. At most 10 times per stream. */
  ReChooseHost: 5,
} as const;
export type FilterStatus = (typeof FilterStatus)[keyof typeof FilterStatus];

/** A status now, or later. A promise is dropped when the stream has ended before it settles; a rejection is a 500. */
export type FilterResult = FilterStatus | Promise<FilterStatus>;

/** Which half of a stream. */
export const Direction = { Request: 0, Response: 1 } as const;
export type Direction = (typeof Direction)[keyof typeof Direction];

/** What a filter sees of the route. */
export interface RouteInfo {
  readonly virtualHost: string;
  /** Name of the cluster that was chosen, `''` for a direct response or redirect. */
  readonly cluster: string;
  /**
   * The configuration for one filter type, validated by that filter's schema: the route's, else the virtual host's,
   * else undefined.
   */
  perFilterConfig(type: string): unknown;
}

/** The answer that Weft or a filter gives in place of the upstream. */
export interface LocalReply {
  reason: Reason;
  /** Overrides `reason.status`. */
  status?: number;
  headers?: Readonly<Record<string, string>>;
  /** Replaces `reason.text`; sent as text/plain unless `headers` says otherwise. */
  body?: string | Uint8Array;
}

/** One request and its response, as filters see them. */
export interface StreamContext {
  readonly id: number;
  readonly connection: Connection;
  readonly protocol: string;
  readonly requestHeaders: RequestHeaders;
  /** Set from the response head on. */
  readonly responseHeaders: ResponseHeaders | undefined;
  /** Which phase's callback is running. */
  readonly phase: Phase;
  readonly route: RouteInfo | undefined;
  /** The host chosen, from `AfterChooseHost` on. */
  readonly chosenHost: Address | undefined;
  /** True when the response is a local reply. */
  readonly isLocalReply: boolean;
  /** One slot per filter of the chain that asked for one (`StreamFilterFactory.shared`). */
  readonly state: unknown[];

  /** Resumes the request side at the filter that stopped it; from any later callback. Ignored when none did. */
  continueRequest(): void;
  continueResponse(): void;
  /**
   * Answers; the first one wins. Ignored once the response has begun. Returns whether it was taken. A reply that cannot
   * be sent (a status below 200, a header that breaks its line) is a 500.
   */
  localReply(reply: LocalReply): boolean;
  /** Ends the stream without an answer. */
  terminate(): void;

  /** What this filter has not let go yet of the body, the chunk in hand included, in one piece. */
  heldBody(direction: Direction): Buffer;
  /**
   * Replaces that. The content length follows while the head is held too; a filter that changes the length of a body
   * whose head it has let go sets `headers.contentLength = -1` in its head callback.
   */
  replaceHeldBody(direction: Direction, body: Uint8Array): void;

  /** MOSN's variables (`x-mosn-path`, `proxy_global_timeout`, …) and any a filter invents. */
  getVariable(name: string): string | undefined;
  setVariable(name: string, value: string): void;
  /** Sets a response flag bit. */
  setFlag(bit: number): void;
}

/**
 * A stream filter. Every method is optional and a missing one costs nothing. With a shared instance `this` serves all
 * streams; what belongs to one stream is kept in `stream.state[slot]`. A filter without a trailers callback that holds
 * a body is told of its end by `on…Data` with an empty chunk.
 */
export interface StreamFilter {
  onRequestHeaders?(stream: StreamContext, headers: RequestHeaders, end: boolean): FilterResult;
  onRequestData?(stream: StreamContext, chunk: Buffer, end: boolean): FilterResult;
  onRequestTrailers?(stream: StreamContext, trailers: Headers): FilterResult;
  /** A 1xx head of the upstream. */
  onInformational?(stream: StreamContext, headers: ResponseHeaders): void;
  onResponseHeaders?(stream: StreamContext, headers: ResponseHeaders, end: boolean): FilterResult;
  onResponseData?(stream: StreamContext, chunk: Buffer, end: boolean): FilterResult;
  onResponseTrailers?(stream: StreamContext, trailers: Headers): FilterResult;
  /** The end of every stream that this filter has seen or not, exactly once, with its reason. */
  onComplete?(stream: StreamContext, reason: Reason): void;
}
