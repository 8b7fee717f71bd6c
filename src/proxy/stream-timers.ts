/**
 * Timers of streams. Every request needs one and gives it back, so they are lent from a free list: no closure and no
 * timer is made per request.
 */

import type { Clock, TimerHandle } from '../api/timer.ts';

export interface TimerOwner {
  onTimer(timer: StreamTimer): void;
}

export class StreamTimer {
  readonly #handle: TimerHandle;
  owner: TimerOwner | undefined;

  constructor(clock: Clock) {
    this.#handle = clock.timer(() => this.owner?.onTimer(this));
  }

  /** Arms or re-arms. */
  start(ms: number): void {
    this.#handle.start(ms);
  }

  stop(): void {
    this.#handle.stop();
  }
}

export class StreamTimers {
  readonly clock: Clock;
  readonly #free: StreamTimer[] = [];

  constructor(clock: Clock) {
    this.clock = clock;
  }

  lend(owner: TimerOwner): StreamTimer {
    const timer = this.#free.pop() ?? new StreamTimer(this.clock);
    timer.owner = owner;
    return timer;
  }

  giveBack(timer: StreamTimer): void {
    timer.stop();
    timer.owner = undefined;
    this.#free.push(timer);
  }
}
