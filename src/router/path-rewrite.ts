/** What a route makes of the path that it sends upstream. */

import type { RequestHeaders } from '../api/headers.ts';
import { normalizePath } from './path.ts';

/** Gives the new path, or the old one where there is nothing to do. Paths are without query. */
export interface PathRewrite {
  apply(path: string): string;
}

/** Replaces the first `length` characters: the prefix that matched, or the whole path. */
export class PrefixRewrite implements PathRewrite {
  readonly #length: number;
  readonly #replacement: string;

  constructor(length: number, replacement: string) {
    this.#length = length;
    this.#replacement = replacement;
  }

  apply(path: string): string {
    return this.#replacement + path.slice(this.#length);
  }
}

/** Where the path as it was goes: a header that MOSN set before us. */
const ORIGINAL_PATH = 'x-mosn-original-path';

/**
 * Rewrites the path of a request. Returns false, having changed nothing, when the result is no path or has dot
 * segments (`/a` → `/b/` makes `/b/../c` of `/a../c`): such a request is to be answered with 400.
 */
export function rewritePath(headers: RequestHeaders, normalizedPath: string, rewrite: PathRewrite): boolean {
  const received = headers.path;
  // `*` and the target of a CONNECT are no paths.
  if (!received.startsWith('/')) return true;
  const path = rewrite.apply(normalizedPath);
  if (path === normalizedPath) return true;
  const normal = normalizePath(path);
  if (normal === undefined || normal.dotSegments) return false;
  const mark = received.indexOf('?');
  headers.set(ORIGINAL_PATH, mark < 0 ? received : received.slice(0, mark));
  headers.path = mark < 0 ? path : path + received.slice(mark);
  return true;
}
