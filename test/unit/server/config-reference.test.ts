import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { configReference, PAGE } from '../../../scripts/config-reference.ts';
import { builtinExtensions } from '../../../src/builtin.ts';
import { bootstrapSchema } from '../../../src/server/bootstrap-schema.ts';

test('docs/configuration.md says what the schemas say', () => {
  const written = readFileSync(PAGE, 'utf8');
  const current = configReference(bootstrapSchema, builtinExtensions().schemas);
  assert.ok(written === current, 'the page is stale: run `node scripts/config-reference.ts`');
});
