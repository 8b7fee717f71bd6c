import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { MetricStore } from '../../../src/observe/metric-store.ts';
import { type ExpositionOptions, exposition } from '../../../src/observe/prometheus.ts';
import { PrometheusSink } from '../../../src/observe/prometheus-sink.ts';
import { type ParsedFamily, parseExposition } from './exposition-parser.ts';

const BARE: ExpositionOptions = { process: false, runtime: false };

async function scrape(store: MetricStore, options = BARE): Promise<Map<string, ParsedFamily>> {
  return parseExposition(await exposition([store], options));
}

function only(family: ParsedFamily | undefined): number | undefined {
  assert.equal(family?.samples.length, 1);
  return family?.samples[0]?.value;
}

describe('exposition', () => {
  it('names counters and gauges as MOSN does', async () => {
    const store = new MetricStore();
    store.group('downstream', { proxy: 'global' }).counter('request_total').add(3);
    store.group('downstream', { listener: 'in' }).counter('request_total').add(2);
    store.group('downstream', { proxy: 'global' }).gauge('request_active').add(1);
    const families = await scrape(store);
    assert.deepEqual([...families.keys()], ['downstream_request_total', 'downstream_request_active']);
    const total = families.get('downstream_request_total');
    assert.equal(total?.type, 'counter');
    assert.deepEqual(total.samples, [
      { name: 'downstream_request_total', labels: new Map([['proxy', 'global']]), value: 3 },
      { name: 'downstream_request_total', labels: new Map([['listener', 'in']]), value: 2 },
    ]);
    assert.equal(families.get('downstream_request_active')?.type, 'gauge');
  });

  it('shows a time in nanoseconds under the names of MOSN, and in seconds as a histogram', async () => {
    const store = new MetricStore();
    const time = store.group('downstream', { listener: 'in' }).histogram('request_time');
    for (const ms of [0.05, 0.1, 3, 70_000]) time.observe(ms);
    const families = await scrape(store);
    assert.equal(only(families.get('downstream_request_time_min')), 50_000);
    assert.equal(only(families.get('downstream_request_time_max')), 70_000_000_000);
    assert.equal(only(families.get('downstream_request_time_total')), 70_003_150_000);
    assert.equal(families.get('downstream_request_time_total')?.type, 'counter');

    const histogram = families.get('downstream_request_duration_seconds');
    assert.equal(histogram?.type, 'histogram');
    const buckets = histogram.samples.filter(({ name }) => name.endsWith('_bucket'));
    assert.deepEqual(
      buckets.map(({ labels }) => labels.get('le')),
      '0.0001 0.00025 0.0005 0.001 0.0025 0.005 0.01 0.025 0.05 0.1 0.25 0.5 1 2.5 5 10 25 60 +Inf'.split(' '),
    );
    const below = (le: string) => buckets.find(({ labels }) => labels.get('le') === le)?.value;
    assert.deepEqual([below('0.0001'), below('0.0025'), below('0.005'), below('60'), below('+Inf')], [2, 2, 3, 3, 4]);
    assert.equal(histogram.samples.find(({ name }) => name.endsWith('_count'))?.value, 4);
    const total = histogram.samples.find(({ name }) => name.endsWith('_sum'))?.value as number;
    assert.ok(Math.abs(total - 70.00315) < 1e-9);
  });

  it('shortens _duration_time, and leaves the unit of other histograms alone', async () => {
    const store = new MetricStore();
    store.group('upstream', {}).histogram('request_duration_time').observe(1);
    store.group('wasm', {}).histogram('size').observe(7);
    const families = await scrape(store);
    assert.ok(families.has('upstream_request_duration_seconds'));
    assert.equal(only(families.get('wasm_size_max')), 7);
    assert.ok(families.has('wasm_size_distribution'));
    assert.ok(!families.has('wasm_size_total'));
  });

  it('exports percentiles when asked', async () => {
    const store = new MetricStore();
    const time = store.group('downstream', {}).histogram('request_time');
    for (let i = 1; i <= 100; i++) time.observe(4);
    const families = await scrape(store, { ...BARE, percentiles: [50, 99.9] });
    assert.deepEqual(families.get('downstream_request_time')?.samples, [
      { name: 'downstream_request_time', labels: new Map([['percentile', 'P50']]), value: 4_000_000 },
      { name: 'downstream_request_time', labels: new Map([['percentile', 'P99.9']]), value: 4_000_000 },
    ]);
  });

  it('shows the first of several metrics that come to have one name', async () => {
    const store = new MetricStore();
    store.group('a', { 'l.1': 'v' }).counter('b_c').add(1);
    store.group('a_b', { l_1: 'v' }).counter('c').add(2);
    store.group('a_b', {}).counter('c').add(3);
    store.group('a', {}).gauge('b.c').add(4);
    const samples = (await scrape(store)).get('a_b_c')?.samples;
    assert.deepEqual(
      samples?.map(({ value }) => value),
      [1, 3],
    );
  });

  it('is well formed for any name, label and value', async () => {
    const anyText = fc.string({ unit: 'binary', minLength: 1 });
    const metric = fc.record({
      type: anyText,
      key: anyText,
      kind: fc.constantFrom('counter' as const, 'gauge' as const, 'histogram' as const),
      labels: fc.dictionary(anyText, anyText, { maxKeys: 4 }),
      value: fc.double({ min: 0, max: 1e9, noNaN: true }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(metric), async (metrics) => {
        const store = new MetricStore();
        for (const { type, key, kind, labels, value } of metrics) {
          // A kind of its own in the key: asking for one key as two kinds is an error of the caller.
          const group = store.group(type, labels);
          if (kind === 'histogram') group.histogram(`${key}h`).observe(value);
          else group[kind](`${key}${kind[0]}`).add(value);
        }
        const families = parseExposition(await exposition([store], BARE));
        for (const family of families.values()) if (family.type === 'histogram') assertHistogram(family);
      }),
      { numRuns: 50 },
    );
  });

  it('keeps label values', async () => {
    const store = new MetricStore();
    const value = 'a"b\\c\nd é';
    store.group('log', { path: value }).counter('k').add(1);
    const families = await scrape(store);
    assert.equal(families.get('log_k')?.samples[0]?.labels.get('path'), value);
  });

  it('tells of the process and of the runtime, each only when asked', async () => {
    const names = async (options: ExpositionOptions) => [...(await scrape(new MetricStore(), options)).keys()];
    const process = await names({ process: true, runtime: false });
    assert.ok(process.includes('process_resident_memory_bytes') && process.includes('process_cpu_seconds_total'));
    assert.ok(process.every((name) => name.startsWith('process_')));
    const runtime = await names({ process: false, runtime: true });
    assert.ok(runtime.includes('nodejs_version_info') && runtime.every((name) => name.startsWith('nodejs_')));
  });
});

function assertHistogram({ name, samples }: ParsedFamily): void {
  const series = new Map<string, { bounds: number[]; counts: number[]; count?: number; sum?: number }>();
  for (const sample of samples) {
    const id = JSON.stringify([...sample.labels].filter(([label]) => label !== 'le'));
    const one = series.get(id) ?? { bounds: [], counts: [] };
    series.set(id, one);
    if (sample.name === `${name}_bucket`) {
      const le = sample.labels.get('le');
      one.bounds.push(le === '+Inf' ? Number.POSITIVE_INFINITY : Number(le));
      one.counts.push(sample.value);
    } else if (sample.name === `${name}_count`) one.count = sample.value;
    else one.sum = sample.value;
  }
  for (const { bounds, counts, count, sum } of series.values()) {
    assert.deepEqual(
      bounds,
      bounds.toSorted((a, b) => a - b),
    );
    assert.deepEqual(
      counts,
      counts.toSorted((a, b) => a - b),
    );
    assert.equal(bounds.at(-1), Number.POSITIVE_INFINITY);
    assert.equal(counts.at(-1), count);
    assert.ok(sum !== undefined && sum >= 0);
  }
}

describe('prometheus sink', () => {
  async function withSink(changes: object, test: (url: string) => Promise<void>): Promise<void> {
    const store = new MetricStore();
    store.group('downstream', {}).counter('request_total').add(1);
    const config = {
      port: 0,
      address: '127.0.0.1',
      endpoint: '/metrics',
      percentiles: [],
      disable_collect_process: false,
      disable_collect_go: false,
      ...changes,
    };
    const sink = new PrometheusSink(config, [store]);
    const port = await sink.listen();
    try {
      await test(`http://127.0.0.1:${port}`);
    } finally {
      await sink.close();
    }
  }

  it('shows the metrics at its end point only', async () => {
    await withSink({ endpoint: '/prom' }, async (url) => {
      const response = await fetch(`${url}/prom?x=1`);
      assert.equal(response.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
      const families = parseExposition(await response.text());
      assert.ok(families.has('downstream_request_total') && families.has('process_open_fds'));
      assert.equal((await fetch(`${url}/metrics`)).status, 404);
      assert.equal((await fetch(`${url}/prom`, { method: 'POST' })).status, 405);
    });
  });

  it('leaves out what the configuration switches off', async () => {
    await withSink({ disable_collect_process: true, disable_collect_go: true }, async (url) => {
      const families = parseExposition(await (await fetch(`${url}/metrics`)).text());
      assert.deepEqual([...families.keys()], ['downstream_request_total']);
    });
  });

  it('rejects when its port is taken', async () => {
    await withSink({}, async (url) => {
      await assert.rejects(
        withSink({ port: Number(new URL(url).port) }, async () => {}),
        { code: 'EADDRINUSE' },
      );
    });
  });
});
