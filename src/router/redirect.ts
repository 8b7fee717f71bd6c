/** The `redirect` action: where a client is sent. */

import type { RequestHeaders } from '../api/headers.ts';

export interface RedirectTarget {
  readonly status: number;
  /** Each is `''` when the request's own is kept. */
  readonly scheme: string;
  readonly host: string;
  readonly path: string;
}

/** Builds the Location: the overrides, else what the request has, and the query of the request. */
export function redirectLocation(target: RedirectTarget, headers: RequestHeaders): string {
  const mark = headers.path.indexOf('?');
  const query = mark < 0 ? '' : headers.path.slice(mark);
  const path = target.path || (mark < 0 ? headers.path : headers.path.slice(0, mark));
  const host = target.host || headers.authority;
  // Without a host the location is relative, where two slashes would make a host of what follows.
  if (host === '') return path.replace(/^\/+/, '/') + query;
  const scheme = target.scheme || headers.scheme;
  return `${scheme}://${scheme === headers.scheme ? host : withoutOldPort(host, scheme)}${path}${query}`;
}

/** After a change of scheme the port of the other scheme is cut. */
function withoutOldPort(host: string, scheme: string): string {
  const port = scheme === 'http' ? ':443' : scheme === 'https' ? ':80' : '';
  return port !== '' && host.endsWith(port) ? host.slice(0, -port.length) : host;
}
