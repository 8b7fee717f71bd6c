import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';

/** The reader that a process of its own chooses. */
function chosenWith(environment: Record<string, string>): string {
  const module = new URL('../../../src/network/accepted-reader.ts', import.meta.url).href;
  const script = `const { chooseReader } = await import('${module}'); console.log(await chooseReader());`;
  const { WEFT_READER: _, ...inherited } = process.env;
  const env = { ...inherited, ...environment };
  return execFileSync(process.execPath, ['--input-type=module', '-e', script], { env, encoding: 'utf8' }).trim();
}

test('the self test finds the fast reader working on this Node', () => {
  assert.equal(chosenWith({}), 'onread');
});

test('the environment may force the public one', () => {
  assert.equal(chosenWith({ WEFT_READER: 'data' }), 'data');
});
