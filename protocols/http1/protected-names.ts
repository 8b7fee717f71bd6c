/** Names that somebody behind us trusts or interprets: they come from a head and from nowhere else, and nobody strips them. */

const TRUSTED = new Set([
  'host',
  'content-length',
  'content-type',
  'content-encoding',
  'content-range',
  'cache-control',
  'authorization',
  'proxy-authorization',
  'proxy-authenticate',
  'www-authenticate',
  'cookie',
  'set-cookie',
  'origin',
  'forwarded',
  'via',
  'cdn-loop',
  'x-real-ip',
  'true-client-ip',
  'x-request-id',
  'x-api-key',
  'x-csrf-token',
  'x-client-cert',
  'traceparent',
  'tracestate',
  'baggage',
]);
const TRUSTED_PREFIXES = ['x-forwarded-', 'x-auth', 'x-user', 'x-mosn-', 'x-envoy-', 'x-b3-', 'cf-', 'sec-'];

/** Whether a name (in lower case) must not be taken away because Connection lists it. */
export function isTrusted(name: string): boolean {
  if (TRUSTED.has(name)) return true;
  for (const prefix of TRUSTED_PREFIXES) if (name.startsWith(prefix)) return true;
  return false;
}

const HEAD_ONLY = new Set([
  'age',
  'connection',
  'content_length',
  'date',
  'expect',
  'expires',
  'http2-settings',
  'keep-alive',
  'location',
  'max-forwards',
  'pragma',
  'proxy-connection',
  'range',
  'retry-after',
  'te',
  'trailer',
  'transfer-encoding',
  'transfer_encoding',
  'upgrade',
  'vary',
]);

/** Whether a name (in lower case) must not stand in trailers (RFC 9110, section 6.5.1). */
export function isHeadOnly(name: string): boolean {
  return HEAD_ONLY.has(name) || name.startsWith('if-') || isTrusted(name);
}
