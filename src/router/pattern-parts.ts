/**
 * What can be told of a pattern without running it: the literal text that it begins with, and texts that every match
 * contains. With them a table of patterns is searched without trying them all, and patterns that differ in their
 * first text only share the automaton for what follows.
 *
 * Reads only what it understands for sure: an answer may leave texts out, never name a wrong one.
 */

export interface PatternParts {
  /** Begins with `^`: `head` is at the beginning of the text. */
  readonly anchored: boolean;
  /** The pattern is `^`, if anchored, this text, and `rest`. */
  readonly head: string;
  readonly rest: string;
  /** Other texts that a match contains. */
  readonly inner: readonly string[];
}

export function patternParts(pattern: string): PatternParts {
  const reader = new Reader(pattern);
  return reader.read() ?? { anchored: false, head: '', rest: pattern, inner: [] };
}

/** Escapes that stand for a class or a position. */
const CLASS_ESCAPES = 'dDsSwWbBzA';
const REPETITION = /^\{\d+(?:,\d*)?\}/;

class Reader {
  readonly #pattern: string;
  #at = 0;
  /** The literal text that is being read, and where its last character is in the pattern. */
  #run = '';
  #lastAt = 0;
  #head: string | undefined;
  #restAt = 0;
  readonly #inner: string[] = [];

  constructor(pattern: string) {
    this.#pattern = pattern;
  }

  /** Undefined for a pattern that is not understood. */
  read(): PatternParts | undefined {
    const pattern = this.#pattern;
    const anchored = pattern.startsWith('^');
    if (anchored) this.#at = 1;
    // The anchor itself may be repeated away.
    if (anchored && /^[*+?{]/.test(pattern.slice(1))) return undefined;
    while (this.#at < pattern.length) if (!this.#readItem()) return undefined;
    this.#endRun();
    return { anchored, head: this.#head as string, rest: pattern.slice(this.#restAt), inner: this.#inner };
  }

  /** Reads a character, class, group, position or quantifier; false at what is not understood. */
  #readItem(): boolean {
    const pattern = this.#pattern;
    const char = pattern[this.#at] as string;
    switch (char) {
      case '|':
        return false;
      case '(':
        this.#endRun();
        return this.#skipGroup();
      case '[':
        this.#endRun();
        return this.#skipClass();
      case '\\':
        return this.#readEscape();
      case '{': {
        const repetition = REPETITION.exec(pattern.slice(this.#at));
        if (repetition === null) return false;
        this.#endRunBeforeLast();
        this.#at += repetition[0].length;
        return true;
      }
      case '*':
      case '+':
      case '?':
        this.#endRunBeforeLast();
        break;
      case '.':
      case '^':
      case '$':
        this.#endRun();
        break;
      default:
        if (char > '~') this.#endRun();
        else this.#addToRun(char);
    }
    this.#at++;
    return true;
  }

  #readEscape(): boolean {
    const char = this.#pattern[this.#at + 1];
    if (char === undefined) return false;
    if (CLASS_ESCAPES.includes(char)) this.#endRun();
    else if (/[A-Za-z0-9]/.test(char) || char > '~') return false;
    else this.#addToRun(char);
    this.#at += 2;
    return true;
  }

  #skipGroup(): boolean {
    const pattern = this.#pattern;
    let depth = 0;
    while (this.#at < pattern.length) {
      const char = pattern[this.#at] as string;
      if (char === '[') {
        if (!this.#skipClass()) return false;
        continue;
      }
      if (char === '\\') {
        // What `\Q…\E` quotes may look like brackets.
        if (pattern[this.#at + 1] === 'Q') return false;
        this.#at++;
      } else if (char === '(') {
        // Flags would change what the rest means.
        if (pattern[this.#at + 1] === '?' && pattern[this.#at + 2] !== ':') return false;
        depth++;
      } else if (char === ')' && --depth === 0) {
        this.#at++;
        return true;
      }
      this.#at++;
    }
    return false;
  }

  #skipClass(): boolean {
    const pattern = this.#pattern;
    this.#at++;
    if (pattern[this.#at] === '^') this.#at++;
    // A bracket that comes first is a member.
    if (pattern[this.#at] === ']') this.#at++;
    while (this.#at < pattern.length) {
      const char = pattern[this.#at] as string;
      this.#at++;
      if (char === ']') return true;
      if (char === '\\') this.#at++;
      else if (char === '[' && pattern[this.#at] === ':') return false;
    }
    return false;
  }

  #addToRun(char: string): void {
    this.#run += char;
    this.#lastAt = this.#at;
  }

  #endRun(): void {
    this.#finishRun(this.#run, this.#at);
  }

  /** A quantifier follows: the last character may be absent, or come again. */
  #endRunBeforeLast(): void {
    if (this.#run === '') this.#endRun();
    else this.#finishRun(this.#run.slice(0, -1), this.#lastAt);
  }

  #finishRun(text: string, restAt: number): void {
    if (this.#head === undefined) {
      this.#head = text;
      this.#restAt = restAt;
    } else if (text.length > 1) this.#inner.push(text);
    this.#run = '';
  }
}
