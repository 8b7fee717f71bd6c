import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { BUCKET_BOUNDS, type HistogramValue, quantile } from '../../../src/observe/histogram.ts';
import { type GroupValue, MetricStore, sum } from '../../../src/observe/metric-store.ts';

function value(groups: readonly GroupValue[], type: string, key: string): number | HistogramValue | undefined {
  return groups.find((group) => group.type === type)?.metrics.find((metric) => metric.key === key)?.value;
}

describe('metric store', () => {
  it('counts, and moves gauges down again', () => {
    const group = new MetricStore().group('downstream', { proxy: 'global' });
    const total = group.counter('request_total');
    const active = group.gauge('request_active');
    total.add(1);
    total.add(2);
    active.add(1);
    active.add(1);
    active.add(-2);
    assert.equal(total.value, 3);
    assert.equal(active.value, 0);
  });

  it('gives the same slot to the same name, whatever the order of labels, and another to any other', () => {
    const store = new MetricStore();
    const counter = store.group('upstream', { cluster: 'c', host: 'h' }).counter('request_total');
    assert.equal(store.group('upstream', { host: 'h', cluster: 'c' }).counter('request_total'), counter);
    assert.notEqual(store.group('upstream', { cluster: 'c' }).counter('request_total'), counter);
    // Joined by dots these two would be one.
    const odd = store.group('x', { a: 'b.c', d: 'e' }).counter('k');
    assert.notEqual(store.group('x', { a: 'b', 'c.d': 'e' }).counter('k'), odd);
  });

  it('keeps every metric apart over many pages', () => {
    const store = new MetricStore();
    const counters = Array.from({ length: 3000 }, (_, i) => {
      store
        .group('h', { n: String(i) })
        .histogram('request_time')
        .observe(i);
      return store.group('c', { n: String(i) }).counter('k');
    });
    for (const [i, counter] of counters.entries()) counter.add(i + 1);
    for (const [i, counter] of counters.entries()) assert.equal(counter.value, i + 1);
    for (const group of sum([store])) {
      if (group.type !== 'h') continue;
      const histogram = group.metrics[0]?.value as HistogramValue;
      assert.deepEqual([histogram.count, String(histogram.max)], [1, group.labels[0]?.[1]]);
    }
  });

  it('lies in shared memory', () => {
    const counter = new MetricStore().group('t', {}).counter('k') as unknown as { page: Float64Array };
    assert.ok(counter.page.buffer instanceof SharedArrayBuffer);
  });

  it('refuses one key as two kinds, and more than 20 labels', () => {
    const store = new MetricStore();
    const group = store.group('t', {});
    group.counter('a');
    group.histogram('b');
    assert.throws(() => group.gauge('a'), /t_a is a counter/);
    assert.throws(() => group.histogram('a'), /t_a is a counter/);
    assert.throws(() => group.counter('b'), /t_b is a histogram/);
    const labels = (n: number) => Object.fromEntries(Array.from({ length: n }, (_, i) => [`l${i}`, '']));
    store.group('t', labels(20));
    assert.throws(() => store.group('t', labels(21)), RangeError);
  });

  it('adds up the rows of threads that have different metrics in a different order', () => {
    const [a, b] = [new MetricStore(), new MetricStore()];
    a.group('only_a', {}).counter('k').add(1);
    a.group('both', { l: 'v' }).counter('total').add(2);
    b.group('both', { l: 'v' }).histogram('time').observe(5);
    b.group('both', { l: 'v' }).counter('total').add(40);
    a.group('both', { l: 'v' }).histogram('time').observe(1);
    const groups = sum([a, b]);
    assert.equal(groups.length, 2);
    assert.equal(value(groups, 'only_a', 'k'), 1);
    assert.equal(value(groups, 'both', 'total'), 42);
    const time = value(groups, 'both', 'time') as HistogramValue;
    assert.deepEqual([time.count, time.sum, time.min, time.max], [2, 6, 1, 5]);
  });

  it('sum of rows = sum of what was added, for any distribution', () => {
    const additions = fc.array(fc.tuple(fc.nat(3), fc.constantFrom('a', 'b', 'c'), fc.integer({ min: -9, max: 9 })));
    fc.assert(
      fc.property(additions, (list) => {
        const stores = [0, 1, 2, 3].map(() => new MetricStore());
        const expected = new Map<string, number>();
        for (const [thread, key, n] of list) {
          stores[thread]?.group('t', {}).gauge(key).add(n);
          expected.set(key, (expected.get(key) ?? 0) + n);
        }
        for (const [key, n] of expected) assert.equal(value(sum(stores), 't', key), n);
      }),
    );
  });

  it('hides what the stats matcher excludes, and counts it', () => {
    const store = new MetricStore();
    const hidden = store.group('upstream', { cluster: 'c', host: 'h' }).counter('request_total');
    store.group('upstream', { cluster: 'c' }).counter('request_total').add(1);
    store.group('upstream', { cluster: 'c' }).counter('request_retry').add(1);
    hidden.add(7);
    const matcher = { reject_all: false, exclusion_labels: ['host'], exclusion_keys: ['request_retry'] };
    assert.deepEqual(sum([store], matcher), [
      {
        type: 'upstream',
        labels: [['cluster', 'c']],
        metrics: [{ key: 'request_total', kind: 'counter', value: 1 }],
      },
    ]);
    assert.equal(hidden.value, 7);
    assert.deepEqual(sum([store], { ...matcher, reject_all: true }), []);
  });
});

