/**
 * Turns what a configuration file says into the typed value that the code works with, in one walk: folds the case of
 * keys, fills defaults, parses durations, and notes everything that is wrong.
 *
 * The rules are those by which MOSN (Go's `encoding/json`) reads: a key belongs to the field of that exact name, else
 * to the field that differs in case only; the last duplicate wins; `null` leaves a field as if it were not there. Keys
 * of maps are data and stay as they are.
 */

import type { Schema } from '../api/schema.ts';
import { parseDuration } from './duration.ts';
import { foldKey } from './key-fold.ts';
import { mosnType } from './mosn-types.ts';
import type { Path, Problem } from './problem.ts';
import { regexError } from './regex.ts';
import type { SchemaRegistry } from './registry.ts';
import { suggest } from './suggest.ts';
import { describe, expectation, isInRange, jsonType, nearestValue } from './wording.ts';

export interface Validation<T> {
  /** Of type `T` when no problem is an error. */
  readonly value: T;
  readonly problems: Problem[];
  /** Every registered block that is free of errors. */
  readonly blocks: Block[];
}

/** The configuration of one registered type, and where it stands. */
export interface Block {
  readonly registry: string;
  readonly type: string;
  readonly config: unknown;
  readonly path: Path;
}

export interface ValidateOptions {
  /** Unknown keys are errors. */
  strict?: boolean;
  /** Where `value` stands in its document; put before all paths. */
  path?: Path;
}

/** Validates a value; never stops at the first problem. */
export function validate<T>(
  schema: Schema<T>,
  value: unknown,
  registry: SchemaRegistry,
  options: ValidateOptions = {},
): Validation<T> {
  const walk = new Walk(registry, options);
  const result = walk.visit(schema, value ?? zeroValue(schema));
  return { value: result as T, problems: walk.problems, blocks: walk.blocks };
}

/** Stands for a block that is left out of the list or map that held it. */
const SKIP = Symbol('skip');

type Values = Record<string, unknown>;

class Walk {
  readonly problems: Problem[] = [];
  readonly blocks: Block[] = [];
  readonly #registry: SchemaRegistry;
  readonly #strict: boolean;
  readonly #path: (string | number)[];

  constructor(registry: SchemaRegistry, { strict = false, path = [] }: ValidateOptions) {
    this.#registry = registry;
    this.#strict = strict;
    this.#path = [...path];
  }

  /** Returns the value as its schema has it; undefined (and a problem noted) when it does not fit. */
  visit(schema: Schema, value: unknown): unknown {
    if (schema.anyOf !== undefined) return this.#union(schema, schema.anyOf, value);
    if (schema.format === 'duration') return this.#duration(value);
    switch (schema.type) {
      case undefined:
        return value;
      case 'object':
        if (!isObject(value)) break;
        if (schema['x-weft-map']) return this.#map(schema, value);
        if (schema['x-weft-registry'] !== undefined) return this.#registered(schema, value);
        return this.#struct(schema, value);
      case 'array':
        if (!Array.isArray(value)) break;
        return this.#list(schema, value);
      case 'string':
        if (typeof value !== 'string') break;
        return this.#string(schema, value);
      case 'integer':
      case 'number':
        if (typeof value !== 'number' || !isInRange(schema, value)) break;
        return value;
      case 'boolean':
        if (typeof value !== 'boolean') break;
        return value;
      default:
        throw new Error(`schema type ${schema.type} is not known`);
    }
    return this.#mismatch(expectation(schema), value, nearestValue(schema, value));
  }

