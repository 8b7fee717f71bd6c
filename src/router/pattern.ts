/**
 * Regular expressions of the configuration, in RE2 syntax: matching time is linear in the text whatever the pattern
 * is, so that no request can stall a worker.
 */

import { createRequire } from 'node:module';
import type * as Re2 from 're2js';

let library: typeof Re2 | undefined;

/** Loaded on first use: a configuration without patterns need not pay the memory. */
function re2(): typeof Re2 {
  library ??= createRequire(import.meta.url)('re2js') as typeof Re2;
  return library;
}

/** A compiled pattern. */
export class Pattern {
  readonly #regex: Re2.RE2JS;

  /** Throws an `Error` that says what is wrong with the pattern. */
  constructor(source: string) {
    this.#regex = re2().RE2JS.compile(source);
  }

  /** Whether the pattern matches anywhere in the text. */
  test(text: string): boolean {
    return this.#regex.test(text);
  }

  get groupCount(): number {
    return this.#regex.groupCount();
  }

  /** Names of groups with their numbers. */
  get groupNames(): ReadonlyMap<string, number> {
    return new Map(Object.entries(this.#regex.namedGroups()));
  }

  /** Replaces every match by what `expand` makes of its groups; group 0 is the match. */
  replaceAll(text: string, expand: (groups: readonly (string | undefined)[]) => string): string {
    const last = this.#regex.groupCount() + 1;
    return this.#regex.matcher(text).replaceAll((...args: (string | undefined)[]) => expand(args.slice(0, last)));
  }
}
