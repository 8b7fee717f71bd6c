/**
 * Scans message heads (RFC 9112, sections 2–4): start line here, lines by `field-scanner.ts`, then what only a whole head
 * can tell. Bytes are judged in order, then known fields in order, then the head: how the bytes were cut plays no part.
 */

import { Reason } from '../../src/api/index.ts';
import { CR, isText, LF, SLASH, SP, STAR, TARGET, TOKEN, VALUE } from './chars.ts';
import { Section, scanFields } from './field-scanner.ts';
import { INVALID, NEED_MORE, STRIDE, scan, VALUE_END, VALUE_START } from './head-scan.ts';
import { isAuthority, sameAuthority } from './target.ts';

/** Bounds of a head. */
export interface HeadLimits {
  /** Bytes, empty line included. */
  readonly max_header_size: number;
  readonly max_headers: number;
}

/**
 * Scans a request head at `start`; one empty line before it is tolerated (RFC 9112, section 2.2).
 *
 * @returns position after the head, `NEED_MORE`, or `INVALID` with `scan.reason` (400, 414, 431, 501, 505)
 */
export function scanRequest(buf: Buffer, start: number, end: number, limits: HeadLimits): number {
  const limit = Math.min(end, start + limits.max_header_size);
  let pos = start;
  if (buf[pos] === CR) {
    if (pos + 1 === limit) return incomplete(start, limit, limits, Reason.UriTooLong);
    if (buf[pos + 1] !== LF) return scan.fail(Reason.BadRequest);
    pos += 2;
  }
  const base = pos;
  scan.base = base;
  while (pos < limit && TOKEN[buf[pos] as number] !== 0) pos++;
  if (pos === limit) return incomplete(start, limit, limits, Reason.UriTooLong);
  if (buf[pos] !== SP || pos === base) return scan.fail(Reason.BadRequest);
  const methodEnd = pos++;
  const targetStart = pos;
  while (pos < limit && TARGET[buf[pos] as number] !== 0) pos++;
  if (pos === limit) return incomplete(start, limit, limits, Reason.UriTooLong);
  if (buf[pos] !== SP || pos === targetStart) return scan.fail(Reason.BadRequest);
  const targetEnd = pos++;
  pos = scanVersion(buf, pos, limit);
  if (pos > 0) pos = scanLineEnd(buf, pos, limit);
  if (pos === NEED_MORE) return incomplete(start, limit, limits, Reason.UriTooLong);
  if (pos === INVALID) return INVALID;
  pos = scanFields(buf, pos, limit, limits.max_headers, Section.Request);
  if (pos === NEED_MORE) return incomplete(start, limit, limits, Reason.HeadersTooLarge);
  if (pos === INVALID) return INVALID;
  scan.methodEnd = methodEnd - base;
  scan.targetStart = targetStart - base;
  scan.targetEnd = targetEnd - base;
  return checkRequest(buf) ? pos : scan.fail(Reason.BadRequest);
}

/**
 * Scans a response head at `start`.
 *
 * @returns position after the head, `NEED_MORE`, or `INVALID`
 */
export function scanResponse(buf: Buffer, start: number, end: number, limits: HeadLimits): number {
  const limit = Math.min(end, start + limits.max_header_size);
  scan.base = start;
  let pos = scanVersion(buf, start, limit);
  if (pos > 0) pos = scanStatus(buf, pos, limit);
  if (pos > 0) pos = scanLineEnd(buf, pos, limit);
  if (pos > 0) pos = scanFields(buf, pos, limit, limits.max_headers, Section.Response);
  if (pos === NEED_MORE) return incomplete(start, limit, limits, Reason.HeadersTooLarge);
  if (pos > 0 && scan.chunked && (scan.contentLength >= 0 || scan.minor === 0)) return scan.fail(Reason.BadRequest);
  return pos;
}

/** The head does not end before `limit`: too large, or more is to come. */
function incomplete(start: number, limit: number, limits: HeadLimits, tooLarge: Reason): number {
  return limit - start >= limits.max_header_size ? scan.fail(tooLarge) : NEED_MORE;
}

const VERSION = Buffer.from('HTTP/');

/** `HTTP/1.0` or `HTTP/1.1`; any other well-formed version is 505. */
function scanVersion(buf: Buffer, start: number, limit: number): number {
  if (start + 8 <= limit && isHttp1(buf, start)) {
    scan.minor = (buf[start + 7] as number) - 48;
    if (scan.minor === 0 || scan.minor === 1) return start + 8;
  }
  let pos = start;
  for (let i = 0; i < VERSION.length; i++, pos++) {
    if (pos === limit) return NEED_MORE;
    if (buf[pos] !== VERSION[i]) return scan.fail(Reason.BadRequest);
  }
  if (limit - pos < 3) return checkDigits(buf, pos, limit) ? NEED_MORE : scan.fail(Reason.BadRequest);
  const major = (buf[pos] as number) - 48;
  const minor = (buf[pos + 2] as number) - 48;
  if (!checkDigits(buf, pos, pos + 3)) return scan.fail(Reason.BadRequest);
  if (major !== 1 || minor > 1) return scan.fail(Reason.VersionNotSupported);
  scan.minor = minor;
  return pos + 3;
}

