import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as s from '../../../src/api/schema.ts';
import { dump } from '../../../src/config/dump.ts';
import { SchemaRegistry } from '../../../src/config/registry.ts';
import { validate } from '../../../src/config/validate.ts';

const registry = new SchemaRegistry().register('stream_filter', {
  type: 'wait',
  config: s.object({ delay: s.duration({ default: 1_000 }) }),
});

const schema = s.object({
  timeout: s.duration(),
  size: s.count({ default: 1_000 }),
  routes: s.list(s.object({ timeout: s.duration({ default: 60_000 }) })),
  by_name: s.map(s.duration()),
  filters: s.list(s.registered('stream_filter')),
  per_filter_config: s.registeredMap('stream_filter'),
  free: s.any(),
});

test('writes what validation parsed, and validates to the same again', () => {
  const file = {
    timeout: '90s',
    routes: [{}, { timeout: 0 }],
    by_name: { Size: '1ms' },
    filters: [{ type: 'wait', config: { Delay: '5s' } }],
    per_filter_config: { wait: {} },
    free: { timeout: 5, list: [1] },
  };
  const { value } = validate(schema, file, registry);
  const dumped = dump(schema, value, registry);
  assert.deepEqual(dumped, {
    timeout: '1m30s',
    size: 1_000,
    routes: [{ timeout: '1m0s' }, { timeout: '0s' }],
    by_name: { Size: '1ms' },
    filters: [{ type: 'wait', config: { delay: '5s' } }],
    per_filter_config: { wait: { delay: '1s' } },
    free: { timeout: 5, list: [1] },
  });
  const again = validate(schema, dumped, registry);
  assert.deepEqual(again.problems, []);
  assert.deepEqual(again.value, value);
});
