import assert from 'node:assert/strict';
import { it } from 'node:test';
import { goDuration } from '../../../src/observe/go-duration.ts';
import { localTime } from '../../../src/observe/local-time.ts';

// Texts as Go 1.22 prints them.
const CASES: [number, string][] = [
  [0, '0s'],
  [0.000001, '1ns'],
  [0.0011, '1.1µs'],
  [0.0022, '2.2µs'],
  [1, '1ms'],
  [1.234567, '1.234567ms'],
  [999.999999, '999.999999ms'],
  [1000, '1s'],
  [3300, '3.3s'],
  [59_999.5, '59.9995s'],
  [60_000, '1m0s'],
  [305_001, '5m5.001s'],
  [3_600_000, '1h0m0s'],
  [18_480_070.5, '5h8m0.0705s'],
];

for (const [ms, text] of CASES) {
  it(`${ms} ms is ${text}`, () => assert.equal(goDuration(ms), text));
}

it('writes local time to the millisecond, whatever second came before', () => {
  const time = new Date(2026, 0, 2, 3, 4, 5, 6).getTime();
  assert.equal(localTime(time), '2026/01/02 03:04:05.006');
  assert.equal(localTime(time + 0.999), '2026/01/02 03:04:05.006');
  assert.equal(localTime(time + 994), '2026/01/02 03:04:06.000');
  assert.equal(localTime(time - 7), '2026/01/02 03:04:04.999');
});