/** `HTTP/1.`, without a loop: it stands in every head. */
function isHttp1(buf: Buffer, at: number): boolean {
  return (
    buf[at] === 72 &&
    buf[at + 1] === 84 &&
    buf[at + 2] === 84 &&
    buf[at + 3] === 80 &&
    buf[at + 4] === SLASH &&
    buf[at + 5] === 49 &&
    buf[at + 6] === 46
  );
}

/** Whether `start` … `limit` is the beginning of DIGIT "." DIGIT. */
function checkDigits(buf: Buffer, start: number, limit: number): boolean {
  for (let i = start; i < limit; i++) {
    const c = buf[i] as number;
    if (i === start + 1 ? c !== 46 : c < 48 || c > 57) return false;
  }
  return true;
}

/** SP 3DIGIT [ SP reason-phrase ], up to the end of the line; the space is often left out with the phrase. */
function scanStatus(buf: Buffer, start: number, limit: number): number {
  if (start === limit) return NEED_MORE;
  if (buf[start] !== SP) return scan.fail(Reason.BadRequest);
  let status = 0;
  let pos = start + 1;
  for (const end = pos + 3; pos < end; pos++) {
    if (pos === limit) return NEED_MORE;
    const digit = (buf[pos] as number) - 48;
    if (digit < 0 || digit > 9) return scan.fail(Reason.BadRequest);
    status = status * 10 + digit;
  }
  if (status < 100) return scan.fail(Reason.BadRequest);
  scan.status = status;
  if (pos === limit) return NEED_MORE;
  if (buf[pos] === SP) {
    while (pos < limit && VALUE[buf[pos] as number] !== 0) pos++;
  }
  return pos;
}

function scanLineEnd(buf: Buffer, pos: number, limit: number): number {
  if (pos === limit) return NEED_MORE;
  if (buf[pos] !== CR) return scan.fail(Reason.BadRequest);
  if (pos + 1 === limit) return NEED_MORE;
  return buf[pos + 1] === LF ? pos + 2 : scan.fail(Reason.BadRequest);
}

/** Framing, Host and the form of the target (RFC 9112, sections 3.2 and 6.3). */
function checkRequest(buf: Buffer): boolean {
  if (scan.chunked && (scan.contentLength >= 0 || scan.minor === 0)) return false;
  const base = scan.base;
  let hostStart = 0;
  let hostEnd = 0;
  if (scan.hostLine >= 0) {
    const at = scan.hostLine * STRIDE;
    hostStart = base + (scan.lines[at + VALUE_START] as number);
    hostEnd = base + (scan.lines[at + VALUE_END] as number);
    if (hostEnd > hostStart && !isAuthority(buf, hostStart, hostEnd, false)) return false;
  } else if (scan.minor === 1) {
    return false;
  }
  const start = base + scan.targetStart;
  const end = base + scan.targetEnd;
  const isConnect = isMethod(buf, 'CONNECT');
  scan.authorityStart = scan.authorityEnd = 0;
  if (buf[start] === SLASH && !isConnect) return true;
  if (isConnect) {
    // What follows it is the tunnel's (RFC 9110, section 9.3.6).
    if (scan.chunked || scan.contentLength > 0) return false;
    scan.authorityStart = scan.targetStart;
    scan.authorityEnd = scan.targetEnd;
    return isAuthority(buf, start, end, true) && sameAuthority(buf, start, end, hostStart, hostEnd, true);
  }
  if (buf[start] === STAR) return end - start === 1 && isMethod(buf, 'OPTIONS');
  const authority = afterScheme(buf, start, end);
  if (authority === 0) return false;
  let authorityEnd = authority;
  while (authorityEnd < end && buf[authorityEnd] !== SLASH && buf[authorityEnd] !== QUESTION) authorityEnd++;
  scan.authorityStart = authority - base;
  scan.authorityEnd = authorityEnd - base;
  return (
    isAuthority(buf, authority, authorityEnd, false) &&
    sameAuthority(buf, authority, authorityEnd, hostStart, hostEnd, false)
  );
}

const QUESTION = 63;

function isMethod(buf: Buffer, method: string): boolean {
  if (scan.methodEnd !== method.length) return false;
  for (let i = 0; i < method.length; i++) if (buf[scan.base + i] !== method.charCodeAt(i)) return false;
  return true;
}

const SCHEMES = [Buffer.from('http://'), Buffer.from('https://')];

/** Position after `http://` or `https://`, 0 for any other scheme. */
function afterScheme(buf: Buffer, start: number, end: number): number {
  for (const scheme of SCHEMES) {
    const after = start + scheme.length;
    if (after < end && isText(buf, start, after, scheme)) return after;
  }
  return 0;
}
