/** One condition of a route: a field of the request equals a value, matches a pattern, or is there at all. */

import type { Pattern } from './pattern.ts';
import type { RouteRequest } from './route-request.ts';

const Source = { Header: 0, Method: 1, Path: 2, Authority: 3, Scheme: 4, Service: 5, Variable: 6 } as const;
type Source = (typeof Source)[keyof typeof Source];

/** Names in `headers` that are fields of every request head and not lines of it. */
const PSEUDO_HEADERS: ReadonlyMap<string, Source> = new Map([
  ['method', Source.Method],
  [':method', Source.Method],
  [':path', Source.Path],
  [':authority', Source.Authority],
  [':scheme', Source.Scheme],
]);

/** Where the value of a condition comes from. */
export class Field {
  /** Equal for fields that read the same. */
  readonly key: string;
  readonly #source: Source;
  readonly #name: string;

  private constructor(source: Source, name: string) {
    this.key = `${source}:${name}`;
    this.#source = source;
    this.#name = name;
  }

  /** A header of any spelling, or the method or a pseudo header. */
  static header(name: string): Field {
    const lower = name.toLowerCase();
    return new Field(PSEUDO_HEADERS.get(lower) ?? Source.Header, lower);
  }

  /** The RPC service; no header can set it. */
  static service(): Field {
    return new Field(Source.Service, '');
  }

  static variable(name: string): Field {
    return new Field(Source.Variable, name);
  }

  /** The first value; undefined when there is none. A variable that is not set reads as `''`. */
  read(request: RouteRequest): string | undefined {
    const headers = request.requestHeaders;
    switch (this.#source) {
      case Source.Header:
        return headers.get(this.#name);
      case Source.Method:
        return headers.method;
      case Source.Path:
        return headers.path;
      case Source.Authority:
        return headers.authority;
      case Source.Scheme:
        return headers.scheme;
      case Source.Service:
        return headers.service === '' ? undefined : headers.service;
      case Source.Variable:
        return request.getVariable(this.#name) ?? '';
    }
  }
}

export class Condition {
  readonly field: Field;
  /** Undefined: the field has only to be there. */
  readonly expected: string | Pattern | undefined;

  constructor(field: Field, expected: string | Pattern | undefined) {
    this.field = field;
    this.expected = expected;
  }

  /** The one value that holds, where there is one. */
  get exactValue(): string | undefined {
    return typeof this.expected === 'string' ? this.expected : undefined;
  }

  holds(request: RouteRequest): boolean {
    const value = this.field.read(request);
    if (value === undefined) return false;
    const { expected } = this;
    if (expected === undefined) return true;
    return typeof expected === 'string' ? value === expected : expected.test(value);
  }
}
