/**
 * The field names that the codec itself must know. First letter and length tell most other names apart; what
 * is left is compared whole, so that no chosen name can pass for another.
 */

import { isText } from './chars.ts';

export const Field = {
  Other: 0,
  Host: 1,
  ContentLength: 2,
  TransferEncoding: 3,
  Connection: 4,
  KeepAlive: 5,
  ProxyConnection: 6,
  Te: 7,
  Upgrade: 8,
  Http2Settings: 9,
  Cookie: 10,
  /** `content_length`, `transfer_encoding`: a peer that maps `_` to `-` would frame by them. */
  FramingTwin: 11,
} as const;
export type Field = (typeof Field)[keyof typeof Field];

const NAMES: readonly (readonly [string, Field])[] = [
  ['host', Field.Host],
  ['content-length', Field.ContentLength],
  ['transfer-encoding', Field.TransferEncoding],
  ['connection', Field.Connection],
  ['keep-alive', Field.KeepAlive],
  ['proxy-connection', Field.ProxyConnection],
  ['te', Field.Te],
  ['upgrade', Field.Upgrade],
  ['http2-settings', Field.Http2Settings],
  ['cookie', Field.Cookie],
  ['content_length', Field.FramingTwin],
  ['transfer_encoding', Field.FramingTwin],
];

export const LONGEST_NAME = 17;
const byName = new Map<string, Field>(NAMES);
/** By first byte: a bit for each length that a known name with this first letter has. It sorts most other names out. */
export const lengthsByFirst = new Int32Array(256);
/** By length: names, and their fields at the same places. */
const namesByLength: Buffer[][] = Array.from({ length: LONGEST_NAME + 1 }, () => []);
const fieldsByLength: Field[][] = Array.from({ length: LONGEST_NAME + 1 }, () => []);

for (const [name, field] of NAMES) {
  const first = name.charCodeAt(0);
  for (const c of [first, first & ~0x20]) lengthsByFirst[c] = (lengthsByFirst[c] as number) | (1 << name.length);
  namesByLength[name.length]?.push(Buffer.from(name));
  fieldsByLength[name.length]?.push(field);
}

/** Which field the token at `start` … `end` names; it is not longer than `LONGEST_NAME`. */
export function fieldAt(buf: Uint8Array, start: number, end: number): Field {
  const length = end - start;
  const names = namesByLength[length] as Buffer[];
  for (let k = 0; k < names.length; k++) {
    if (isText(buf, start, end, names[k] as Buffer)) return (fieldsByLength[length] as Field[])[k] as Field;
  }
  return Field.Other;
}

/** Which field a name in lower case is. */
export function fieldOf(lower: string): Field {
  return byName.get(lower) ?? Field.Other;
}

/** Fields that concern one connection (RFC 9110, section 7.6.1): the codec consumes and writes them itself. */
export function isHopByHop(field: Field): boolean {
  return field >= Field.TransferEncoding && field <= Field.Http2Settings;
}
