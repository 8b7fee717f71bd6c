import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { SourceError } from '../../../src/config/problem.ts';
import { readSource } from '../../../src/config/read.ts';

const folder = mkdtempSync(join(tmpdir(), 'weft-read-'));
after(() => rmSync(folder, { recursive: true }));

function read(name: string, text: string): unknown {
  const file = join(folder, name);
  writeFileSync(file, text);
  return readSource(file).value;
}

function fault(name: string, text: string): string {
  try {
    read(name, text);
  } catch (error) {
    assert.ok(error instanceof SourceError, String(error));
    const { line, column, message } = error.problem;
    return `${line}:${column} ${message}`;
  }
  return 'none';
}

test('YAML by extension, anything else is JSON', () => {
  assert.deepEqual(read('a.json', '{"a": [1, null]}'), { a: [1, null] });
  assert.deepEqual(read('a.conf', '{"a": 1}'), { a: 1 });
  assert.deepEqual(read('a.yaml', 'a: [1, null, yes, 0x10, 1.5]'), { a: [1, null, 'yes', 16, 1.5] });
  assert.deepEqual(read('a.YML', '# comment\na: {b: "c"}'), { a: { b: 'c' } });
  assert.equal(fault('b.json', 'a: 1'), '1:1 expected a value, found "a"');
});

test('of duplicate keys the last wins in both', () => {
  assert.deepEqual(read('a.json', '{"a": 1, "a": 2}'), { a: 2 });
  assert.deepEqual(read('a.yaml', 'a: 1\na: 2\n'), { a: 2 });
});

test('YAML anchors and merge keys', () => {
  assert.deepEqual(read('a.yaml', 'x: &x {t: 1s, n: a}\ny: {<<: *x, n: b}\nz: *x'), {
    x: { t: '1s', n: 'a' },
    y: { t: '1s', n: 'b' },
    z: { t: '1s', n: 'a' },
  });
});

test('says where the syntax breaks', () => {
  assert.equal(fault('a.json', '{\n  "a": 1,\n}'), '3:1 expected a key in double quotes, found "}"');
  assert.match(fault('a.yaml', 'a:\n  b: 1\n c: 2\n'), /^3:\d+ /);
  assert.match(fault('a.yaml', 'a: 1\n---\nb: 2\n'), /^2:\d+ a second document/);
  assert.match(fault('a.yaml', ''), /^1:1 the file is empty/);
  assert.equal(fault('a.yaml', 'b: &b 1\na: [*b, *nowhere]'), '2:9 no anchor "nowhere" before this alias');
});

test('YAML bombs end in a problem', () => {
  const levels = Array.from({ length: 20 }, (_, i) => `l${i + 1}: &l${i + 1} [${`*l${i}, `.repeat(9)}*l${i}]`);
  assert.equal(fault('a.yaml', `l0: &l0 lol\n${levels.join('\n')}`), '1:1 aliases repeat too much');
  assert.match(fault('a.yaml', '['.repeat(100_000)), /nested too deeply/);
});

test('a few thousand aliases of small anchors pass', () => {
  const text = `x: &x {timeout: 1s}\nlist:\n${'  - *x\n'.repeat(5_000)}`;
  assert.equal((read('a.yaml', text) as { list: unknown[] }).list.length, 5_000);
});

test('what cannot be read is a problem without a place', () => {
  const file = join(folder, 'absent.json');
  assert.throws(
    () => readSource(file),
    (error) => {
      assert.ok(error instanceof SourceError);
      assert.match(error.problem.message, /^cannot be read: ENOENT/);
      assert.deepEqual([error.problem.file, error.problem.line], [file, 0]);
      return true;
    },
  );
});

test('huge files are refused unread', () => {
  const file = join(folder, 'huge.json');
  writeFileSync(file, '');
  truncateSync(file, 64 * 1024 * 1024 + 1);
  assert.throws(() => readSource(file), /has 67108865 bytes; at most 67108864/);
});
