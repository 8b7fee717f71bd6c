/**
 * Scans header and trailer lines (RFC 9112, section 5) in one pass over the bytes, strictly: every byte that could make
 * another parser see other lines is refused. Also takes in the fields that decide on framing (section 6).
 */

import { Reason } from '../../src/api/index.ts';
import { COLON, COMMA, CR, HTAB, isText, LF, SP, TOKEN, VALUE } from './chars.ts';
import { dropNominated, readConnection } from './connection-options.ts';
import { Field, fieldAt, LONGEST_NAME, lengthsByFirst } from './field-names.ts';
import {
  DROPPED,
  FIELD,
  INVALID,
  NAME_END,
  NEED_MORE,
  nameBit,
  STRIDE,
  scan,
  VALUE_END,
  VALUE_START,
} from './head-scan.ts';

/** What the lines belong to. Trailers are never interpreted. */
export const Section = { Request: 0, Response: 1, Trailers: 2 } as const;
export type Section = (typeof Section)[keyof typeof Section];

const TRAILERS = Buffer.from('trailers');
const CHUNKED = Buffer.from('chunked');

/** Bytes: `A:` and a line end. */
const SHORTEST_LINE = 4;
/** Besides `INVALID`, from the loop: more lines than allowed. */
const TOO_MANY = -2;

/**
 * Fills the table with the lines from `start` on. `scan.base` must be set.
 *
 * @param limit where the bytes at hand end
 * @returns position after the final empty line, `NEED_MORE`, or `INVALID` with `scan.reason`
 */
export function scanFields(buf: Buffer, start: number, limit: number, maxLines: number, section: Section): number {
  scan.resetFields();
  scan.reserve(Math.min(maxLines, (limit - start) / SHORTEST_LINE));
  const end = scanLines(buf, start, limit, maxLines);
  if (end === NEED_MORE) return NEED_MORE;
  if (end < 0) return scan.fail(end === TOO_MANY ? Reason.HeadersTooLarge : Reason.BadRequest);
  scan.fieldsStart = start - scan.base;
  if (section === Section.Trailers) return end;
  if (!takeInFields(buf, section)) return INVALID;
  if (scan.nominated.length > 0) dropNominated(buf);
  return end;
}

/** The loop over the bytes. It calls nothing: that is worth a quarter of its time. */
function scanLines(buf: Buffer, start: number, limit: number, maxLines: number): number {
  const token = TOKEN;
  const value = VALUE;
  const lengths = lengthsByFirst;
  const base = scan.base;
  const lines = scan.lines;
  let count = 0;
  let names = 0;
  let pos = start;
  for (;;) {
    if (pos >= limit) return NEED_MORE;
    const nameStart = pos;
    if (buf[pos] === CR) break;
    while (pos < limit && token[buf[pos] as number] !== 0) pos++;
    if (pos === limit) return NEED_MORE;
    if (buf[pos] !== COLON || pos === nameStart) return INVALID;
    const nameEnd = pos++;
    while (pos < limit && (buf[pos] === SP || buf[pos] === HTAB)) pos++;
    const valueStart = pos;
    while (pos < limit && value[buf[pos] as number] !== 0) pos++;
    if (pos === limit) return NEED_MORE;
    if (buf[pos] !== CR) return INVALID;
    if (pos + 1 === limit) return NEED_MORE;
    if (buf[pos + 1] !== LF) return INVALID;
    let valueEnd = pos;
    while (valueEnd > valueStart && (buf[valueEnd - 1] === SP || buf[valueEnd - 1] === HTAB)) valueEnd--;
    if (count === maxLines) return TOO_MANY;
    const length = nameEnd - nameStart;
    const first = buf[nameStart] as number;
    const at = count * STRIDE;
    names |= 1 << nameBit(length, first);
    lines[at] = nameStart - base;
    lines[at + NAME_END] = nameEnd - base;
    lines[at + VALUE_START] = valueStart - base;
    lines[at + VALUE_END] = valueEnd - base;
    lines[at + FIELD] = length <= LONGEST_NAME ? ((lengths[first] as number) >> length) & 1 : 0;
    count++;
    pos += 2;
  }
  if (pos + 1 === limit) return NEED_MORE;
  if (buf[pos + 1] !== LF) return INVALID;
  scan.count = count;
  scan.names = names;
  scan.fieldsEnd = pos - base;
  lines[count * STRIDE] = pos - base;
  return pos + 2;
}

