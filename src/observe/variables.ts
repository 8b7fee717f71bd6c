/**
 * Variables: names under which access logs, and filters through `getVariable`, ask for facts of a stream. The names
 * and texts are MOSN's, two of them odd: `response_flag` is `true` or `false`, and `upstream_local_address` is the
 * address of the upstream host. Weft's own are `reason`, `response_flag_text`, `retries` and `request_id`.
 */

import type { RequestHeaders } from '../api/headers.ts';
import { goDuration } from './go-duration.ts';
import { localTime } from './local-time.ts';
import { flagText } from './response-flags.ts';
import type { StreamInfo } from './stream-info.ts';

/** Undefined when the stream has no such value. */
export type VariableGetter = (stream: StreamInfo) => string | undefined;

type Table = ReadonlyMap<string, VariableGetter>;

/** Values that the proxy makes itself: they need no escaping in a log. */
const OWN: Table = new Map<string, VariableGetter>([
  ['start_time', (s) => localTime(s.startTime)],
  ['request_received_duration', (s) => goDuration(s.requestReceived)],
  ['response_received_duration', (s) => goDuration(s.responseReceived)],
  ['request_finished_duration', (s) => goDuration(s.duration)],
  ['duration', (s) => goDuration(s.duration)],
  ['process_time_duration', (s) => goDuration(s.processTime)],
  ['bytes_sent', (s) => String(s.bytesSent)],
  ['bytes_received', (s) => String(s.bytesReceived)],
  ['protocol', (s) => s.protocol],
  ['downstream_protocol', (s) => s.protocol],
  ['upstream_protocol', (s) => given(s.upstreamProtocol)],
  ['response_code', (s) => String(s.responseCode)],
  ['response_flag', (s) => String(s.flags !== 0)],
  ['response_flags', (s) => String(s.flags !== 0)],
  ['response_flag_text', (s) => given(flagText(s.flags))],
  ['upstream_transport_failure_reason', (s) => `0x${s.flags.toString(16)}`],
  ['reason', (s) => s.reason.name],
  ['retries', (s) => String(s.retries)],
  ['connection_id', (s) => String(s.connectionId)],
  ['upstream_connection_id', (s) => (s.upstreamConnectionId === 0 ? undefined : String(s.upstreamConnectionId))],
  ['stream_id', (s) => String(s.id)],
  ['listener_port', (s) => /:(\d+)$/.exec(s.localAddress)?.[1]],
  ['downstream_local_address', (s) => s.localAddress],
  ['downstream_remote_address', (s) => s.remoteAddress],
  ['upstream_local_address', (s) => given(s.upstreamHost)],
]);

/** Values that a peer or the configuration chose. */
const FOREIGN: Table = new Map<string, VariableGetter>([
  ['listener_name', (s) => given(s.listener)],
  ['upstream_cluster', (s) => given(s.cluster)],
  ['upstream_host', (s) => (s.upstreamHost === '' ? undefined : s.upstreamHostname)],
  ['request_id', (s) => s.requestHeaders?.get('x-request-id')],
  ['authority', (s) => authority(s)],
  ['x-mosn-host', (s) => authority(s)],
  ['x-mosn-scheme', (s) => s.requestHeaders?.scheme],
  ['x-mosn-method', (s) => s.requestHeaders?.method],
  ['x-mosn-path', (s) => path(s)],
  ['x-mosn-path-original', (s) => originalPath(s)],
  ['x-mosn-querystring', (s) => query(s)],
  ['x-mosn-status', (s) => (s.responseCode === 0 ? undefined : String(s.responseCode))],
  ['x-mosn-rpc-service', (s) => given(s.requestHeaders?.service)],
  ['x-mosn-rpc-method', (s) => (s.requestHeaders?.service ? s.requestHeaders.method : undefined)],
]);

/** What only one protocol's requests have: the names after `Http1_` and `Http2_`. */
const HTTP1_FIELDS: Table = new Map<string, VariableGetter>([
  ['request_scheme', (s) => s.requestHeaders?.scheme],
  ['request_method', (s) => s.requestHeaders?.method],
  ['request_length', (s) => s.requestHeaders && String(headLength(s.requestHeaders) + s.bytesReceived)],
  ['request_uri', (s) => s.requestHeaders?.path],
  ['request_path', (s) => path(s)],
  ['request_path_original', (s) => originalPath(s)],
  ['request_arg', (s) => query(s)],
]);
const HTTP2_FIELDS: Table = new Map<string, VariableGetter>([['request_scheme', (s) => s.requestHeaders?.scheme]]);

