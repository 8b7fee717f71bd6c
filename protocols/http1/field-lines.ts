/**
 * Header lines of a head that was read: the head string, offsets on demand, and what was changed.
 *
 * The offsets live in the table of the last scan (`head-scan.ts`); when another head has taken it the text is scanned
 * again. Changes are a list of line numbers that are cut and a list of lines that are added, so that everything else
 * leaves as it came, in runs.
 */

import { checkHeader, type Headers } from '../../src/api/index.ts';
import { COLON, HTAB, SP } from './chars.ts';
import { Field, fieldOf, isHopByHop } from './field-names.ts';
import { type Section, scanFields } from './field-scanner.ts';
import { fieldValue } from './field-value.ts';
import { DROPPED, FIELD, NAME_END, nameBit, STRIDE, scan, VALUE_END, VALUE_START } from './head-scan.ts';

export abstract class FieldLines implements Headers {
  /** The head as it came, from its start line to its empty line. */
  readonly text: string;
  readonly #section: Section;
  readonly #fieldsStart: number;
  readonly #fieldsEnd: number;
  readonly #count: number;
  /** Lines that concern one connection only: neither seen nor forwarded. */
  readonly #dropped: number;
  /** Connection lists names beyond the well-known ones: what is dropped is only in the table. */
  readonly #nominates: boolean;
  readonly #names: number;
  #length: number;
  /** Numbers of the lines that were removed. */
  #cut: number[] | null = null;
  /** name, value, name, value, … */
  #added: string[] | null = null;

  /** Takes over the last scan, whose head is `text`. */
  constructor(text: string, section: Section, contentLength: number) {
    this.text = text;
    this.#section = section;
    this.#fieldsStart = scan.fieldsStart;
    this.#fieldsEnd = scan.fieldsEnd;
    this.#count = scan.count;
    this.#dropped = scan.dropped;
    this.#names = scan.names;
    this.#nominates = scan.nominated.length > 0;
    this.#length = contentLength;
    scan.owner = this;
  }

  get contentLength(): number {
    return this.#length;
  }

