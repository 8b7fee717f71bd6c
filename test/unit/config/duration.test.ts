import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatDuration, parseDuration } from '../../../src/config/duration.ts';

const SAME_IN_BOTH: [string, number][] = [
  ['0s', 0],
  ['1ns', 0.000001],
  ['1.5µs', 0.0015],
  ['2.75ms', 2.75],
  ['100ms', 100],
  ['1s', 1_000],
  ['1.000000001s', 1_000.000001],
  ['1m30s', 90_000],
  ['2m0s', 120_000],
  ['1h0m0s', 3_600_000],
  ['1h15m30.5s', 4_530_500],
  ['-1m0s', -60_000],
];

const READ_ONLY: [string, number][] = [
  ['0', 0],
  ['+0', 0],
  ['-0', 0],
  ['-0s', 0],
  ['+5s', 5_000],
  ['.5s', 500],
  ['1.s', 1_000],
  ['90m', 5_400_000],
  ['3us', 0.003],
  ['3μs', 0.003],
  ['0.57s', 570],
  ['1s1s', 2_000],
];

const REFUSED = [
  '',
  '+',
  '-',
  '15',
  '1.5',
  '.',
  's',
  '.s',
  '1 s',
  ' 1s',
  '1s ',
  '1d',
  '1S',
  '--1s',
  '1e3s',
  '1s-1s',
  '0x1s',
];

test('reads and writes what Go writes', () => {
  for (const [text, ms] of SAME_IN_BOTH) {
    assert.equal(parseDuration(text), ms, text);
    assert.equal(formatDuration(ms), text);
  }
});

test('reads every spelling that Go reads', () => {
  for (const [text, ms] of READ_ONLY) assert.equal(parseDuration(text), ms, text);
});

test('refuses what Go refuses', () => {
  for (const text of REFUSED) assert.equal(parseDuration(text), undefined, text);
});

test('keeps to the range of Go', () => {
  assert.equal(parseDuration('2562047h47m16s'), 9_223_372_036_000);
  assert.equal(parseDuration('2562048h'), undefined);
});

test('whole nanoseconds survive writing and reading', () => {
  fc.assert(
    fc.property(fc.integer({ min: -(2 ** 50), max: 2 ** 50 }), (ns) => {
      const ms = ns / 1e6;
      assert.equal(parseDuration(formatDuration(ms)), ms);
    }),
  );
});
