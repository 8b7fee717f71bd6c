/**
 * The path of a request target in the one form that routes, filters and policies compare.
 *
 * Resolved are dot segments, spelt `.` or `%2e`, and escapes of unreserved characters (RFC 3986, sections 5.2.4 and
 * 6.2.2). `%2F` stays and separates nothing, `//` stays. What servers are known to read in different ways is refused:
 * escapes of NUL, CR and LF, `\`, broken escapes, over-long UTF-8, and segments that turn into dot segments when
 * somebody decodes them once more or cuts them at `;`.
 */

export interface NormalizedPath {
  /** Without query; `*` for the asterisk form. */
  readonly path: string;
  /** As received, with its `?`; `''` when there is none. */
  readonly query: string;
  /** Dot segments were resolved: `path` + `query` goes upstream in place of what was received. */
  readonly dotSegments: boolean;
}

class SharedResult implements NormalizedPath {
  path = '';
  query = '';
  dotSegments = false;
}

// One result for all calls, because every request makes one.
const result = new SharedResult();

const PLAIN = 0;
const DOT = 1;
const ESCAPE = 2;
const QUESTION = 3;
const REFUSED = 4;

const SLASH_CODE = 0x2f;
const PERCENT_CODE = 0x25;
const HASH_CODE = 0x23;

/** Visible, but no part of a URI: clients send it raw or escaped (RFC 3986, appendix A). */
const UNWISE = '"<>^`{|}';
const UNRESERVED = /[A-Za-z0-9\-._~]/;

const KINDS = new Uint8Array(128).map((_, code) => kindOf(code));

function kindOf(code: number): number {
  const char = String.fromCharCode(code);
  if (code <= 0x20 || code === 0x7f || char === '#' || char === '\\') return REFUSED;
  if (char === '.') return DOT;
  if (char === '?') return QUESTION;
  return char === '%' || UNWISE.includes(char) ? ESCAPE : PLAIN;
}

/**
 * Normalises a request target in origin form or `*`. Returns undefined for a target that is to be answered with 400.
 * The result is one shared object, valid until the next call.
 */
export function normalizePath(target: string): NormalizedPath | undefined {
  if (target.charCodeAt(0) !== SLASH_CODE) return target === '*' ? fill(target, '', false) : undefined;
  const { length } = target;
  let plain = true;
  let end = 1;
  for (; end < length; end++) {
    const code = target.charCodeAt(end);
    const kind = code < 128 ? (KINDS[code] as number) : REFUSED;
    if (kind === PLAIN) continue;
    if (kind === REFUSED) return undefined;
    if (kind === QUESTION) break;
    if (kind === ESCAPE || target.charCodeAt(end - 1) === SLASH_CODE) plain = false;
  }
  for (let i = end + 1; i < length; i++) {
    const code = target.charCodeAt(i);
    if (code <= 0x20 || code >= 0x7f || code === HASH_CODE) return undefined;
  }
  const path = end === length ? target : target.slice(0, end);
  const query = end === length ? '' : target.slice(end);
  return plain ? fill(path, query, false) : resolve(path, query);
}

function fill(path: string, query: string, dotSegments: boolean): NormalizedPath {
  result.path = path;
  result.query = query;
  result.dotSegments = dotSegments;
  return result;
}

function resolve(path: string, query: string): NormalizedPath | undefined {
  const segments = path.split('/');
  const last = segments.length - 1;
  const kept: string[] = [];
  let dotSegments = false;
  for (let i = 1; i <= last; i++) {
    const segment = canonicalSegment(segments[i] as string);
    if (segment === undefined) return undefined;
    if (segment !== '.' && segment !== '..') {
      kept.push(segment);
      continue;
    }
    dotSegments = true;
    if (segment === '..') kept.pop();
    if (i === last) kept.push('');
  }
  return fill(`/${kept.join('/')}`, query, dotSegments);
}

function canonicalSegment(segment: string): string | undefined {
  let text = '';
  let before = 0;
  for (let i = 0; i < segment.length; i++) {
    const code = segment.charCodeAt(i);
    if (code !== PERCENT_CODE) {
      text += KINDS[code] === ESCAPE ? percentEncode(code) : segment[i];
      before = 0;
      continue;
    }
    const byte = escapedByte(segment, i);
    if (byte < 0 || byte === 0 || byte === 10 || byte === 13 || isOverlong(before, byte)) return undefined;
    text += canonicalByte(byte);
    before = byte;
    i += 2;
  }
  return hidesDotSegment(text) ? undefined : text;
}

const HEX_PAIR = /^[0-9A-Fa-f]{2}$/;

/** The byte that an escape at `at` stands for, or -1. */
function escapedByte(text: string, at: number): number {
  const digits = text.slice(at + 1, at + 3);
  return HEX_PAIR.test(digits) ? Number.parseInt(digits, 16) : -1;
}

function canonicalByte(byte: number): string {
  const char = String.fromCharCode(byte);
  return UNRESERVED.test(char) ? char : percentEncode(byte);
}

function percentEncode(byte: number): string {
  return `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
}

/** Two bytes that begin a UTF-8 sequence longer than its character needs (RFC 3629, section 10). */
function isOverlong(first: number, second: number): boolean {
  if (second < 0x80 || second > 0xbf) return false;
  return (
    first === 0xc0 ||
    first === 0xc1 ||
    (first === 0xe0 && second < 0xa0) ||
    (first === 0xf0 && second < 0x90) ||
    (first === 0xf8 && second < 0x88) ||
    (first === 0xfc && second < 0x84)
  );
}

const DOT_SEGMENT = /(?:^|\/)\.\.?(?:[;/]|$)/;

/** Whether a canonical segment becomes a dot segment when it is decoded further or cut at `;`. */
function hidesDotSegment(segment: string): boolean {
  if (!segment.includes('%') && !segment.includes(';')) return false;
  const decoded = segment
    .replace(/%(?:25)+/g, '%')
    .replace(/%2e/gi, '.')
    .replace(/%3b/gi, ';')
    .replace(/%(?:2f|5c)/gi, '/');
  return DOT_SEGMENT.test(decoded);
}

/** Brings a path or prefix of the configuration into the form that `normalizePath` gives to requests. */
export function normalizeConfiguredPath(text: string): string {
  // UTF-8 with a character for each byte.
  const raw = Buffer.from(text).toString('latin1');
  let path = '';
  for (let i = 0; i < raw.length; i++) {
    const code = raw.charCodeAt(i);
    const byte = code === PERCENT_CODE ? escapedByte(raw, i) : -1;
    if (byte >= 0) {
      path += canonicalByte(byte);
      i += 2;
    } else {
      path += code < 128 && (KINDS[code] as number) <= DOT ? raw[i] : percentEncode(code);
    }
  }
  return path;
}
