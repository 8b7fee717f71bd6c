/** The `regex` of a route match: a pattern that is searched in the path, taken apart so that most of it is shared. */

import { Pattern } from './pattern.ts';
import { type PatternParts, patternParts } from './pattern-parts.ts';

/** Rests that match whatever follows; a path has no line breaks. */
const ANYTHING: ReadonlySet<string> = new Set(['', '.*', '.*$', '(.*)', '(.*)$']);

/** What may ask for what is before it. A `^` right after a bracket does not: it opens a class, or never matches. */
const LOOKS_BACK = /\\[bBA]|(?<!\[)\^/;

/** Compiled rests by source. */
export type SharedPatterns = Map<string, Pattern>;

export class PathPattern {
  readonly parts: PatternParts;
  readonly #whole: Pattern;
  /** What follows the head, where the head was cut off; undefined when anything may. */
  readonly #rest: Pattern | undefined;
  readonly #cut: boolean;

  /** Throws an `Error` that says what is wrong with the pattern. */
  constructor(source: string, shared: SharedPatterns) {
    const parts = patternParts(source);
    this.parts = parts;
    this.#whole = new Pattern(source);
    this.#cut = parts.head !== '' && !LOOKS_BACK.test(parts.rest);
    this.#rest = !this.#cut || ANYTHING.has(parts.rest) ? undefined : sharedRest(parts.rest, shared);
  }

  /** Whether the pattern matches anywhere in the path. Takes time in proportion to its length. */
  test(path: string): boolean {
    if (!this.#cut) return this.#whole.test(path);
    const { anchored, head } = this.parts;
    if (anchored) return path.startsWith(head) && this.#restMatches(path, head.length);
    const at = path.indexOf(head);
    if (at < 0) return false;
    if (this.#restMatches(path, at + head.length)) return true;
    // Trying every place in turn could take the square of the length.
    return path.includes(head, at + 1) && this.#whole.test(path);
  }

  #restMatches(path: string, from: number): boolean {
    return this.#rest === undefined || this.#rest.test(path.slice(from));
  }
}

function sharedRest(rest: string, shared: SharedPatterns): Pattern {
  let pattern = shared.get(rest);
  if (pattern === undefined) {
    pattern = new Pattern(`^(?:${rest})`);
    shared.set(rest, pattern);
  }
  return pattern;
}
