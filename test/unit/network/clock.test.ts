import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { TimerHandle } from '../../../src/api/timer.ts';
import { clock, ThreadClock } from '../../../src/network/clock.ts';
import { setFaultHandler } from '../../../src/network/fault.ts';
import { FakeTime } from './support.ts';

const FINE_MS = 10;
const COARSE_MS = 500;

/** A clock on fake time with a log of what fired when. */
function fixture() {
  const time = new FakeTime();
  const clock = new ThreadClock(time);
  const fired: [name: string, at: number][] = [];
  const timer = (name: string) => clock.timer(() => fired.push([name, time.now()]));
  return { time, clock, fired, timer };
}

test('a short timer fires within a fine tick after its time, once', () => {
  const { time, timer, fired } = fixture();
  const one = timer('one');
  time.advance(3);
  one.start(25);
  assert.ok(one.armed);
  time.advance(24);
  assert.deepEqual(fired, []);
  time.advance(1 + FINE_MS);
  assert.equal(fired.length, 1);
  assert.ok(!one.armed);
  time.advance(60_000);
  assert.equal(fired.length, 1);
});

test('a long timer fires within a coarse tick after its time', () => {
  const { time, timer, fired } = fixture();
  timer('one').start(90_000);
  time.advance(89_999);
  assert.deepEqual(fired, []);
  time.advance(1 + COARSE_MS);
  assert.equal(fired.length, 1);
});

test('a delay longer than the wheel waits for its round', () => {
  const { time, timer, fired } = fixture();
  timer('hour').start(3_600_000);
  time.advance(3_599_999);
  assert.deepEqual(fired, []);
  time.advance(1 + COARSE_MS);
  assert.equal(fired.length, 1);
});

test('starting again moves the time, forth and back', () => {
  const { time, timer, fired } = fixture();
  const one = timer('one');
  one.start(1000);
  time.advance(900);
  one.start(1000);
  time.advance(999);
  assert.deepEqual(fired, []);
  one.start(50);
  time.advance(49);
  assert.deepEqual(fired, []);
  time.advance(1 + FINE_MS);
  assert.equal(fired.length, 1);
  one.start(20_000);
  one.start(20);
  time.advance(20 + FINE_MS);
  assert.equal(fired.length, 2);
});

test('a stopped timer does not fire, and stopping twice is harmless', () => {
  const { time, timer, fired, clock } = fixture();
  const one = timer('one');
  one.stop();
  one.start(100);
  one.stop();
  one.stop();
  assert.equal(clock.armed, 0);
  time.advance(1000);
  assert.deepEqual(fired, []);
});

test('callbacks may stop and start any timer, also one that is due at the same tick', () => {
  const time = new FakeTime();
  const clock = new ThreadClock(time);
  const fired: string[] = [];
  const second = clock.timer(() => fired.push('second'));
  const third = clock.timer(() => fired.push('third'));
  const first: TimerHandle = clock.timer(() => {
    fired.push('first');
    second.stop();
    third.start(100);
    if (fired.length === 1) first.start(0);
  });
  first.start(20);
  second.start(20);
  third.start(20);
  time.advance(25);
  assert.deepEqual(fired, ['first']);
  time.advance(10);
  assert.deepEqual(fired, ['first', 'first']);
  time.advance(100 + FINE_MS);
  assert.deepEqual(fired, ['first', 'first', 'third']);
});

test('a wheel ticks only while it holds timers', () => {
  const { time, timer } = fixture();
  assert.equal(time.intervals, 0);
  const short = timer('short');
  const long = timer('long');
  short.start(100);
  assert.equal(time.intervals, 1);
  long.start(20_000);
  assert.equal(time.intervals, 2);
  time.advance(200);
  assert.equal(time.intervals, 1);
  long.stop();
  time.advance(COARSE_MS);
  assert.equal(time.intervals, 0);
  short.start(50);
  time.advance(49);
  assert.ok(short.armed);
  time.advance(1 + FINE_MS);
  assert.ok(!short.armed);
});

test('after a stall of the loop everything that is due fires, and nothing else', () => {
  const { time, timer, fired } = fixture();
  timer('a').start(5000);
  timer('b').start(9_900);
  timer('c').start(300_000);
  timer('d').start(900_000);
  time.stall(600_000);
  assert.deepEqual(fired.map(([name]) => name).sort(), ['a', 'b', 'c']);
  time.advance(300_000 + COARSE_MS);
  assert.equal(fired.length, 4);
});

test('a throw in a timer is reported and the others fire', (t) => {
  const faults: unknown[] = [];
  const previous = setFaultHandler((_error, where) => faults.push(where));
  t.after(() => setFaultHandler(previous));
  const { time, timer, clock, fired } = fixture();
  clock
    .timer(() => {
      throw new Error('broken');
    })
    .start(10);
  timer('good').start(10);
  time.advance(30);
  assert.deepEqual(faults, ['timer']);
  assert.equal(fired.length, 1);
});

test('any sequence: never early, late by at most a tick, each arming fires at most once', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('start' as const), timer: fc.nat(5), ms: fc.oneof(fc.nat(200), fc.nat(700_000)) }),
    fc.record({ kind: fc.constant('stop' as const), timer: fc.nat(5), ms: fc.constant(0) }),
    fc.record({ kind: fc.constant('pass' as const), timer: fc.constant(0), ms: fc.oneof(fc.nat(50), fc.nat(300_000)) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), fc.double({ min: 0, max: 5000, noNaN: true }), (steps, origin) => {
      const time = new FakeTime();
      time.time = origin;
      const clock = new ThreadClock(time);
      /** Deadline of each timer that is armed, and how late it may be. */
      const expected = new Map<number, { at: number; slack: number }>();
      const timers = Array.from({ length: 6 }, (_, i) =>
        clock.timer(() => {
          const due = expected.get(i);
          assert.ok(due, 'fired without being armed');
          assert.ok(time.now() >= due.at, 'early');
          assert.ok(time.now() <= due.at + due.slack, 'late');
          expected.delete(i);
        }),
      );
      for (const { kind, timer, ms } of steps) {
        if (kind === 'pass') time.advance(ms);
        else if (kind === 'stop') {
          timers[timer]?.stop();
          expected.delete(timer);
        } else {
          timers[timer]?.start(ms);
          expected.set(timer, { at: time.now() + ms, slack: ms < 10_000 ? FINE_MS : COARSE_MS });
        }
        assert.equal(clock.armed, expected.size);
      }
      time.advance(800_000);
      assert.equal(expected.size, 0);
    }),
    { numRuns: 300 },
  );
});

test('the clock of the thread fires in real time and keeps its promise', async () => {
  const started = performance.now();
  // A timer here does not keep the process alive by itself.
  const alive = setInterval(() => {}, 1000);
  await new Promise<void>((resolve) => clock.timer(resolve).start(30));
  clearInterval(alive);
  assert.ok(performance.now() - started >= 29);
});
