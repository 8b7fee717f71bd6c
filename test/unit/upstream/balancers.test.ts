import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { balancerFactory } from '../../../src/upstream/balancers/registry.ts';
import { RoundRobin } from '../../../src/upstream/balancers/round-robin.ts';
import { EarliestDeadline, weightedRoundRobin } from '../../../src/upstream/balancers/weighted-round-robin.ts';
import { BALANCER_TYPES } from '../../../src/upstream/cluster-schema.ts';
import { HealthBit, type Host } from '../../../src/upstream/host.ts';
import { balancerContract, context, seeded, tally } from './balancer-contract.ts';
import { makeHosts } from './fakes.ts';

for (const name of BALANCER_TYPES) balancerContract(name, balancerFactory(name));

describe('registry', () => {
  test('a name that is not known is round robin', () => {
    assert.ok(balancerFactory('LB_MAGLEV')(makeHosts([1, 2]), Math.random) instanceof RoundRobin);
    assert.ok(balancerFactory('')(makeHosts([1, 2]), Math.random) instanceof RoundRobin);
  });
});

describe('round robin', () => {
  test('every host in turn, whatever the weights', () => {
    assert.deepEqual(tally(balancerFactory('LB_ROUNDROBIN'), makeHosts([1, 5, 100]), 300, 3), [100, 100, 100]);
  });

  test('begins anywhere', () => {
    const hosts = makeHosts([1, 1, 1]);
    const first = (value: number) => new RoundRobin(hosts, () => value).choose(context(() => 0));
    assert.deepEqual([first(0), first(0.5), first(0.99)], hosts);
  });

  test('the turn of a tried host is not lost for the next request', () => {
    const hosts = makeHosts([1, 1, 1]) as [Host, Host, Host];
    const balancer = new RoundRobin(hosts, () => 0);
    assert.equal(balancer.choose(context(() => 0, [hosts[0]])), hosts[1]);
    assert.equal(balancer.choose(context(() => 0)), hosts[2]);
    assert.equal(balancer.choose(context(() => 0)), hosts[0]);
  });
});

describe('weighted round robin', () => {
  test('equal weights are plain round robin', () => {
    assert.ok(weightedRoundRobin(makeHosts([7, 7]), () => 0) instanceof RoundRobin);
    assert.ok(weightedRoundRobin(makeHosts([7, 8]), () => 0) instanceof EarliestDeadline);
  });

  test('shares in proportion to the weights, exactly per cycle', () => {
    for (const seed of [1, 2, 3, 4, 5]) {
      const counts = tally(weightedRoundRobin, makeHosts([1, 2, 4]), 7000, seed);
      for (const [i, expected] of [1000, 2000, 4000].entries()) {
        assert.ok(Math.abs((counts[i] as number) - expected) <= 2, `${counts}`);
      }
    }
  });

  test('picks are spread, not bunched', () => {
    const hosts = makeHosts([4, 1]);
    const balancer = weightedRoundRobin(hosts, () => 0);
    const order = Array.from({ length: 10 }, () => balancer.choose(context(() => 0))?.slot).join('');
    assert.match(order, /^([01]{5})\1$/);
    assert.equal(order.replaceAll('0', '').length, 2);
  });

  test('hosts of equal weight take turns', () => {
    const balancer = weightedRoundRobin(makeHosts([1, 1, 1, 1, 4]), () => 0);
    const order = Array.from({ length: 80 }, () => balancer.choose(context(() => 0))?.slot as number);
    const light = order.filter((slot) => slot < 4);
    assert.equal(light.length, 40);
    for (const [i, slot] of light.entries()) assert.equal(slot, light[i % 4]);
  });

  test('extreme weights keep their proportion', () => {
    const counts = tally(weightedRoundRobin, makeHosts([128, 1]), 12_900, 9);
    assert.ok(Math.abs((counts[1] as number) - 100) <= 1, `${counts}`);
  });

  test('the share of an unhealthy host goes to the others by weight', () => {
    const hosts = makeHosts([128, 3, 1]);
    (hosts[0] as Host).health = HealthBit.Outlier;
    assert.deepEqual(tally(weightedRoundRobin, hosts, 400, 5), [0, 300, 100]);
  });

  test('instances begin at different places', () => {
    const firsts = new Set(
      [0, 0.3, 0.6, 0.9].map((value) => {
        const balancer = weightedRoundRobin(makeHosts([1, 2, 3, 4]), () => value);
        return Array.from({ length: 4 }, () => balancer.choose(context(() => 0))?.slot).join('');
      }),
    );
    assert.ok(firsts.size >= 3, `${[...firsts]}`);
  });
});

describe('random', () => {
  const random = balancerFactory('LB_RANDOM');

  /** Pearson's χ² of counts that should be equal. */
  function chiSquare(counts: number[]): number {
    const expected = counts.reduce((sum, count) => sum + count, 0) / counts.length;
    return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
  }

  test('every host equally often', () => {
    // 99.9 % of uniform samples stay below 18.47 with 4 degrees of freedom.
    for (const seed of [1, 2, 3]) assert.ok(chiSquare(tally(random, makeHosts([1, 1, 1, 1, 1]), 10_000, seed)) < 18.47);
  });

  test('the healthy ones equally often: the neighbour of an unhealthy host gets no more', () => {
    const hosts = makeHosts([1, 1, 1, 1, 1]);
    (hosts[1] as Host).health = HealthBit.ActiveCheck;
    for (const seed of [1, 2, 3]) {
      const counts = tally(random, hosts, 10_000, seed).filter((_, i) => i !== 1);
      // 3 degrees of freedom.
      assert.ok(chiSquare(counts) < 16.27, `${counts}`);
    }
  });

  test('draws from the number it is given', () => {
    const hosts = makeHosts([1, 1, 1, 1]);
    const balancer = random(hosts, seeded(1));
    assert.deepEqual(
      [0, 0.3, 0.5, 0.99].map((value) => balancer.choose(context(() => value))?.slot),
      [0, 1, 2, 3],
    );
  });
});
