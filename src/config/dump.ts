/** A validated configuration as a file would say it: what validation parsed is written out again. */

import type { Schema } from '../api/schema.ts';
import { formatDuration } from './duration.ts';
import type { SchemaRegistry } from './registry.ts';

/** Turns a value that passed `validate` with this schema into JSON data that passes it again. */
export function dump(schema: Schema, value: unknown, registry: SchemaRegistry): unknown {
  if (schema.format === 'duration') return typeof value === 'number' ? formatDuration(value) : value;
  if (Array.isArray(value)) return value.map((item) => dump(schema.items ?? {}, item, registry));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value);
  return Object.fromEntries(
    entries.map(([key, item]) => [key, dump(memberSchema(schema, value, key, registry), item, registry)]),
  );
}

/** The schema of one member of an object; the empty one, which leaves values alone, where there is none. */
function memberSchema(schema: Schema, value: object, key: string, registry: SchemaRegistry): Schema {
  const blocks = schema['x-weft-registry'];
  if (blocks !== undefined && schema['x-weft-map']) return registry.get(blocks, key)?.config ?? {};
  if (blocks !== undefined && key === 'config') {
    return registry.get(blocks, (value as { type: string }).type)?.config ?? {};
  }
  const { additionalProperties } = schema;
  return schema.properties?.[key] ?? (typeof additionalProperties === 'object' ? additionalProperties : {});
}
