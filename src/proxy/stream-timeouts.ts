/** Which time-outs a request gets: route, then request headers of a trusted peer, then variables (MOSN: section 3.5). */

import type { Route } from '../router/route.ts';
import type { StreamRecord } from './stream-record.ts';

const DEFAULT_GLOBAL_MS = 60_000;
/** A client may lengthen a time-out, but not for ever. */
const MAX_CLIENT_MS = 3_600_000;

/** Milliseconds from the end of the request to the response head; 0 = none. */
export function globalTimeout(stream: StreamRecord, route: Route, trusted: boolean): number {
  const asked = askedFor(stream, 'proxy_global_timeout', 'x-mosn-global-timeout', trusted) ?? route.timeout;
  if (asked === undefined || asked === 0) return DEFAULT_GLOBAL_MS;
  return Math.max(asked, 0);
}

/** Milliseconds for one attempt; 0 = none. At or above the global time-out it never fires before it. */
export function perTryTimeout(stream: StreamRecord, route: Route, trusted: boolean): number {
  const asked = askedFor(stream, 'proxy_try_timeout', 'x-mosn-try-timeout', trusted) ?? route.retry.perTryTimeout;
  return Math.max(asked, 0);
}

function askedFor(stream: StreamRecord, variable: string, header: string, trusted: boolean): number | undefined {
  const set = milliseconds(stream.variables?.get(variable));
  if (set !== undefined) return set;
  if (!trusted) return undefined;
  const wished = milliseconds(stream.requestHeaders?.get(header));
  if (wished === undefined) return undefined;
  return wished < 0 ? MAX_CLIENT_MS : Math.min(wished, MAX_CLIENT_MS); // negative: none
}

function milliseconds(text: string | undefined): number | undefined {
  return text !== undefined && /^-?\d{1,12}$/.test(text) ? Number(text) : undefined;
}
