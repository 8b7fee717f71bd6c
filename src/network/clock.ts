/** The thread's clock: the turn's time and two timer wheels (`src/api/timer.ts` says what it promises). */

import type { Clock, TimerHandle } from '../api/timer.ts';
import { TimerWheel, type TimeSource, WheelTimer } from './timer-wheel.ts';
import { turn } from './turn.ts';

const FINE_TICK_MS = 10;
const FINE_SLOTS = 1024;
const COARSE_TICK_MS = 500;
const COARSE_SLOTS = 256;
/** Delays from here on go to the coarse wheel. */
const COARSE_FROM_MS = 10_000;

/** The turn's time. Intervals do not keep the process alive: whatever waits for a timer here holds a socket as well. */
const turnTime: TimeSource = {
  now: () => turn.now(),
  wallTime: () => turn.wallTime(),
  every(ms, tick) {
    const interval = setInterval(tick, ms).unref();
    return () => clearInterval(interval);
  },
};

export class ThreadClock implements Clock {
  readonly #time: TimeSource;
  readonly #fine: TimerWheel;
  readonly #coarse: TimerWheel;

  constructor(time: TimeSource = turnTime) {
    this.#time = time;
    this.#fine = new TimerWheel(time, FINE_TICK_MS, FINE_SLOTS, COARSE_FROM_MS);
    this.#coarse = new TimerWheel(time, COARSE_TICK_MS, COARSE_SLOTS, Number.POSITIVE_INFINITY);
  }

  now(): number {
    return this.#time.now();
  }

  wallTime(): number {
    return this.#time.wallTime();
  }

  timer(onTimer: () => void): TimerHandle {
    return new WheelTimer(this.#fine, this.#coarse, onTimer);
  }

  /** How many timers are armed. */
  get armed(): number {
    return this.#fine.size + this.#coarse.size;
  }
}

/** This thread's clock. */
export const clock: ThreadClock = new ThreadClock();
