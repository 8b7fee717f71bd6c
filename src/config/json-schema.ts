/** The configuration as JSON Schema 2020-12, for editors (`weft schema`). */

import type { Schema } from '../api/schema.ts';
import { formatDuration } from './duration.ts';
import type { SchemaRegistry } from './registry.ts';

type Json = Record<string, unknown>;

const DIALECT = 'https://json-schema.org/draft/2020-12/schema';

const NOTE =
  'Weft takes keys in any letter case, as MOSN does; JSON Schema cannot say that, so this schema knows the documented ' +
  'spelling only. Weft warns about unknown keys (an error with --strict), and takes null for an absent key.';

// What `parseDuration` takes, or 0.
const DURATION = '^[-+]?(0|((\\d+\\.?\\d*|\\.\\d+)(ns|us|µs|μs|ms|s|m|h))+)$';

/** Publishes a schema with all registered blocks. */
export function jsonSchema(title: string, root: Schema, registry: SchemaRegistry): Json {
  const publisher = new Publisher(registry);
  const body = publisher.publish(root);
  const description = [root.description, NOTE].filter(Boolean).join(' ');
  return { $schema: DIALECT, title, ...body, description, $defs: Object.fromEntries(publisher.definitions) };
}

class Publisher {
  /** The schemas of registered blocks, by `registry.type`. */
  readonly definitions = new Map<string, Json>();
  readonly #registry: SchemaRegistry;

  constructor(registry: SchemaRegistry) {
    this.#registry = registry;
  }

  publish(schema: Schema): Json {
    const { items, properties, additionalProperties, anyOf, 'x-weft-registry': registry, ...rest } = schema;
    const result: Json = { ...rest };
    if (schema.format === 'duration') this.#duration(result, schema);
    if (items !== undefined) result['items'] = this.publish(items);
    if (anyOf !== undefined) result['anyOf'] = anyOf.map((shape) => this.publish(shape));
    if (properties !== undefined) {
      result['properties'] = this.#properties(properties);
      result['additionalProperties'] = false;
    }
    if (typeof additionalProperties === 'object') result['additionalProperties'] = this.publish(additionalProperties);
    if (registry !== undefined) this.#registered(result, registry, schema);
    return result;
  }

  #duration(result: Json, { default: ms }: Schema): void {
    delete result['format']; // JSON Schema's "duration" is ISO 8601
    Object.assign(result, { type: ['string', 'integer'], pattern: DURATION, maximum: 0, minimum: 0 });
    if (typeof ms === 'number') result['default'] = formatDuration(ms);
  }

  #properties(properties: Readonly<Record<string, Schema>>): Json {
    return Object.fromEntries(Object.entries(properties).map(([name, schema]) => [name, this.publish(schema)]));
  }

  #registered(result: Json, registry: string, schema: Schema): void {
    const types = this.#registry.types(registry).map(({ type }) => type);
    if (schema['x-weft-map']) {
      result['properties'] = Object.fromEntries(types.map((type) => [type, this.#reference(registry, type)]));
      result['additionalProperties'] = false;
      return;
    }
    if (types.length === 0) return;
    const { type: _type, config: _config, ...others } = schema.properties ?? {};
    delete result['properties'];
    delete result['additionalProperties'];
    result['anyOf'] = types.map((type) => ({
      properties: { type: { const: type }, config: this.#reference(registry, type), ...this.#properties(others) },
      additionalProperties: false,
    }));
  }

  #reference(registry: string, type: string): Json {
    const name = `${registry}.${type}`;
    if (!this.definitions.has(name)) {
      const definition: Json = {};
      this.definitions.set(name, definition);
      Object.assign(definition, this.publish(this.#registry.get(registry, type)?.config as Schema));
    }
    return { $ref: `#/$defs/${name}` };
  }
}