  #struct(schema: Schema, value: Values): Values {
    const { exact, folded } = fieldsOf(schema);
    const result: Values = {};
    const spelling = new Map<string, string>();
    for (const key of Object.keys(value)) {
      const name = exact.has(key) ? key : folded.get(foldKey(key));
      if (name === undefined) {
        this.#unknownKey(key, exact.keys());
        continue;
      }
      if (value[key] === null) continue;
      const earlier = spelling.get(name);
      if (earlier !== undefined) {
        this.#at(key, () => this.#note('warning', `overrides ${JSON.stringify(earlier)}, which is the same key`, true));
      }
      spelling.set(name, key);
      const field = exact.get(name) as Schema;
      result[name] = this.#at(name, () => this.#supported(field, value[key]));
    }
    for (const [name, field] of exact) {
      if (spelling.has(name)) continue;
      if (schema.required?.includes(name)) {
        this.#at(name, () => this.#note('error', `is missing, expected ${expectation(field)}`));
      } else if (field.default !== undefined) {
        result[name] = this.#at(name, () => this.#defaultOf(field));
      }
    }
    return result;
  }

  /** A field by its support: what Weft does not do is said, unless the value means "off" anyway. */
  #supported(field: Schema, value: unknown): unknown {
    const result = this.visit(field, value);
    const support = field['x-weft-support'];
    if (support !== 'planned' && support !== 'refused') return result;
    if (result === undefined || isZero(value) || field.isInactive?.(result)) return result;
    const missing = `${field.enum === undefined ? '' : `${JSON.stringify(result)} `}is not implemented yet`;
    if (support === 'planned') this.#note('warning', `${missing} and has no effect`, true);
    else this.#note('error', `${missing}; ignoring it would change security or destination`, true);
    return result;
  }

  #defaultOf(field: Schema): unknown {
    // The keys of an absent struct have defaults of their own.
    if (field.type === 'object' && !field['x-weft-map']) return this.visit(field, field.default);
    return typeof field.default === 'object' ? structuredClone(field.default) : field.default;
  }

  #unknownKey(key: string, names: Iterable<string>): void {
    const near = suggest(key, names);
    this.#at(key, () =>
      this.#note(this.#strict ? 'error' : 'warning', 'unknown key', true, near && JSON.stringify(near)),
    );
  }

  #map(schema: Schema, value: Values): Values {
    const registry = schema['x-weft-registry'];
    const entries: [string, unknown][] = [];
    for (const key of Object.keys(value)) {
      const result = this.#at(key, () => {
        if (registry !== undefined) return this.#block(registry, key, value[key] ?? {}, true);
        return this.#item(schema.additionalProperties as Schema, value[key]);
      });
      if (result !== SKIP) entries.push([key, result]);
    }
    return Object.fromEntries(entries);
  }

  #list(schema: Schema, value: unknown[]): unknown[] {
    const { minItems = 0, maxItems = Number.POSITIVE_INFINITY } = schema;
    if (value.length < minItems || value.length > maxItems) {
      const count = minItems === maxItems ? `exactly ${minItems}` : `${minItems} to ${maxItems}`;
      const noun = maxItems === 1 ? 'entry' : 'entries';
      this.#mismatch(`${count} ${noun}`, value, undefined, `${value.length}`);
    }
    const items = schema.items as Schema;
    return value.map((item, i) => this.#at(i, () => this.#item(items, item))).filter((item) => item !== SKIP);
  }

  #item(schema: Schema, value: unknown): unknown {
    return this.visit(schema, value ?? zeroValue(schema));
  }

  /** A `{type, config}` block. */
  #registered(schema: Schema, value: Values): unknown {
    const before = this.problems.length;
    const block = this.#struct(schema, value);
    if (this.problems.slice(before).some(({ severity }) => severity === 'error')) return undefined;
    const type = block['type'] as string;
    const config = this.#block(schema['x-weft-registry'] as string, type, block['config'] ?? {}, false);
    return config === SKIP ? SKIP : { ...block, config };
  }

  /** The configuration of one registered type. The path leads to the block, or (`keyed`) to the configuration itself. */
  #block(registry: string, type: string, config: unknown, keyed: boolean): unknown {
    const entry = this.#registry.get(registry, type);
    if (entry === undefined) return this.#unknownType(registry, type, keyed);
    if (!keyed) this.#path.push('config');
    const before = this.problems.length;
    const result = this.visit(entry.config, config);
    if (!this.problems.slice(before).some(({ severity }) => severity === 'error')) {
      for (const { severity = 'error', path, message } of entry.check?.(result) ?? []) {
        this.problems.push({ severity, path: [...this.#path, ...path], message });
      }
      this.blocks.push({ registry, type, config: result, path: [...this.#path] });
    }
    if (!keyed) this.#path.pop();
    return result;
  }

  #unknownType(registry: string, type: string, keyed: boolean): unknown {
    const what = `${registry.replaceAll('_', ' ')} ${JSON.stringify(type)}`;
    const report = (): unknown => {
      const known = mosnType(registry, type);
      if (known === 'dead') {
        this.#note('warning', `${what} has no effect in MOSN either and is skipped`, keyed);
        return SKIP;
      }
      const names = this.#registry.types(registry).map((block) => block.type);
      const near = known === undefined ? suggest(type, names) : undefined;
      const message = known === 'planned' ? `${what} is not implemented yet` : `unknown ${what}`;
      this.#note('error', message, keyed, near && JSON.stringify(near));
      return undefined;
    };
    return keyed ? report() : this.#at('type', report);
  }

  /** The first shape that accepts the value; else the complaint of the shape that is of its type. */
  #union(schema: Schema, shapes: readonly Schema[], value: unknown): unknown {
    const before = this.problems.length;
    let nearest: Problem[] | undefined;
    for (const shape of shapes) {
      const blocks = this.blocks.length;
      const result = this.visit(shape, value);
      const noted = this.problems.splice(before);
      if (!noted.some(({ severity }) => severity === 'error')) {
        this.problems.push(...noted);
        return result;
      }
      this.blocks.length = blocks;
      if (shape.type === jsonType(value)) nearest ??= noted;
    }
    if (nearest !== undefined) this.problems.push(...nearest);
    else this.#mismatch(expectation(schema), value);
    return undefined;
  }

  #duration(value: unknown): number | undefined {
    const ms = typeof value === 'string' ? parseDuration(value) : value === 0 ? 0 : undefined;
    if (ms !== undefined) return ms;
    const text = String(value);
    const unitMissing = /^\d+$/.test(text);
    const fault = unitMissing ? ' (the unit is missing)' : '';
    return this.#mismatch(
      'duration such as "1m30s" or "100ms"',
      value,
      unitMissing ? `"${text}s"` : undefined,
      undefined,
      fault,
    );
  }

  #string(schema: Schema, value: string): string | undefined {
    if (schema.enum !== undefined && !schema.enum.includes(value)) {
      return this.#mismatch(expectation(schema), value, nearestValue(schema, value));
    }
    if (value.length < (schema.minLength ?? 0)) return this.#mismatch('non-empty string', value);
    if (schema.format === 're2') {
      const fault = regexError(value);
      if (fault !== undefined)
        return this.#mismatch('regular expression in RE2 syntax', value, undefined, undefined, ` (${fault})`);
    }
    return value;
  }

  #mismatch(expected: string, value: unknown, suggestion?: string, found = describe(value), fault = ''): undefined {
    const message = `expected ${expected}, found ${found}${fault}`;
    this.problems.push({
      severity: 'error',
      path: [...this.#path],
      message,
      found,
      expected,
      ...(suggestion !== undefined && { suggestion }),
    });
  }

  #note(severity: Problem['severity'], message: string, atKey = false, suggestion?: string): void {
    this.problems.push({
      severity,
      path: [...this.#path],
      message,
      ...(atKey && { atKey }),
      ...(suggestion !== undefined && { suggestion }),
    });
  }

  #at<T>(step: string | number, action: () => T): T {
    this.#path.push(step);
    const result = action();
    this.#path.pop();
    return result;
  }
}

interface Fields {
  readonly exact: ReadonlyMap<string, Schema>;
  /** Folded spelling → name. */
  readonly folded: ReadonlyMap<string, string>;
}

const fieldTables = new WeakMap<Schema, Fields>();

function fieldsOf(schema: Schema): Fields {
  let fields = fieldTables.get(schema);
  if (fields === undefined) {
    const exact = new Map(Object.entries(schema.properties ?? {}));
    const folded = new Map([...exact.keys()].map((name) => [foldKey(name), name]));
    fields = { exact, folded };
    fieldTables.set(schema, fields);
  }
  return fields;
}

/** What Go has where nothing was given. */
function zeroValue(schema: Schema): unknown {
  if (schema.format === 'duration') return 0;
  switch (schema.type) {
    case 'object':
      return {};
    case 'array':
      return [];
    case 'string':
      return '';
    case 'integer':
    case 'number':
      return 0;
    case 'boolean':
      return false;
    default:
      return null;
  }
}

/** The value that an absent key would have in MOSN. */
function isZero(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return Object.keys(value).length === 0;
  return !value;
}

function isObject(value: unknown): value is Values {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
