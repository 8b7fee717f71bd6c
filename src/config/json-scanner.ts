/**
 * Walks JSON text by offset without building values. `JSON.parse` reads configurations; this is for what it does not
 * tell: where a syntax error is, and where a value stands. Nesting costs no stack.
 */

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_ARRAY = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const LITERAL = /true|false|null/y;
const ESCAPE = /["\\/bfnrt]|u[0-9a-fA-F]{4}/y;

/** Where and how text breaks the grammar of JSON (RFC 8259). */
export class JsonSyntaxError extends Error {
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}

/** Returns the first error of a text, or undefined when it is JSON. */
export function findSyntaxError(text: string): JsonSyntaxError | undefined {
  const scanner = new JsonScanner(text);
  try {
    scanner.skipValue();
    if (!scanner.atEnd()) scanner.fail('the end of the file');
  } catch (error) {
    if (error instanceof JsonSyntaxError) return error;
    throw error;
  }
  return undefined;
}

/** A cursor over JSON text. Every method throws a `JsonSyntaxError` where the text is not JSON. */
export class JsonScanner {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** Offset of the next character that is not white space. */
  offset(): number {
    this.#space();
    return this.#at;
  }

  atEnd(): boolean {
    return this.offset() === this.#text.length;
  }

  /** Walks over the object here; `member` is called with the cursor before each value and must pass it. */
  object(member: (key: string, keyOffset: number) => void): void {
    this.#expect(OPEN_OBJECT, '"{"');
    if (this.#take(CLOSE_OBJECT)) return;
    do {
      const start = this.offset();
      const end = this.#key();
      member(JSON.parse(this.#text.slice(start, end)), start);
    } while (this.#take(COMMA));
    this.#expect(CLOSE_OBJECT, '"," or "}"');
  }

  /** Walks over the array here; `item` is called with the cursor before each value and must pass it. */
  array(item: (index: number) => void): void {
    this.#expect(OPEN_ARRAY, '"["');
    if (this.#take(CLOSE_ARRAY)) return;
    let index = 0;
    do item(index++);
    while (this.#take(COMMA));
    this.#expect(CLOSE_ARRAY, '"," or "]"');
  }

  /** What stands here: an object, an array or a scalar. */
  kind(): 'object' | 'array' | 'scalar' {
    const code = this.#text.charCodeAt(this.offset());
    return code === OPEN_OBJECT ? 'object' : code === OPEN_ARRAY ? 'array' : 'scalar';
  }

  /** Passes one value of any kind. */
  skipValue(): void {
    const closers: number[] = [];
    for (;;) {
      if (this.#take(OPEN_OBJECT)) {
        if (!this.#take(CLOSE_OBJECT)) {
          closers.push(CLOSE_OBJECT);
          this.#key();
          continue;
        }
      } else if (this.#take(OPEN_ARRAY)) {
        if (!this.#take(CLOSE_ARRAY)) {
          closers.push(CLOSE_ARRAY);
          continue;
        }
      } else {
        this.#scalar();
      }
      // A value has ended: leave what ends with it, then on to its next neighbour.
      for (;;) {
        const closer = closers.at(-1);
        if (closer === undefined) return;
        if (this.#take(COMMA)) {
          if (closer === CLOSE_OBJECT) this.#key();
          break;
        }
        this.#expect(closer, closer === CLOSE_OBJECT ? '"," or "}"' : '"," or "]"');
        closers.pop();
      }
    }
  }

  /** Throws: `expected` is what should stand here. */
  fail(expected: string): never {
    const character = this.#text.slice(this.#at, this.#at + 1);
    const found = character === '' ? 'the end of the file' : JSON.stringify(character);
    const hint = character === '/' ? ' (JSON has no comments)' : '';
    throw new JsonSyntaxError(`expected ${expected}, found ${found}${hint}`, this.#at);
  }

  /** Passes `"key":` and returns the offset behind the key's closing quote. */
  #key(): number {
    this.#space();
    if (this.#text.charCodeAt(this.#at) !== QUOTE) this.fail('a key in double quotes');
    this.#string();
    const end = this.#at;
    this.#expect(COLON, '":"');
    return end;
  }

  #scalar(): void {
    this.#space();
    if (this.#text.charCodeAt(this.#at) === QUOTE) this.#string();
    else if (!this.#match(NUMBER) && !this.#match(LITERAL)) this.fail('a value');
  }

  #string(): void {
    const text = this.#text;
    this.#at++;
    for (;;) {
      const code = text.charCodeAt(this.#at);
      if (code === QUOTE) break;
      if (Number.isNaN(code)) this.fail('a closing quote');
      if (code < 0x20) this.fail('no raw control character inside a string');
      this.#at++;
      if (code === BACKSLASH && !this.#match(ESCAPE)) this.fail('an escape sequence');
    }
    this.#at++;
  }

  #match(pattern: RegExp): boolean {
    pattern.lastIndex = this.#at;
    if (!pattern.test(this.#text)) return false;
    this.#at = pattern.lastIndex;
    return true;
  }

  #take(code: number): boolean {
    this.#space();
    if (this.#text.charCodeAt(this.#at) !== code) return false;
    this.#at++;
    return true;
  }

  #expect(code: number, expected: string): void {
    if (!this.#take(code)) this.fail(expected);
  }

  #space(): void {
    const text = this.#text;
    for (;;) {
      const code = text.charCodeAt(this.#at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
      this.#at++;
    }
  }
}
