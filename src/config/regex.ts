/** Regular expressions in RE2 syntax: matching time is linear in the text whatever the pattern is. */

import { createRequire } from 'node:module';
import type * as Re2 from 're2js';

/** Tells what is wrong with a pattern, or returns undefined. */
export function regexError(pattern: string): string | undefined {
  // Loaded on first use: it costs 5 MB that a configuration without patterns need not pay.
  const { RE2JS } = createRequire(import.meta.url)('re2js') as typeof Re2;
  try {
    RE2JS.compile(pattern);
    return undefined;
  } catch (error) {
    return (error as Error).message.replace(/^error parsing regexp: /, '');
  }
}
