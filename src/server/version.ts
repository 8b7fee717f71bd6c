/** The version of this package. */

import { readFileSync } from 'node:fs';

// From src/server in the repository, from dist/src/server in the published package.
const PLACES = ['../../package.json', '../../../package.json'];

export function version(): string {
  for (const place of PLACES) {
    try {
      return JSON.parse(readFileSync(new URL(place, import.meta.url), 'utf8')).version;
    } catch {
      // not there: the next place
    }
  }
  return 'unknown';
}