  set contentLength(length: number) {
    if (length === this.#length) return;
    this.#length = length;
    this.#removeLines('content-length');
    if (length >= 0) this.#add('content-length', String(length));
  }

  get(name: string): string | undefined {
    if (scan.owner === this || this.#nominates || isHopByHop(fieldOf(name))) {
      const line = this.#find(name, 0);
      if (line >= 0) return this.#value(line);
    } else {
      const value = this.#searchText(name);
      if (value !== undefined) return value;
    }
    const added = this.#added;
    if (added !== null) {
      for (let i = 0; i < added.length; i += 2) if (isSpelt(added[i] as string, name)) return added[i + 1];
    }
    return undefined;
  }

  getAll(name: string): string[] {
    const values: string[] = [];
    for (let line = this.#find(name, 0); line >= 0; line = this.#find(name, line + 1)) values.push(this.#value(line));
    const added = this.#added;
    if (added !== null) {
      for (let i = 0; i < added.length; i += 2) {
        if (isSpelt(added[i] as string, name)) values.push(added[i + 1] as string);
      }
    }
    return values;
  }

  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  /** The new line stands at the end, spelt as the first one of this name was. Hop-by-hop names are ignored. */
  set(name: string, value: string): void {
    checkHeader(name, value);
    const field = fieldOf(name);
    if (isHopByHop(field)) return;
    if (field === Field.ContentLength) this.contentLength = readLength(value);
    else this.#add(this.#removeLines(name) ?? name, fieldValue(value));
  }

  append(name: string, value: string): void {
    checkHeader(name, value);
    const field = fieldOf(name);
    if (isHopByHop(field)) return;
    if (field === Field.ContentLength) this.contentLength = readLength(value);
    else this.#add(name, fieldValue(value));
  }

  remove(name: string): void {
    if (fieldOf(name) === Field.ContentLength) this.contentLength = -1;
    this.#removeLines(name);
  }

  removePrefixed(prefix: string): void {
    const text = this.text;
    const lines = this.#lines();
    const first = prefix.charCodeAt(0) | 0x20;
    for (let i = 0; i < this.#count; i++) {
      const start = lines[i * STRIDE] as number;
      if ((text.charCodeAt(start) | 0x20) === first && matches(text, start, prefix) && this.#isSeen(lines, i)) {
        this.#cutLine(i);
      }
    }
    const added = this.#added;
    if (added === null) return;
    for (let i = added.length - 2; i >= 0; i -= 2) {
      if (matches(added[i] as string, 0, prefix)) added.splice(i, 2);
    }
  }

  forEach(visit: (name: string, value: string) => void): void {
    for (let i = 0; i < this.#count; i++) {
      // Asked for anew each time: the visitor may have another head scanned.
      const lines = this.#lines();
      if (!this.#isSeen(lines, i)) continue;
      const at = i * STRIDE;
      visit(this.text.slice(lines[at] as number, lines[at + NAME_END] as number), this.#value(i));
    }
    const added = this.#added;
    if (added === null) return;
    for (let i = 0, end = added.length; i < end; i += 2) visit(added[i] as string, added[i + 1] as string);
  }

  /**
   * The lines as they go out, each with its line end.
   *
   * @param withStart whether the start line as it came stands before them
   * @param keepLength whether Content-Length is among them
   */
  write(withStart: boolean, keepLength: boolean): string {
    const text = this.text;
    let run = withStart ? 0 : this.#fieldsStart;
    let out = '';
    if (this.#dropped > 0 || this.#cut !== null || !(keepLength || this.#length < 0)) {
      const lines = this.#lines();
      for (let i = 0; i < this.#count; i++) {
        const at = i * STRIDE;
        if (this.#isSeen(lines, i) && (keepLength || lines[at + FIELD] !== Field.ContentLength)) continue;
        if (run < (lines[at] as number)) out += text.slice(run, lines[at]);
        run = lines[at + STRIDE] as number;
      }
    }
    if (run < this.#fieldsEnd) out += text.slice(run, this.#fieldsEnd);
    const added = this.#added;
    if (added === null) return out;
    for (let i = 0; i < added.length; i += 2) {
      if (keepLength || added[i] !== 'content-length') out += `${added[i]}: ${added[i + 1]}\r\n`;
    }
    return out;
  }

  /** The first value of this name when the table belongs to another head: one look-up is not worth a scan. */
  #searchText(name: string): string | undefined {
    const text = this.text;
    let line = 0;
    for (let pos = this.#fieldsStart; pos < this.#fieldsEnd; line++) {
      const end = text.indexOf('\r\n', pos);
      const colon = pos + name.length;
      if (text.charCodeAt(colon) === COLON && matches(text, pos, name) && !this.#cut?.includes(line)) {
        return trimmed(text, colon + 1, end);
      }
      pos = end + 2;
    }
    return undefined;
  }

  /** The table with the offsets of this head. */
  #lines(): Int32Array {
    if (scan.owner !== this) {
      scanText(this.text, this.#fieldsStart, this.#count, this.#section);
      scan.owner = this;
    }
    return scan.lines;
  }

  #isSeen(lines: Int32Array, line: number): boolean {
    if (((lines[line * STRIDE + FIELD] as number) & DROPPED) !== 0) return false;
    return this.#cut === null || !this.#cut.includes(line);
  }

  /** Number of the first line of this name from `from` on, -1 without one. */
  #find(name: string, from: number): number {
    if (((this.#names >>> nameBit(name.length, name.charCodeAt(0))) & 1) === 0) return -1;
    const lines = this.#lines();
    for (let i = from; i < this.#count; i++) {
      const start = lines[i * STRIDE] as number;
      const length = (lines[i * STRIDE + NAME_END] as number) - start;
      if (length === name.length && matches(this.text, start, name) && this.#isSeen(lines, i)) return i;
    }
    return -1;
  }

  #value(line: number): string {
    const lines = this.#lines();
    const at = line * STRIDE;
    return this.text.slice(lines[at + VALUE_START], lines[at + VALUE_END]);
  }

  #cutLine(line: number): void {
    if (this.#cut === null) this.#cut = [line];
    else this.#cut.push(line);
  }

  #add(name: string, value: string): void {
    if (this.#added === null) this.#added = [name, value];
    else this.#added.push(name, value);
  }

  /** Removes every line of this name; returns how the first was spelt. */
  #removeLines(name: string): string | undefined {
    let spelt: string | undefined;
    for (let line = this.#find(name, 0); line >= 0; line = this.#find(name, line + 1)) {
      if (spelt === undefined) {
        const lines = this.#lines();
        spelt = this.text.slice(lines[line * STRIDE], lines[line * STRIDE + NAME_END]);
      }
      this.#cutLine(line);
    }
    const added = this.#added;
    if (added === null) return spelt;
    for (let i = added.length - 2; i >= 0; i -= 2) {
      if (isSpelt(added[i] as string, name)) {
        spelt ??= added[i];
        added.splice(i, 2);
      }
    }
    return spelt;
  }
}

/** Whether `text` has `lower` at `start`, without regard to case. */
function matches(text: string, start: number, lower: string): boolean {
  for (let i = 0; i < lower.length; i++) {
    const c = text.charCodeAt(start + i);
    if ((c >= 65 && c <= 90 ? c | 0x20 : c) !== lower.charCodeAt(i)) return false;
  }
  return true;
}

function isSpelt(spelt: string, lower: string): boolean {
  return spelt.length === lower.length && matches(spelt, 0, lower);
}

/** Without the white space around it (RFC 9110, section 5.5: SP and HTAB). */
function trimmed(text: string, from: number, to: number): string {
  let start = from;
  let end = to;
  while (start < end && isBlank(text.charCodeAt(start))) start++;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

function isBlank(c: number): boolean {
  return c === SP || c === HTAB;
}

const DIGITS = /^(?:0|[1-9]\d{0,15})$/;

function readLength(value: string): number {
  const length = Number(value);
  if (!DIGITS.test(value) || !Number.isSafeInteger(length))
    throw new TypeError('invalid value of header content-length');
  return length;
}

let scratch = Buffer.allocUnsafeSlow(4096);

/** Scans the lines of a head again that was found sound before. */
function scanText(text: string, fieldsStart: number, count: number, section: Section): void {
  if (scratch.length < text.length) scratch = Buffer.allocUnsafeSlow(text.length * 2);
  scratch.write(text, 'latin1');
  scan.base = 0;
  scanFields(scratch, fieldsStart, text.length, count, section);
}
