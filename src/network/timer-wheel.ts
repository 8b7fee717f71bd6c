/**
 * A hashed timer wheel: slots of one tick's width, each a circular list of the timers that fall due in it.
 *
 *   slots   [0] ⇄ a ⇄ b      a timer keeps its exact deadline, so it never fires early and is late by at most a tick.
 *           [1]              Deadlines further away than the wheel is long share the slot of an earlier round and
 *           [2] ⇄ c          stay there until their own comes.
 *
 * Arming and disarming is relinking: constant time, no allocation. A timer whose deadline is moved back (an idle
 * time-out on a busy connection) is not even relinked; the wheel finds the new deadline when it passes the old slot.
 */

import type { TimerHandle } from '../api/timer.ts';
import { reportFault } from './fault.ts';

/** Time and its passing; a fake one in tests. */
export interface TimeSource {
  /** Milliseconds, monotonic. */
  now(): number;
  /** Milliseconds since the epoch. */
  wallTime(): number;
  /** Calls `tick` every `ms` milliseconds until the function that it returns is called. */
  every(ms: number, tick: () => void): () => void;
}

/** A link of a circular list; a slot's head or a timer. One that points to itself is alone. */
class Link {
  previous: Link;
  next: Link;

  constructor() {
    this.previous = this;
    this.next = this;
  }

  unlink(): void {
    this.previous.next = this.next;
    this.next.previous = this.previous;
    this.previous = this;
    this.next = this;
  }

  /** Puts this link at the end of the list of `head`. */
  appendTo(head: Link): void {
    this.previous = head.previous;
    this.next = head;
    head.previous.next = this;
    head.previous = this;
  }
}

/** A timer of a pair of wheels: the wheel is chosen by the delay, each time it is armed. */
export class WheelTimer extends Link implements TimerHandle {
  /** Milliseconds of the time source; meaningful while armed. */
  deadline = 0;
  /** The deadline by which the timer was linked into its slot; never after `deadline`. */
  slotDeadline = 0;
  /** The wheel that holds it, or null when not armed. */
  wheel: TimerWheel | null = null;
  readonly #fine: TimerWheel;
  readonly #coarse: TimerWheel;
  readonly #onTimer: () => void;

  constructor(fine: TimerWheel, coarse: TimerWheel, onTimer: () => void) {
    super();
    this.#fine = fine;
    this.#coarse = coarse;
    this.#onTimer = onTimer;
  }

  get armed(): boolean {
    return this.wheel !== null;
  }

  start(ms: number): void {
    const wheel = ms < this.#fine.horizon ? this.#fine : this.#coarse;
    const deadline = wheel.now() + Math.max(ms, 0);
    if (this.wheel === wheel && deadline >= this.slotDeadline) {
      this.deadline = deadline;
      return;
    }
    this.stop();
    this.deadline = deadline;
    wheel.insert(this);
  }

  stop(): void {
    if (this.wheel !== null) this.wheel.remove(this);
  }

  /** Called by the wheel, after removal. */
  fire(): void {
    try {
      this.#onTimer();
    } catch (error) {
      reportFault(error, 'timer');
    }
  }
}

export class TimerWheel {
  /** Delays from this one on, in milliseconds, belong to another wheel. */
  readonly horizon: number;
  readonly #time: TimeSource;
  readonly #tickMs: number;
  readonly #mask: number;
  /** A slot is made when a timer first falls into it. */
  readonly #slots: (Link | undefined)[];
  readonly #due = new Link();
  readonly #advance: () => void;
  /** The tick that was reached last; its slot may still hold timers of the rest of its width. */
  #tick = 0;
  #armed = 0;
  #stopTicking: (() => void) | undefined;

  /** `slots` is a power of two. */
  constructor(time: TimeSource, tickMs: number, slots: number, horizon: number) {
    this.horizon = horizon;
    this.#time = time;
    this.#tickMs = tickMs;
    this.#mask = slots - 1;
    this.#slots = new Array<Link | undefined>(slots).fill(undefined);
    this.#advance = () => this.advance();
  }

  /** How many timers are armed. */
  get size(): number {
    return this.#armed;
  }

  now(): number {
    return this.#time.now();
  }

  insert(timer: WheelTimer): void {
    if (this.#stopTicking === undefined) {
      this.#tick = this.#tickOf(this.#time.now());
      this.#stopTicking = this.#time.every(this.#tickMs, this.#advance);
    }
    timer.wheel = this;
    this.#armed++;
    this.#link(timer);
  }

  remove(timer: WheelTimer): void {
    timer.unlink();
    timer.wheel = null;
    this.#armed--;
  }

  /** Fires what is due. The interval runs on until a tick finds nothing armed, so that busy wheels do not restart it. */
  advance(): void {
    if (this.#armed === 0) {
      this.#stopTicking?.();
      this.#stopTicking = undefined;
      return;
    }
    const now = this.#time.now();
    const last = this.#tickOf(now);
    let tick = Math.max(this.#tick, last - this.#mask);
    for (; tick <= last; tick++) {
      const slot = this.#slots[tick & this.#mask];
      if (slot !== undefined) this.#collect(slot, now);
    }
    this.#tick = last;
    // From a list of its own, so that a callback may arm and disarm any timer, also one that is due now.
    const due = this.#due;
    while (due.next !== due) {
      const timer = due.next as WheelTimer;
      this.remove(timer);
      timer.fire();
    }
  }

  #collect(slot: Link, now: number): void {
    let link = slot.next;
    while (link !== slot) {
      const timer = link as WheelTimer;
      link = link.next;
      if (timer.deadline <= now) {
        timer.unlink();
        timer.appendTo(this.#due);
        // Here a later deadline is not found any more: starting it again must link it anew.
        timer.slotDeadline = Number.POSITIVE_INFINITY;
      } else if (timer.deadline !== timer.slotDeadline) {
        timer.unlink();
        this.#link(timer);
      }
    }
  }

  #link(timer: WheelTimer): void {
    timer.slotDeadline = timer.deadline;
    const index = this.#tickOf(timer.deadline) & this.#mask;
    this.#slots[index] ??= new Link();
    timer.appendTo(this.#slots[index]);
  }

  #tickOf(time: number): number {
    return Math.floor(time / this.#tickMs);
  }
}
