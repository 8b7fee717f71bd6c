/** How the validator speaks of values and of what it expects. */

import type { Schema } from '../api/schema.ts';
import { suggest } from './suggest.ts';

/** Tells whether a number is of a schema's type and within its bounds. */
export function isInRange(schema: Schema, value: number): boolean {
  if (schema.type === 'integer' ? !Number.isSafeInteger(value) : !Number.isFinite(value)) return false;
  return value >= (schema.minimum ?? value) && value <= (schema.maximum ?? value);
}

/** The JSON type of a value. */
export function jsonType(value: unknown): string {
  return value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value;
}

/** What a schema accepts, in words. */
export function expectation(schema: Schema): string {
  const { type, minimum, maximum } = schema;
  if (schema.anyOf !== undefined) return schema.anyOf.map(expectation).join(' or ');
  if (schema.enum !== undefined) {
    const choices = schema.enum.filter((value) => value !== ''); // '' is as if absent
    return `one of ${choices.map((value) => JSON.stringify(value)).join(', ')}`;
  }
  if (schema.format === 'duration') return 'duration';
  if (schema['x-weft-registry'] !== undefined && !schema['x-weft-map']) return 'object with a "type"';
  if (minimum !== undefined && maximum !== undefined) return `${type} from ${minimum} to ${maximum}`;
  if (minimum !== undefined) return `${type} ≥ ${minimum}`;
  return typeof type === 'string' ? type : 'value';
}

const LONGEST_SHOWN = 60;

/** A value in words. */
export function describe(value: unknown): string {
  if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') return jsonType(value);
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return `${typeof value} ${text.length > LONGEST_SHOWN ? `${text.slice(0, LONGEST_SHOWN)}…` : text}`;
}

const YES_OR_NO: ReadonlyMap<string, string> = new Map([
  ['true', 'true'],
  ['yes', 'true'],
  ['on', 'true'],
  ['false', 'false'],
  ['no', 'false'],
  ['off', 'false'],
]);

/** A value of the right type that somebody who wrote this text may have meant. */
export function nearestValue(schema: Schema, value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined;
  if (schema.enum !== undefined) {
    const near = suggest(value, schema.enum as readonly string[]);
    return near && JSON.stringify(near);
  }
  if (schema.type === 'boolean') return YES_OR_NO.get(value.toLowerCase());
  const isNumber = schema.type === 'integer' || schema.type === 'number';
  return isNumber && value.trim() !== '' && isInRange(schema, Number(value)) ? String(Number(value)) : undefined;
}