describe('histogram', () => {
  function observe(...values: number[]): HistogramValue {
    const store = new MetricStore();
    const histogram = store.group('t', {}).histogram('time');
    for (const each of values) histogram.observe(each);
    return value(sum([store]), 't', 'time') as HistogramValue;
  }

  it('puts a value into the first bucket whose bound is not below it', () => {
    for (const [index, bound] of BUCKET_BOUNDS.entries()) {
      assert.equal(observe(bound).buckets[index], 1);
      assert.equal(observe(bound * 1.0001).buckets[index + 1], 1);
    }
    assert.equal(observe(0).buckets[0], 1);
  });

  it('is all zeros before the first value', () => {
    const { count, sum: total, min, max } = observe();
    assert.deepEqual([count, total, min, max], [0, 0, 0, 0]);
  });

  it('keeps 0 as the smallest value', () => {
    assert.equal(observe(0, 5).min, 0);
  });

  it('leaves out what would spoil the sum', () => {
    const { count, sum: total } = observe(1, Number.NaN, -1);
    assert.deepEqual([count, total], [1, 1]);
  });

  it('agrees with the values themselves', () => {
    const anyValue = fc.double({ min: 0, max: 200_000, noNaN: true });
    fc.assert(
      fc.property(fc.array(anyValue, { minLength: 1 }), (values) => {
        const seen = observe(...values);
        assert.equal(seen.count, values.length);
        assert.equal(
          seen.buckets.reduce((a, b) => a + b),
          values.length,
        );
        assert.equal(seen.min, Math.min(...values));
        assert.equal(seen.max, Math.max(...values));
        assert.equal(
          seen.sum,
          values.reduce((a, b) => a + b, 0),
        );
      }),
    );
  });

  it('estimates quantiles within the bucket of the true one, and never outside the values', () => {
    const anyValue = fc.double({ min: 0, max: 59_000, noNaN: true });
    const share = fc.double({ min: 0.01, max: 1, noNaN: true });
    fc.assert(
      fc.property(fc.array(anyValue, { minLength: 1 }), share, (values, q) => {
        const estimate = quantile(observe(...values), q);
        const sorted = values.toSorted((a, b) => a - b);
        const exact = sorted[Math.ceil(q * sorted.length) - 1] as number;
        const bucket = BUCKET_BOUNDS.findIndex((bound) => exact <= bound);
        assert.ok(estimate <= (BUCKET_BOUNDS[bucket] as number));
        assert.ok(estimate >= (BUCKET_BOUNDS[bucket - 1] ?? 0));
        assert.ok(estimate >= (sorted[0] as number) && estimate <= (sorted.at(-1) as number));
      }),
    );
  });

  it('has no quantile without values', () => assert.equal(quantile(observe(), 0.5), 0));
});
