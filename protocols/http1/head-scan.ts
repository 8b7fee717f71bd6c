/**
 * What the scanner found in the last head: one table per thread, reused by every head.
 *
 * A head object that wants its line offsets checks `owner` and has its text scanned again when another head has taken
 * the table since (`Http1Headers`). All other fields are copied by whoever asked for the scan, before anything else runs.
 */

import { Reason } from '../../src/api/index.ts';

/** Integers per line: start and end of the name, start and end of the trimmed value, `Field` with `DROPPED`. */
export const STRIDE = 5;
export const NAME_END = 1;
export const VALUE_START = 2;
export const VALUE_END = 3;
export const FIELD = 4;
/** Set in the field slot of a line that concerns this connection only. */
export const DROPPED = 0x100;

/** What a scan returns instead of the position after the head. */
export const NEED_MORE = 0;
export const INVALID = -1;

const INITIAL_LINES = 128;

export class HeadScan {
  /** Offsets relative to the start of the head. The line after the last one starts at `fieldsEnd`. */
  lines: Int32Array = new Int32Array(INITIAL_LINES * STRIDE);
  /** The head object whose offsets these are. */
  owner: object | null = null;
  /** Lines, and how many of them are `DROPPED`. */
  count = 0;
  dropped = 0;
  /** The `nameBit` of every line is set: tells of most names that are not there that they are not. */
  names = 0;
  /** Where the head starts in the buffer (an empty line may stand before a request). */
  base = 0;
  /** Relative to `base`: first line, final empty line. */
  fieldsStart = 0;
  fieldsEnd = 0;
  /** Why the head was refused. */
  reason: Reason = Reason.BadRequest;

  /** 0 or 1: HTTP/1.x. */
  minor = 1;
  /** Of a response. */
  status = 0;
  /** Of a request, relative to `base`. */
  methodEnd = 0;
  targetStart = 0;
  targetEnd = 0;
  /** Host and port in the target (absolute form, CONNECT); 0, 0 when there are none. */
  authorityStart = 0;
  authorityEnd = 0;

  /** Index of the Host line, -1 without one. */
  hostLine = -1;
  /** Index of the Upgrade line; -1 without one, -2 when there are several. */
  upgradeLine = -1;
  /** -1 without Content-Length. */
  contentLength = -1;
  chunked = false;
  /** Options of Connection. */
  close = false;
  keepAlive = false;
  upgradeOption = false;
  /** Other names that Connection lists. */
  readonly nominated: string[] = [];

  /** How many scans there have been: lets tests measure work without a clock. */
  scans = 0;

  resetFields(): void {
    this.owner = null;
    this.count = 0;
    this.dropped = 0;
    this.hostLine = -1;
    this.upgradeLine = -1;
    this.contentLength = -1;
    this.chunked = false;
    this.close = false;
    this.keepAlive = false;
    this.upgradeOption = false;
    if (this.nominated.length > 0) this.nominated.length = 0;
    this.scans++;
  }

  /** Makes room for `count` lines and the one after them. */
  reserve(count: number): void {
    const size = (count + 1) * STRIDE;
    if (size > this.lines.length) this.lines = new Int32Array(Math.ceil(size));
  }

  fail(reason: Reason): typeof INVALID {
    this.reason = reason;
    return INVALID;
  }
}

/** Which of 32 bits stands for a name of this length that begins with `first`, in either case. */
export function nameBit(length: number, first: number): number {
  return (length + (first | 0x20)) & 31;
}

export const scan = new HeadScan();
