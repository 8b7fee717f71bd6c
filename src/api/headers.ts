/**
 * Message heads. `Headers` is an interface because each protocol backs it with its own bytes and makes strings only
 * when somebody asks (HTTP/1: the head string and offsets). `HeaderList` is the plain implementation for heads that
 * Weft writes itself.
 *
 * Names given to these methods are in lower case; names that come out are spelt as the peer spelt them.
 */

export interface Headers {
  /** The first value of a header, or undefined. */
  get(name: string): string | undefined;
  /** All values of a header, in order. */
  getAll(name: string): string[];
  has(name: string): boolean;
  /** Replaces every line of this name by one. */
  set(name: string, value: string): void;
  /** Adds a line. */
  append(name: string, value: string): void;
  /** Removes every line of this name. */
  remove(name: string): void;
  /** Removes every line whose name begins with `prefix`. */
  removePrefixed(prefix: string): void;
  /** Every line in order, `name` as it is spelt. */
  forEach(visit: (name: string, value: string) => void): void;
}

/**
 * A request head. Every protocol offers these fields under these names, so that one route table serves all.
 * Setting a field changes what goes upstream (`upgrade = ''` asks for no protocol switch).
 */
export interface RequestHeaders extends Headers {
  /** `GET`, …; for RPC protocols the RPC method. */
  method: string;
  /** Path with query, as received (origin form, `*`, or the authority of a CONNECT). */
  path: string;
  /** Host with port as the client named it, `''` when it named none. */
  authority: string;
  /** `http`, `https` or the RPC protocol's name. */
  scheme: string;
  /** RPC service; `''` for HTTP. An HTTP header of that name never sets it. */
  readonly service: string;
  /** The protocol switch asked for (`websocket`, …), in lower case, or `''`. */
  upgrade: string;
  /** Length of the body when it is known before it arrives: ≥ 0, or -1 (chunked, until the end of the stream). Encoders obey it. */
  contentLength: number;
}

/** A response head. */
export interface ResponseHeaders extends Headers {
  status: number;
  /** As for requests. */
  contentLength: number;
}

/** Throws when a name or value could break out of its line on the wire (RFC 9110, section 5.5). */
export function checkHeader(name: string, value: string): void {
  if (!knownNames.has(name)) checkName(name);
  for (let i = 0; i < value.length; i++) {
    const c = value.charCodeAt(i);
    if (c === 13 || c === 10 || c === 0) throw new TypeError(`invalid value of header ${name}`);
  }
}

/** Names that have passed: nearly all come from code or configuration, so there are few. */
const knownNames = new Set<string>();
const MAX_KNOWN_NAMES = 1000;

function checkName(name: string): void {
  if (!isToken(name)) throw new TypeError(`invalid header name ${JSON.stringify(name)}`);
  if (knownNames.size < MAX_KNOWN_NAMES) knownNames.add(name);
}

// RFC 9110, section 5.6.2; pseudo names of HTTP/2 never pass here.
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** Tells whether `text` is a token of RFC 9110. */
export function isToken(text: string): boolean {
  return TOKEN.test(text);
}

/** An ordered list of header lines. */
export class HeaderList implements Headers {
  /** name, value, name, value, … */
  protected readonly lines: string[] = [];

  get(name: string): string | undefined {
    const lines = this.lines;
    for (let i = 0; i < lines.length; i += 2) {
      if (sameName(lines[i] as string, name)) return lines[i + 1];
    }
    return undefined;
  }

  getAll(name: string): string[] {
    const values: string[] = [];
    const lines = this.lines;
    for (let i = 0; i < lines.length; i += 2) {
      if (sameName(lines[i] as string, name)) values.push(lines[i + 1] as string);
    }
    return values;
  }

  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  set(name: string, value: string): void {
    checkHeader(name, value);
    const lines = this.lines;
    for (let i = 0; i < lines.length; i += 2) {
      if (!sameName(lines[i] as string, name)) continue;
      lines[i + 1] = value;
      this.#removeFrom(i + 2, name);
      return;
    }
    lines.push(name, value);
  }

  append(name: string, value: string): void {
    checkHeader(name, value);
    this.lines.push(name, value);
  }

  remove(name: string): void {
    this.#removeFrom(0, name);
  }

  removePrefixed(prefix: string): void {
    const names = new Set<string>();
    this.forEach((name) => {
      const lower = name.toLowerCase();
      if (lower.startsWith(prefix)) names.add(lower);
    });
    for (const name of names) this.remove(name);
  }

  forEach(visit: (name: string, value: string) => void): void {
    const lines = this.lines;
    for (let i = 0; i < lines.length; i += 2) visit(lines[i] as string, lines[i + 1] as string);
  }

  #removeFrom(start: number, name: string): void {
    const lines = this.lines;
    let kept = start;
    for (let i = start; i < lines.length; i += 2) {
      if (sameName(lines[i] as string, name)) continue;
      lines[kept] = lines[i] as string;
      lines[kept + 1] = lines[i + 1] as string;
      kept += 2;
    }
    lines.length = kept;
  }
}

function sameName(spelt: string, lower: string): boolean {
  return spelt.length === lower.length && (spelt === lower || spelt.toLowerCase() === lower);
}

/** A response head that Weft writes itself. */
export class ResponseHeaderList extends HeaderList implements ResponseHeaders {
  status: number;
  contentLength: number;

  constructor(status: number, contentLength = -1) {
    super();
    this.status = status;
    this.contentLength = contentLength;
  }
}

/** A request head that Weft writes itself. */
export class RequestHeaderList extends HeaderList implements RequestHeaders {
  method: string;
  path: string;
  authority: string;
  scheme: string;
  readonly service: string = '';
  upgrade = '';
  contentLength: number;

  constructor(method: string, path: string, authority: string, contentLength = 0) {
    super();
    this.method = method;
    this.path = path;
    this.authority = authority;
    this.scheme = 'http';
    this.contentLength = contentLength;
  }
}