/** Takes in the lines that may be of a known field; false with `scan.reason` when one of them is refused. */
function takeInFields(buf: Buffer, section: Section): boolean {
  const { count, lines } = scan;
  for (let line = 0; line < count; line++) {
    const at = line * STRIDE + FIELD;
    if (lines[at] === 0) continue;
    const field = takeIn(buf, line, section);
    if (field === INVALID) return false;
    lines[at] = field;
  }
  return true;
}

/** Returns what to note of a line in the table, or `INVALID`. */
function takeIn(buf: Buffer, line: number, section: Section): number {
  const { base, lines } = scan;
  const at = line * STRIDE;
  const nameEnd = base + (lines[at + NAME_END] as number);
  const start = base + (lines[at + VALUE_START] as number);
  const end = base + (lines[at + VALUE_END] as number);
  const lineEnd = base + (lines[at + STRIDE] as number) - 2;
  const field = fieldAt(buf, base + (lines[at] as number), nameEnd);
  switch (field) {
    case Field.Other:
    case Field.Cookie:
      return field;
    case Field.Host:
      if (section === Section.Response) return field;
      if (scan.hostLine >= 0) return scan.fail(Reason.BadRequest);
      scan.hostLine = line;
      return field;
    case Field.ContentLength:
      if (scan.contentLength >= 0 || hasTab(buf, nameEnd, start, end, lineEnd)) return scan.fail(Reason.BadRequest);
      scan.contentLength = readLength(buf, start, end);
      return scan.contentLength < 0 ? scan.fail(Reason.BadRequest) : field;
    case Field.TransferEncoding:
      if (scan.chunked || hasTab(buf, nameEnd, start, end, lineEnd)) return scan.fail(Reason.BadRequest);
      if (!readTransferEncoding(buf, start, end)) return INVALID;
      break;
    case Field.Connection:
      if (!readConnection(buf, start, end)) return scan.fail(Reason.BadRequest);
      break;
    case Field.Upgrade:
      scan.upgradeLine = scan.upgradeLine === -1 ? line : -2;
      break;
    case Field.Te:
      // A promise to take trailers holds for the whole chain; every other coding for this hop only.
      if (isText(buf, start, end, TRAILERS)) return field;
      break;
    case Field.FramingTwin:
      return scan.fail(Reason.BadRequest);
    default:
      break;
  }
  scan.dropped++;
  return field | DROPPED;
}

/** A tab around a framing value: allowed by the grammar, read in two ways in the field. */
function hasTab(buf: Buffer, nameEnd: number, start: number, end: number, lineEnd: number): boolean {
  for (let i = nameEnd + 1; i < start; i++) if (buf[i] === HTAB) return true;
  for (let i = end; i < lineEnd; i++) if (buf[i] === HTAB) return true;
  return false;
}

const MAX_LENGTH_DIGITS = 16;

/** Reads a plain decimal number below 2^53 without leading zeros; -1 for anything else. */
function readLength(buf: Buffer, start: number, end: number): number {
  const digits = end - start;
  if (digits === 0 || digits > MAX_LENGTH_DIGITS || (digits > 1 && buf[start] === 48)) return -1;
  let length = 0;
  for (let i = start; i < end; i++) {
    const digit = (buf[i] as number) - 48;
    if (digit < 0 || digit > 9) return -1;
    length = length * 10 + digit;
  }
  return length <= Number.MAX_SAFE_INTEGER ? length : -1;
}

/**
 * `chunked` alone is understood. A well-formed list that ends in `chunked` is 501 (RFC 9112, section 6.1); all else
 * leaves the length in doubt and is refused (section 6.3).
 */
function readTransferEncoding(buf: Buffer, start: number, end: number): boolean {
  if (isText(buf, start, end, CHUNKED)) {
    scan.chunked = true;
    return true;
  }
  scan.reason = Reason.BadRequest;
  let element = start;
  let elements = 0;
  for (let i = start; i <= end; i++) {
    if (i < end && buf[i] !== COMMA) continue;
    while (buf[element] === SP) element++;
    const isChunked = isText(buf, element, i, CHUNKED);
    if (isChunked !== (i === end) || !isCoding(buf, element, i)) return false;
    elements++;
    element = i + 1;
  }
  if (elements > 1) scan.reason = Reason.NotImplemented;
  return false;
}

function isCoding(buf: Buffer, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (TOKEN[buf[i] as number] === 0) return false;
  return end > start;
}
