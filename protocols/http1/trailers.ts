/** Trailers (RFC 9110, section 6.5): read into a plain list, because they are rare; never merged into the head. */

import { HeaderList, type Headers, Reason } from '../../src/api/index.ts';
import { Section, scanFields } from './field-scanner.ts';
import { NAME_END, NEED_MORE, STRIDE, scan, VALUE_END, VALUE_START } from './head-scan.ts';
import { isHeadOnly } from './protected-names.ts';

/** Bounds of the trailers of one message. */
export interface TrailerLimits {
  readonly max_trailer_size: number;
  readonly max_trailers: number;
}

/** Scans the lines after the last chunk; returns as `scanFields`. */
export function scanTrailers(buf: Buffer, start: number, end: number, limits: TrailerLimits): number {
  const limit = Math.min(end, start + limits.max_trailer_size);
  scan.base = start;
  const after = scanFields(buf, start, limit, limits.max_trailers, Section.Trailers);
  if (after === NEED_MORE && limit - start >= limits.max_trailer_size) return scan.fail(Reason.HeadersTooLarge);
  return after;
}

/** The trailers just scanned, without those that belong in a head; undefined when none is left. */
export function readTrailers(buf: Buffer): Headers | undefined {
  let trailers: HeaderList | undefined;
  const lines = scan.lines;
  const base = scan.base;
  for (let i = 0; i < scan.count; i++) {
    const at = i * STRIDE;
    const name = buf.toString('latin1', base + (lines[at] as number), base + (lines[at + NAME_END] as number));
    if (isHeadOnly(name.toLowerCase())) continue;
    const valueStart = base + (lines[at + VALUE_START] as number);
    trailers ??= new HeaderList();
    trailers.append(name, buf.toString('latin1', valueStart, base + (lines[at + VALUE_END] as number)));
  }
  return trailers;
}
