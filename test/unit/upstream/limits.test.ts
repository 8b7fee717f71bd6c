import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CircuitBreakers, Limit } from '../../../src/upstream/circuit-breakers.ts';
import { RetryBudget } from '../../../src/upstream/retry-budget.ts';
import { ClusterBench } from './fakes.ts';

describe('Limit', () => {
  test('gives out as many as it has and takes them back', () => {
    const limit = new Limit(2);
    assert.deepEqual([limit.tryAcquire(), limit.tryAcquire(), limit.tryAcquire()], [true, true, false]);
    assert.equal(limit.full, true);
    limit.release();
    assert.equal(limit.full, false);
    assert.equal(limit.tryAcquire(), true);
    assert.equal(limit.used, 2);
  });

  test('0 is unlimited and counts all the same', () => {
    const limit = new Limit(0);
    for (let i = 0; i < 10_000; i++) assert.ok(limit.tryAcquire());
    assert.equal(limit.used, 10_000);
  });

  test('breakers without a block are unlimited', () => {
    const { connections, requests, retries, pendingRequests } = new CircuitBreakers(undefined);
    assert.deepEqual([connections.max, requests.max, retries.max, pendingRequests.max], [0, 0, 0, 0]);
  });
});

describe('RetryBudget', () => {
  test('the least number is allowed however few requests are active', () => {
    const budget = new RetryBudget(20, 3);
    assert.deepEqual(
      [1, 2, 3, 4].map(() => budget.tryAcquire(0)),
      [true, true, true, false],
    );
    budget.release();
    assert.equal(budget.tryAcquire(0), true);
  });

  test('then a share of the active requests', () => {
    const budget = new RetryBudget(20, 3);
    let allowed = 0;
    while (budget.tryAcquire(100)) allowed++;
    assert.equal(allowed, 20);
    assert.equal(budget.tryAcquire(104), false);
    assert.equal(budget.tryAcquire(105), true);
  });

  test('0 and 0 forbid retries', () => {
    assert.equal(new RetryBudget(0, 0).tryAcquire(1000), false);
  });
});

describe('retries of a cluster', () => {
  test('bounded by max_retries', () => {
    const { cluster, count } = bench({ circuit_breakers: [{ max_retries: 1 }] });
    assert.equal(cluster.acquireRetry(), true);
    assert.equal(cluster.acquireRetry(), false);
    assert.equal(count('request_retry_overflow'), 1);
    cluster.releaseRetry();
    assert.equal(cluster.acquireRetry(), true);
  });

  test('bounded by the budget of the requests that wait or run', () => {
    const all = new ClusterBench({ retry_budget: { percent: 50, min_retries: 0 } });
    const { cluster } = all;
    assert.equal(cluster.acquireRetry(), false);
    for (let i = 0; i < 2; i++) all.request();
    for (let i = 0; i < 2; i++) all.pool().acquire({ onPoolReady() {}, onPoolFailure() {} });
    assert.equal(cluster.activeRequests, 4);
    assert.deepEqual(
      [1, 2, 3].map(() => cluster.acquireRetry()),
      [true, true, false],
    );
    assert.equal(cluster.breakers.retries.used, 2);
    assert.equal(all.count('request_retry_overflow'), 2);
  });

  test('20 percent and 3 by default', () => {
    const { cluster } = bench({});
    assert.deepEqual(
      [1, 2, 3, 4].map(() => cluster.acquireRetry()),
      [true, true, true, false],
    );
  });
});

function bench(block: object) {
  const all = new ClusterBench(block);
  return { cluster: all.cluster, count: (key: string) => all.count(key) };
}
