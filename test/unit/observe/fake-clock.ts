/** A clock that stands still until it is told to advance. */

import type { Clock, TimerHandle } from '../../../src/api/timer.ts';

class FakeTimer implements TimerHandle {
  due = Number.POSITIVE_INFINITY;
  readonly #clock: FakeClock;
  readonly #onTimer: () => void;

  constructor(clock: FakeClock, onTimer: () => void) {
    this.#clock = clock;
    this.#onTimer = onTimer;
  }

  start(ms: number): void {
    this.due = this.#clock.now() + ms;
  }

  stop(): void {
    this.due = Number.POSITIVE_INFINITY;
  }

  get armed(): boolean {
    return this.due !== Number.POSITIVE_INFINITY;
  }

  fire(): void {
    this.stop();
    this.#onTimer();
  }
}

export class FakeClock implements Clock {
  #now = 0;
  readonly #epoch: number;
  readonly #timers: FakeTimer[] = [];

  /** `start` is the wall time at the beginning. */
  constructor(start: Date = new Date(2026, 0, 15, 12)) {
    this.#epoch = start.getTime();
  }

  now(): number {
    return this.#now;
  }

  wallTime(): number {
    return this.#epoch + this.#now;
  }

  timer(onTimer: () => void): TimerHandle {
    const timer = new FakeTimer(this, onTimer);
    this.#timers.push(timer);
    return timer;
  }

  /** Lets time pass, then runs what has become due. */
  advance(ms: number): void {
    this.#now += ms;
    for (const timer of this.#timers) if (timer.due <= this.#now) timer.fire();
  }

  get armed(): number {
    return this.#timers.filter((timer) => timer.armed).length;
  }
}