/** Families: what follows the prefix is the name of a header, a query parameter or a cookie. */
type Family = (key: string) => VariableGetter;
const FAMILIES: readonly (readonly [string, Family])[] = [
  ['request_header_', requestHeader],
  ['response_header_', responseHeader],
];
const HTTP1_FAMILIES: readonly (readonly [string, Family])[] = [
  ['request_header_', requestHeader],
  ['request_arg_', queryParameter],
  ['cookie_', cookie],
];
const HTTP2_FAMILIES: readonly (readonly [string, Family])[] = [
  ['request_header_', requestHeader],
  ['cookie_', cookie],
];

/**
 * Finds how a variable is read; done when a configuration is compiled. A name that nothing here answers is looked up
 * among the variables that filters set on the stream.
 */
export function resolveVariable(name: string): VariableGetter {
  return (
    OWN.get(name) ??
    find(name, FOREIGN, FAMILIES) ??
    findOf('Http1', name, HTTP1_FIELDS, HTTP1_FAMILIES) ??
    findOf('Http2', name, HTTP2_FIELDS, HTTP2_FAMILIES) ??
    ((s) => s.variables?.get(name))
  );
}

/** Whether the values of a variable are the proxy's own text, so that they cannot break a log line. */
export function isOwnText(name: string): boolean {
  return OWN.has(name);
}

function find(
  name: string,
  fields: Table,
  families: readonly (readonly [string, Family])[],
): VariableGetter | undefined {
  const field = fields.get(name);
  if (field) return field;
  for (const [prefix, family] of families) {
    if (name.startsWith(prefix) && name.length > prefix.length) return family(name.slice(prefix.length));
  }
  return undefined;
}

function findOf(protocol: string, name: string, fields: Table, families: readonly (readonly [string, Family])[]) {
  const prefix = `${protocol}_`;
  if (!name.startsWith(prefix)) return undefined;
  const getter = find(name.slice(prefix.length), fields, families);
  return getter && ((s: StreamInfo) => (s.protocol === protocol ? getter(s) : undefined));
}

function requestHeader(key: string): VariableGetter {
  const name = key.toLowerCase();
  return (s) => s.requestHeaders?.get(name);
}

function responseHeader(key: string): VariableGetter {
  const name = key.toLowerCase();
  return (s) => s.responseHeaders?.get(name);
}

function queryParameter(key: string): VariableGetter {
  return (s) => new URLSearchParams(query(s)).get(key) ?? undefined;
}

function cookie(key: string): VariableGetter {
  return (s) => {
    for (const pair of s.requestHeaders?.get('cookie')?.split(';') ?? []) {
      const equals = pair.indexOf('=');
      if (equals >= 0 && pair.slice(0, equals).trim() === key) return pair.slice(equals + 1).trim();
    }
    return undefined;
  };
}

function given(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}

function authority(s: StreamInfo): string | undefined {
  return given(s.requestHeaders?.authority);
}

function path(s: StreamInfo): string | undefined {
  return s.requestHeaders && beforeQuery(s.requestHeaders.path);
}

function originalPath(s: StreamInfo): string | undefined {
  return s.originalPath === '' ? path(s) : beforeQuery(s.originalPath);
}

function beforeQuery(target: string): string {
  const mark = target.indexOf('?');
  return mark < 0 ? target : target.slice(0, mark);
}

function query(s: StreamInfo): string | undefined {
  const target = s.requestHeaders?.path ?? '';
  const mark = target.indexOf('?');
  return mark < 0 ? undefined : target.slice(mark + 1);
}

/** Bytes of the head as an HTTP/1.1 request would carry it. */
function headLength(headers: RequestHeaders): number {
  let length = `${headers.method} ${headers.path} HTTP/1.1\r\n\r\n`.length;
  headers.forEach((name, value) => {
    length += name.length + value.length + ': \r\n'.length;
  });
  return length;
}
