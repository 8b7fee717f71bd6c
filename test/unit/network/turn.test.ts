import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { setFaultHandler } from '../../../src/network/fault.ts';
import { type Flushable, turn } from '../../../src/network/turn.ts';

function flushable(flush: () => void): Flushable {
  return { nextFlush: null, flushQueued: false, flush };
}

test('time stands still during a turn and moves on with the next', async () => {
  const first = turn.now();
  const wall = turn.wallTime();
  let spin = performance.now();
  while (performance.now() === spin || performance.now() - first < 2) spin = performance.now();
  assert.equal(turn.now(), first);
  assert.equal(turn.wallTime(), wall);
  await nextTurn();
  await nextTurn();
  assert.ok(turn.now() > first);
});

test('what is queued is flushed once, in order, at the end of the turn', async () => {
  const flushed: string[] = [];
  const a = flushable(() => flushed.push('a'));
  const b = flushable(() => flushed.push('b'));
  turn.flushLater(b);
  turn.flushLater(a);
  turn.flushLater(b);
  assert.deepEqual(flushed, []);
  await nextTurn();
  assert.deepEqual(flushed, ['b', 'a']);
  turn.flushLater(a);
  await nextTurn();
  assert.deepEqual(flushed, ['b', 'a', 'a']);
});

test('what a flush queues is flushed in the same turn, also itself', async () => {
  const flushed: string[] = [];
  const late = flushable(() => flushed.push('late'));
  const first = flushable(() => {
    flushed.push('first');
    turn.flushLater(late);
    if (flushed.length === 1) turn.flushLater(first);
  });
  turn.flushLater(first);
  await nextTurn();
  assert.deepEqual(flushed, ['first', 'late', 'first', 'late']);
});

test('a throw in one flush is reported and does not keep the others from theirs', async (t) => {
  const faults: unknown[] = [];
  const previous = setFaultHandler((error, where) => faults.push(where, (error as Error).message));
  t.after(() => setFaultHandler(previous));
  let flushed = false;
  turn.flushLater(
    flushable(() => {
      throw new Error('broken');
    }),
  );
  turn.flushLater(flushable(() => (flushed = true)));
  await nextTurn();
  assert.ok(flushed);
  assert.deepEqual(faults, ['flush', 'broken']);
});

test('promises and timers may queue outside of an entry point', async () => {
  let flushed = 0;
  const target = flushable(() => flushed++);
  await Promise.resolve().then(() => turn.flushLater(target));
  await nextTurn();
  assert.equal(flushed, 1);
  await new Promise<void>((resolve) => {
    setTimeout(() => {
      turn.flushLater(target);
      resolve();
    }, 0);
  });
  await nextTurn();
  assert.equal(flushed, 2);
});
