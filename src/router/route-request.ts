/** What a request tells the router. */

import type { RequestHeaders } from '../api/headers.ts';

export interface RouteRequest {
  readonly requestHeaders: RequestHeaders;
  /** `normalizePath(…).path`; `/` for a CONNECT, which names no path, and `''` for RPC. */
  readonly normalizedPath: string;
  getVariable(name: string): string | undefined;
}
