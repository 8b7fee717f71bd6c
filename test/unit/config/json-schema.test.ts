import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as s from '../../../src/api/schema.ts';
import { jsonSchema } from '../../../src/config/json-schema.ts';
import { SchemaRegistry } from '../../../src/config/registry.ts';

const registry = new SchemaRegistry()
  .register('stream_filter', { type: 'a', config: s.object({ t: s.duration({ default: 90_000 }) }) })
  .register('stream_filter', { type: 'b', config: s.object({ filters: s.list(s.registered('stream_filter')) }) });

const root = s.object({
  name: s.required(s.name({ description: 'What it is called.' })),
  filters: s.list(s.registered('stream_filter')),
  per_filter_config: s.registeredMap('stream_filter'),
  extends: s.list(s.registered('extension')),
  weights: s.map(s.integer(1, 128)),
  processor: s.union([s.count(), s.string()], { support: 'planned' }),
  tls: s.object({}, { support: 'refused', isInactive: () => true }),
  drain: s.duration({ own: true }),
});

const published = JSON.parse(JSON.stringify(jsonSchema('Weft', root, registry)));

test('is a 2020-12 schema with the rules that matter to an editor', () => {
  assert.equal(published.$schema, 'https://json-schema.org/draft/2020-12/schema');
  assert.match(published.description, /letter case/);
  assert.deepEqual(published.required, ['name']);
  assert.equal(published.additionalProperties, false);
  const { name, weights, processor, tls, drain } = published.properties;
  assert.deepEqual(name, { type: 'string', minLength: 1, description: 'What it is called.' });
  assert.deepEqual(weights.additionalProperties, { type: 'integer', minimum: 1, maximum: 128 });
  assert.equal(processor['x-weft-support'], 'planned');
  assert.equal(tls['x-weft-support'], 'refused');
  assert.equal(drain['x-weft-own'], true);
});

test('registered blocks are alternatives by type', () => {
  assert.deepEqual(
    published.properties.filters.items.anyOf.map((block: { properties: { type: unknown; config: unknown } }) => [
      block.properties.type,
      block.properties.config,
    ]),
    [
      [{ const: 'a' }, { $ref: '#/$defs/stream_filter.a' }],
      [{ const: 'b' }, { $ref: '#/$defs/stream_filter.b' }],
    ],
  );
  assert.deepEqual(published.properties.per_filter_config.properties, {
    a: { $ref: '#/$defs/stream_filter.a' },
    b: { $ref: '#/$defs/stream_filter.b' },
  });
  assert.equal(published.properties.extends.items.anyOf, undefined);
});

test('durations are Go texts, not ISO 8601', () => {
  const { t } = published.$defs['stream_filter.a'].properties;
  assert.equal(t.format, undefined);
  assert.equal(t.default, '1m30s');
  const pattern = new RegExp(t.pattern);
  for (const text of ['1m30s', '0', '-1s', '.5h']) assert.ok(pattern.test(text), text);
  for (const text of ['15', '', '1 s', 'PT5S']) assert.ok(!pattern.test(text), text);
});
