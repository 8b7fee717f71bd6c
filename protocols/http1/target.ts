/** Hosts and targets: what may stand in a request line or a Host line. */

import { COLON, HOST } from './chars.ts';

const BRACKET_OPEN = 91;
const BRACKET_CLOSE = 93;
const MAX_PORT = 65_535;
const MAX_PORT_DIGITS = 5;

/**
 * Whether the bytes are `host`, `host:port`, `[v6]` or `[v6]:port` (RFC 3986, section 3.2) without user information.
 * An empty port is refused, a missing one only if `needsPort`.
 */
export function isAuthority(buf: Uint8Array, start: number, end: number, needsPort: boolean): boolean {
  let pos = start;
  if (buf[pos] === BRACKET_OPEN) {
    pos++;
    while (pos < end && isAddressByte(buf[pos] as number)) pos++;
    if (pos === end || buf[pos] !== BRACKET_CLOSE || pos - start < 3) return false;
    pos++;
  } else {
    while (pos < end && HOST[buf[pos] as number] !== 0) pos++;
    if (pos === start) return false;
  }
  if (pos === end) return !needsPort;
  return buf[pos] === COLON && isPort(buf, pos + 1, end);
}

/** Hexadecimal digits, colons and dots. */
function isAddressByte(c: number): boolean {
  return (c >= 46 && c <= 58 && c !== 47) || (c >= 65 && c <= 70) || (c >= 97 && c <= 102);
}

function isPort(buf: Uint8Array, start: number, end: number): boolean {
  if (end === start || end - start > MAX_PORT_DIGITS) return false;
  let port = 0;
  for (let i = start; i < end; i++) {
    const digit = (buf[i] as number) - 48;
    if (digit < 0 || digit > 9) return false;
    port = port * 10 + digit;
  }
  return port > 0 && port <= MAX_PORT;
}

/**
 * Whether the authority of a target and the value of a Host line name the same; true without a Host line
 * (`hostStart` is 0). The target of a CONNECT has a port that Host may lack.
 */
export function sameAuthority(
  buf: Uint8Array,
  start: number,
  end: number,
  hostStart: number,
  hostEnd: number,
  portMayLack: boolean,
): boolean {
  if (hostStart === 0) return true;
  const length = hostEnd - hostStart;
  if (length > end - start) return false;
  for (let i = 0; i < length; i++) {
    if (lowerCase(buf[start + i] as number) !== lowerCase(buf[hostStart + i] as number)) return false;
  }
  if (length === end - start) return true;
  return portMayLack && length > 0 && buf[start + length] === COLON && isPort(buf, start + length + 1, end);
}

function lowerCase(c: number): number {
  return c >= 65 && c <= 90 ? c | 0x20 : c;
}

/** Whether a text can stand as the target of a request line. */
export function isTarget(text: string): boolean {
  return TARGET_TEXT.test(text);
}

/** Whether a text can stand in a Host line; `''` can. */
export function isHostText(text: string): boolean {
  return HOST_TEXT.test(text);
}

const TARGET_TEXT = /^[\x21\x22\x24-\x7e]+$/;
const HOST_TEXT = /^[-._~!$&'()*+;=0-9A-Za-z:[\]]*$/;
