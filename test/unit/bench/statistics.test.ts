import assert from 'node:assert/strict';
import { test } from 'node:test';
import { median, quantile, ratio } from '../../../bench/statistics.ts';

test('quantiles interpolate between the sorted values', () => {
  assert.equal(median([9, 1, 5]), 5);
  assert.equal(median([4, 1, 3, 2]), 2.5);
  assert.equal(quantile([10, 0, 20, 30], 0.9), 27);
  assert.ok(Number.isNaN(median([])));
});

test('a ratio is the median of the ratios per round, not the ratio of the medians', () => {
  const { median: middle, low, high } = ratio([10, 22, 90], [10, 20, 30]);
  assert.equal(middle, 1.1);
  assert.ok(low >= 1 && low <= middle && high >= middle && high <= 3, `[${low}, ${high}]`);
});

test('the interval has no width without spread, and narrows with more rounds', () => {
  const steady = ratio([3, 3, 3], [2, 2, 2]);
  assert.deepEqual([steady.low, steady.high], [1.5, 1.5]);
  const rounds = (n: number) => Array.from({ length: n }, (_, i) => 1 + (i % 5) / 10);
  const width = (n: number) => {
    const { low, high } = ratio(
      rounds(n),
      rounds(n).map(() => 1),
    );
    return high - low;
  };
  assert.ok(width(100) < width(10), `${width(100)} < ${width(10)}`);
});

test('equal samples give an equal interval', () => {
  assert.deepEqual(ratio([1, 2, 3, 4], [1, 1, 2, 2]), ratio([1, 2, 3, 4], [1, 1, 2, 2]));
});

test('a ratio is void when the reference moves over a quarter', () => {
  const reference = (last: number) => [100, 100, 100, 100, last];
  assert.equal(ratio(reference(100), reference(130)).void, false, 'one outlier in five');
  assert.equal(ratio(reference(100), reference(200)).void, true);
  assert.equal(ratio([], []).void, true);
});
