/**
 * Why a request ended the way it did. One table is the key of every local reply, response flag, log line and counter;
 * protocols map it to their own status (`status` here is the HTTP one).
 *
 * Flag bits are MOSN's (`api.ResponseFlag`); the bits from 0x10000 on are Weft's own.
 */

export interface Reason {
  /** Stable name for logs and metrics. */
  readonly name: string;
  /** HTTP status of the local reply, 0 where none is sent. */
  readonly status: number;
  /** Response flag bit. */
  readonly flag: number;
  /** Body of the local reply. */
  readonly text: string;
  /** MOSN's counter `request_failed` counts these. */
  readonly failed: boolean;
}

function reason(name: string, status: number, flag: number, text: string, failed = false): Reason {
  return { name, status, flag, text, failed };
}

export const Reason = {
  /** The upstream's response was delivered whole. */
  Completed: reason('completed', 0, 0, ''),
  /** A route's `direct_response` or `redirect`, or a filter's own answer. */
  LocalReply: reason('local_reply', 0, 0, ''),

  NoRoute: reason('no_route', 404, 0x100, 'no route matches this request', true),
  NoCluster: reason('no_cluster', 404, 0x100, 'the cluster of this route does not exist', true),
  NoHealthyHost: reason('no_healthy_upstream', 502, 0x2, 'no healthy upstream host', true),
  Overflow: reason('upstream_overflow', 503, 0x80, 'upstream limit reached'),
  ConnectFailed: reason('upstream_connect_failed', 502, 0x20, 'upstream connection failed'),
  ConnectTimeout: reason('upstream_connect_timeout', 502, 0x20, 'upstream connect timed out'),
  /** The upstream closed or reset the connection before its response head. */
  UpstreamReset: reason('upstream_reset', 502, 0x40, 'upstream closed the connection before answering'),
  /** The upstream reset this stream (HTTP/2 RST_STREAM, RPC reset). */
  UpstreamRemoteReset: reason('upstream_remote_reset', 502, 0x10, 'upstream reset the stream'),
  /** The upstream went away in the middle of its response. */
  UpstreamTruncated: reason('upstream_truncated', 502, 0x40, 'upstream response ended early'),
  UpstreamProtocolError: reason('upstream_protocol_error', 502, 0x20000, 'upstream sent an invalid response'),
  GlobalTimeout: reason('upstream_timeout', 504, 0x4, 'upstream request timed out'),
  PerTryTimeout: reason('upstream_per_try_timeout', 504, 0x4, 'upstream request timed out'),
  StreamIdleTimeout: reason('stream_idle_timeout', 504, 0x4, 'stream idle timeout'),
  RetryOverflow: reason('retry_overflow', 503, 0x80, 'upstream retry limit reached'),

  BadRequest: reason('bad_request', 400, 0x10000, 'invalid request'),
  HeadersTooLarge: reason('headers_too_large', 431, 0x10000, 'request header fields too large'),
  UriTooLong: reason('uri_too_long', 414, 0x10000, 'request target too long'),
  VersionNotSupported: reason('version_not_supported', 505, 0x10000, 'HTTP version not supported'),
  NotImplemented: reason('not_implemented', 501, 0x10000, 'transfer coding not implemented'),
  MethodNotAllowed: reason('method_not_allowed', 405, 0x10000, 'method not allowed'),
  HeaderTimeout: reason('header_timeout', 408, 0x10000, 'request head not received in time'),
  BodyTimeout: reason('body_timeout', 408, 0x10000, 'request body not received in time'),
  BodyTooLarge: reason('body_too_large', 413, 0x1000, 'request body too large', true),
  ResponseTooLarge: reason('response_too_large', 502, 0x20000, 'upstream response too large to buffer'),
  LoopDetected: reason('loop_detected', 508, 0x10000, 'request loop detected'),

  /** The client closed or reset before the end of the response. */
  DownstreamReset: reason('downstream_reset', 499, 0x40000, ''),
  /** A filter ended the stream without an answer. */
  Terminated: reason('terminated', 0, 0x2000, '', true),
  FaultInjected: reason('fault_injected', 503, 0x400, 'fault injected', true),
  RateLimited: reason('rate_limited', 509, 0x800, 'current request is limited', true),
  Forbidden: reason('forbidden', 403, 0, 'forbidden'),
  /** The proxy stopped before the request had ended. */
  Shutdown: reason('shutdown', 503, 0x80000, 'proxy is shutting down'),
  InternalError: reason('internal_error', 500, 0x100000, 'internal error'),
} as const;

/** Why a connection ended. */
export const CloseReason = {
  RemoteClose: 'remote_close',
  RemoteReset: 'remote_reset',
  LocalClose: 'local_close',
  WriteError: 'write_error',
  IdleTimeout: 'idle_timeout',
  WriteTimeout: 'write_timeout',
  HeaderTimeout: 'header_timeout',
  ConnectFailed: 'connect_failed',
  ConnectTimeout: 'connect_timeout',
  ProtocolError: 'protocol_error',
  Drained: 'drained',
  Shutdown: 'shutdown',
  Fault: 'fault',
} as const;
export type CloseReason = (typeof CloseReason)[keyof typeof CloseReason];
