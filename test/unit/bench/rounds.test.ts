import assert from 'node:assert/strict';
import { test } from 'node:test';
import { interleave, type Visit } from '../../../bench/rounds.ts';
import { compare, medianOf } from '../../../bench/scenario.ts';

function visit(total: number, seconds: number): Visit {
  return { amount: 10, seconds, cpu: { total, user: total / 2, system: total / 2 }, p50: seconds, p99: 9, peak: total };
}

test('a round goes there and back, and adds up the two visits of each peer', async () => {
  const order: string[] = [];
  const rounds = await interleave('test', [{ name: 'a' }, { name: 'b' }, { name: 'c' }], 2, async ({ name }) => {
    order.push(name);
    return visit(order.length, order.length);
  });
  assert.equal(order.join(''), 'abccbaabccba');
  assert.deepEqual([...rounds.keys()], ['a', 'b', 'c']);
  assert.deepEqual(rounds.get('b'), [
    { amount: 20, seconds: 7, cpu: { total: 7, user: 3.5, system: 3.5 }, p50: 3.5, p99: 9, peak: 5 },
    { amount: 20, seconds: 19, cpu: { total: 19, user: 9.5, system: 9.5 }, p50: 9.5, p99: 9, peak: 11 },
  ]);
});

test('a machine that slows down steadily leaves the ratio of equal peers at 1', async () => {
  let now = 0;
  const rounds = await interleave('test', [{ name: 'a' }, { name: 'b' }], 3, async () => visit(100 + now++, 1));
  assert.equal(compare(rounds, 'b', 'a', ({ cpu }) => cpu.total)?.median, 1);
  assert.equal(
    medianOf(rounds, 'a', ({ cpu }) => cpu.total),
    211,
  );
  assert.equal(
    compare(rounds, 'a', 'absent', ({ cpu }) => cpu.total),
    undefined,
  );
});
