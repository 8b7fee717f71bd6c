/** What every balancer must do, run against each of them. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { BalancerContext, BalancerFactory } from '../../../src/upstream/balancer.ts';
import { HealthBit, type Host } from '../../../src/upstream/host.ts';
import { makeHosts } from './fakes.ts';

/** Numbers in [0, 1) that follow from a seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function context(random: () => number, triedHosts: readonly Host[] = []): BalancerContext {
  return { attempt: triedHosts.length, random, triedHosts };
}

/** How often each host was chosen in `picks` choices. */
export function tally(factory: BalancerFactory, hosts: readonly Host[], picks: number, seed: number): number[] {
  const random = seeded(seed);
  const balancer = factory(hosts, random);
  const counts = hosts.map(() => 0);
  for (let i = 0; i < picks; i++) {
    const host = balancer.choose(context(random)) as Host;
    counts[host.slot] = (counts[host.slot] as number) + 1;
  }
  return counts;
}

export function balancerContract(name: string, factory: BalancerFactory): void {
  describe(`${name}: contract`, () => {
    test('no host: undefined', () => {
      assert.equal(factory([], seeded(1)).choose(context(seeded(1))), undefined);
    });

    test('one host: that one, while it is healthy, tried or not', () => {
      const [host] = makeHosts([1]) as [Host];
      const balancer = factory([host], seeded(1));
      assert.equal(balancer.choose(context(seeded(1))), host);
      assert.equal(balancer.choose(context(seeded(1), [host])), host);
      host.health = HealthBit.ActiveCheck;
      assert.equal(balancer.choose(context(seeded(1))), undefined);
    });

    test('works without a list of tried hosts', () => {
      const hosts = makeHosts([1, 2]);
      const balancer = factory(hosts, seeded(2));
      assert.ok(balancer.choose({ attempt: 0, random: seeded(3) }));
    });

    test('never an unhealthy host, a tried one only when no other is healthy, none only when none is healthy', () => {
      const spec = fc.array(
        fc.record({ weight: fc.integer({ min: 1, max: 128 }), up: fc.boolean(), tried: fc.boolean() }),
        {
          minLength: 1,
          maxLength: 12,
        },
      );
      fc.assert(
        fc.property(spec, fc.integer(), fc.integer({ min: 1, max: 40 }), (specs, seed, picks) => {
          const hosts = makeHosts(specs.map(({ weight }) => weight));
          const random = seeded(seed);
          const balancer = factory(hosts, random);
          // Some choices before, so that health changes meet a balancer that is under way.
          for (let i = 0; i < picks; i++) balancer.choose(context(random));
          specs.forEach(({ up }, i) => {
            (hosts[i] as Host).health = up ? 0 : HealthBit.Outlier;
          });
          const tried = hosts.filter((_, i) => specs[i]?.tried);
          const healthy = hosts.filter((host) => host.health === 0);
          const fresh = healthy.filter((host) => !tried.includes(host));
          for (let i = 0; i < picks; i++) {
            const host = balancer.choose(context(random, tried));
            if (healthy.length === 0) assert.equal(host, undefined);
            else assert.ok((fresh.length > 0 ? fresh : healthy).includes(host as Host));
          }
        }),
        { numRuns: 300 },
      );
    });

    test('every healthy host gets requests', () => {
      const hosts = makeHosts([1, 1, 1, 1, 1]);
      (hosts[2] as Host).health = HealthBit.ActiveCheck;
      const counts = tally(factory, hosts, 2000, 7);
      assert.deepEqual(
        counts.map((count) => count > 0),
        [true, true, false, true, true],
      );
    });

    test('a host that recovers is not flooded', () => {
      const hosts = makeHosts([4, 2, 1]);
      const [first] = hosts as [Host];
      const random = seeded(11);
      const balancer = factory(hosts, random);
      first.health = HealthBit.ActiveCheck;
      for (let i = 0; i < 1000; i++) balancer.choose(context(random));
      first.health = 0;
      let longest = 0;
      let run = 0;
      for (let i = 0; i < 100; i++) {
        run = balancer.choose(context(random)) === first ? run + 1 : 0;
        longest = Math.max(longest, run);
      }
      assert.ok(longest < 12, `${longest} in a row`);
    });
  });
}
