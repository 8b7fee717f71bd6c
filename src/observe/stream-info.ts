/** What an access log or a variable can ask of a stream. The proxy's stream implements it with plain fields. */

import type { RequestHeaders, ResponseHeaders } from '../api/headers.ts';
import type { Reason } from '../api/reason.ts';

export interface StreamInfo {
  /** Unique in this process. */
  readonly id: number;
  /** Milliseconds since the epoch at which the request began. */
  readonly startTime: number;

  // Milliseconds, with fractions, from the start of the request to …
  /** … the end of the request; 0 while it has not ended. */
  readonly requestReceived: number;
  /** … the head of the upstream's response; 0 without one. */
  readonly responseReceived: number;
  /** … the end of the stream; 0 while it runs. */
  readonly duration: number;
  /** Milliseconds that the proxy itself took: the duration without the wait for the upstream. */
  readonly processTime: number;

  /** Bytes of the request's body. */
  readonly bytesReceived: number;
  /** Bytes of the response's body. */
  readonly bytesSent: number;

  /** Name of the downstream protocol (`Http1`). */
  readonly protocol: string;
  /** Name of the upstream protocol; `''` when nothing was sent upstream. */
  readonly upstreamProtocol: string;
  /** Status of the response that was sent, 0 when none was. */
  readonly responseCode: number;
  /** Response flags: `Reason.flag` bits and those that filters set. */
  readonly flags: number;
  readonly reason: Reason;
  /** Attempts after the first. */
  readonly retries: number;

  /** Undefined when the codec refused the request. */
  readonly requestHeaders: RequestHeaders | undefined;
  readonly responseHeaders: ResponseHeaders | undefined;
  /** The path as it was received; `''` when nobody has changed it. */
  readonly originalPath: string;

  readonly connectionId: number;
  /** Name of the listener. */
  readonly listener: string;
  /** Local and remote address of the downstream connection, as `Address.text`. */
  readonly localAddress: string;
  readonly remoteAddress: string;

  /** Name of the route's cluster; `''` without one. */
  readonly cluster: string;
  /** Address of the host that was chosen, as `Address.text`; `''` without one. */
  readonly upstreamHost: string;
  /** The `hostname` that the configuration gives this host; often `''`. */
  readonly upstreamHostname: string;
  /** 0 without an upstream connection. */
  readonly upstreamConnectionId: number;

  /** Variables that were set on this stream; undefined when none was. */
  readonly variables: ReadonlyMap<string, string> | undefined;
}
