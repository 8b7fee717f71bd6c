import assert from 'node:assert/strict';
import { test } from 'node:test';
import { locateProblems } from '../../../src/config/positions.ts';
import type { Path } from '../../../src/config/problem.ts';
import type { Source } from '../../../src/config/read.ts';

function place(format: Source['format'], text: string, path: Path, atKey = false): string {
  const source: Source = { file: 'f', format, text, value: undefined };
  const [problem] = locateProblems(source, [{ severity: 'error', path, message: '', atKey }]);
  return `${problem?.line}:${problem?.column} ${problem?.path.join('.')}`;
}

const JSON_TEXT = `{
  "Servers": [
    {"name": "a", "NAME": "b", "name": "c"},
    {
      "text": "é \\" {[,]} 😀", "after": {"x.y": [1, [2, 3]]}
    }
  ]
}`;

test('finds values and keys in JSON', () => {
  const at = (path: Path, atKey = false) => place('json', JSON_TEXT, path, atKey);
  assert.equal(at([]), '1:1 ');
  assert.equal(at(['servers']), '2:14 Servers');
  assert.equal(at(['servers'], true), '2:3 Servers');
  assert.equal(at(['Servers', 1]), '4:5 Servers.1');
  assert.equal(at(['servers', 1, 'after', 'x.y', 1, 1]), '5:57 Servers.1.after.x.y.1.1');
  assert.equal(at(['servers', 1, 'after'], true), '5:32 Servers.1.after');
});

test('takes the last of duplicate keys', () => {
  assert.equal(place('json', JSON_TEXT, ['servers', 0, 'name']), '3:40 Servers.0.name');
});

test('stops at what holds a key that is not there', () => {
  assert.equal(place('json', JSON_TEXT, ['servers', 1, 'address']), '4:5 Servers.1.address');
  assert.equal(place('json', JSON_TEXT, ['servers', 7, 'name', 'first'], true), '2:14 Servers.7.name.first');
  assert.equal(place('json', '17', ['servers']), '1:1 servers');
});

const YAML_TEXT = `base: &base
  name: base
  timeout: 1s
Listeners:
  - address: ":80"
    empty:
  - <<: *base
    name: own
  - *base
  - {flow: [a, b]}
`;

test('finds values and keys in YAML', () => {
  const at = (path: Path, atKey = false) => place('yaml', YAML_TEXT, path, atKey);
  assert.equal(at(['listeners']), '5:3 Listeners');
  assert.equal(at(['listeners'], true), '4:1 Listeners');
  assert.equal(at(['listeners', 0, 'address']), '5:14 Listeners.0.address');
  assert.equal(at(['listeners', 0, 'empty'], true), '6:5 Listeners.0.empty');
  assert.equal(at(['listeners', 3, 'flow', 1]), '10:16 Listeners.3.flow.1');
});

test('follows aliases and merge keys in YAML', () => {
  assert.equal(place('yaml', YAML_TEXT, ['listeners', 1, 'name']), '8:11 Listeners.1.name');
  assert.equal(place('yaml', YAML_TEXT, ['listeners', 1, 'timeout']), '3:12 Listeners.1.timeout');
  assert.equal(place('yaml', YAML_TEXT, ['listeners', 2]), '9:5 Listeners.2');
  assert.equal(place('yaml', YAML_TEXT, ['listeners', 2, 'timeout']), '3:12 Listeners.2.timeout');
});

test('gives many problems in the order of the file', () => {
  const source: Source = { file: 'f', format: 'json', text: JSON_TEXT, value: undefined };
  const paths: Path[] = [['servers', 1, 'text'], ['servers', 0, 'name'], ['servers']];
  const problems = paths.map((path) => ({ severity: 'error' as const, path, message: '' }));
  assert.deepEqual(
    locateProblems(source, problems).map(({ line }) => line),
    [2, 3, 5],
  );
});

test('one walk finds thousands of places in megabytes', () => {
  const item = { name: 'x'.repeat(90), list: [1, 2, 3] };
  const text = JSON.stringify({ items: Array(30_000).fill(item) }, null, 1);
  const problems = Array.from({ length: 30_000 }, (_, i) => ({
    severity: 'error' as const,
    path: ['items', i, 'list', 2],
    message: '',
  }));
  const located = locateProblems({ file: 'f', format: 'json', text, value: undefined }, problems);
  assert.equal(located[29_999]?.line, 2 + 8 * 30_000 - 2);
});
