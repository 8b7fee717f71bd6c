/** Values that come from inside: what may leave in a header line. */

import { checkHeader } from '../../src/api/index.ts';

const BEYOND_LATIN1 = /[\u0100-\uffff]/;

/**
 * A value as the connection writes it, one byte per character: text beyond Latin-1 becomes its UTF-8 bytes. Written as
 * it is, U+010A would leave as a line feed.
 */
export function fieldValue(value: string): string {
  return BEYOND_LATIN1.test(value) ? Buffer.from(value, 'utf8').toString('latin1') : value;
}

/** Checks a line of a head of another kind and gives its value as it is written. */
export function checkedValue(name: string, value: string): string {
  checkHeader(name, value);
  return fieldValue(value);
}
