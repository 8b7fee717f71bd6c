/** First come, first served: a ring of waiting requests with the time at which each came. */

import type { PoolWaiter } from './pool.ts';

const FIRST_CAPACITY = 8;

export class WaiterQueue {
  /** A power of two long; a cancelled waiter leaves a hole. */
  #waiters: (PoolWaiter | undefined)[] = new Array(FIRST_CAPACITY).fill(undefined);
  #times: number[] = new Array(FIRST_CAPACITY).fill(0);
  /** Positions count up for ever; the ring index is their low bits. Between them: waiters and holes. */
  #head = 0;
  #tail = 0;
  /** Waiters, holes not counted. */
  length = 0;

  push(waiter: PoolWaiter, now: number): void {
    if (this.#tail - this.#head === this.#waiters.length) this.#grow();
    const index = this.#tail & (this.#waiters.length - 1);
    this.#waiters[index] = waiter;
    this.#times[index] = now;
    this.#tail++;
    this.length++;
  }

  /** Takes the one that has waited longest. */
  shift(): PoolWaiter | undefined {
    if (this.length === 0) return undefined;
    const index = this.#head & (this.#waiters.length - 1);
    const waiter = this.#waiters[index];
    this.#waiters[index] = undefined;
    this.#head++;
    this.length--;
    this.#skipHoles();
    return waiter;
  }

  /** When the one that has waited longest came; the queue must not be empty. */
  get oldest(): number {
    return this.#times[this.#head & (this.#waiters.length - 1)] as number;
  }

  /** Returns whether the waiter was in the queue. */
  remove(waiter: PoolWaiter): boolean {
    const mask = this.#waiters.length - 1;
    for (let position = this.#head; position < this.#tail; position++) {
      if (this.#waiters[position & mask] !== waiter) continue;
      this.#waiters[position & mask] = undefined;
      this.length--;
      this.#skipHoles();
      return true;
    }
    return false;
  }

  /** The head is never a hole. */
  #skipHoles(): void {
    const mask = this.#waiters.length - 1;
    while (this.#head < this.#tail && this.#waiters[this.#head & mask] === undefined) this.#head++;
  }

  /** Drops the holes; twice the room if that does not free half of it. */
  #grow(): void {
    const old = this.#waiters;
    const oldTimes = this.#times;
    const capacity = this.length * 2 > old.length ? old.length * 2 : old.length;
    this.#waiters = new Array(capacity).fill(undefined);
    this.#times = new Array(capacity).fill(0);
    let length = 0;
    for (let position = this.#head; position < this.#tail; position++) {
      const index = position & (old.length - 1);
      if (old[index] === undefined) continue;
      this.#waiters[length] = old[index];
      this.#times[length] = oldTimes[index] as number;
      length++;
    }
    this.#head = 0;
    this.#tail = length;
  }
}
