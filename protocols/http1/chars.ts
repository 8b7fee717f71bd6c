/** Byte classes of HTTP/1.1 (RFC 9110 section 5.6.2, RFC 3986, RFC 9112), one table look-up per byte. */

export const HTAB = 9;
export const LF = 10;
export const CR = 13;
export const SP = 32;
export const STAR = 42;
export const COMMA = 44;
export const SLASH = 47;
export const COLON = 58;
export const SEMICOLON = 59;

const DIGITS = '0123456789';
const LETTERS = 'abcdefghijklmnopqrstuvwxyz';
const ALPHANUMERICS = DIGITS + LETTERS + LETTERS.toUpperCase();

function classOf(members: string): Uint8Array {
  const table = new Uint8Array(256);
  for (const member of members) table[member.charCodeAt(0)] = 1;
  return table;
}

function range(first: number, last: number): string {
  let text = '';
  for (let c = first; c <= last; c++) text += String.fromCharCode(c);
  return text;
}

/** Bytes of a token: the byte itself in lower case, else 0. */
export const TOKEN = classOf(`!#$%&'*+-.^_\`|~${ALPHANUMERICS}`);
for (let c = 0; c < 256; c++) {
  if (TOKEN[c] !== 0) TOKEN[c] = String.fromCharCode(c).toLowerCase().charCodeAt(0);
}

/** Bytes of a field value, a reason phrase or a chunk extension: visible, space, tab, obs-text. */
export const VALUE = classOf(`\t${range(0x20, 0x7e)}${range(0x80, 0xff)}`);

/** Bytes of a request target: visible ASCII. A fragment is never sent (RFC 9112, section 3.2). */
export const TARGET = classOf(range(0x21, 0x7e).replace('#', ''));

/** Bytes of a registered name, without `%` and without the comma that two joined Host lines would leave. */
export const HOST = classOf(`-._~!$&'()*+;=${ALPHANUMERICS}`);

/** Value of a hexadecimal digit, else -1. */
export const HEX = new Int8Array(256).fill(-1);
for (let i = 0; i < 16; i++) {
  HEX[i.toString(16).charCodeAt(0)] = i;
  HEX[i.toString(16).toUpperCase().charCodeAt(0)] = i;
}

/** Every byte in lower case. */
const LOWER = new Uint8Array(256);
for (let c = 0; c < 256; c++) LOWER[c] = c >= 65 && c <= 90 ? c | 0x20 : c;

/** Compares bytes with a text in lower case, without regard to case. */
export function isText(buf: Uint8Array, start: number, end: number, lower: Uint8Array): boolean {
  const { length } = lower;
  if (end - start !== length) return false;
  for (let i = 0; i < length; i++) if (LOWER[buf[start + i] as number] !== lower[i]) return false;
  return true;
}
