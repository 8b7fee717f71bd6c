/**
 * The event-loop turn: time is read once in it, and what connections queued during it goes out at its end ("batch by
 * turn"), so that a connection written to by many callbacks makes one system call.
 *
 * Every entry point (socket callbacks, timers) calls `enter` first. A turn lasts from there to the check phase of the
 * loop, right after all sockets that were readable have been served. What writes outside of an entry point (a
 * promise, a dns callback) enters by `flushLater`.
 */

import { reportFault } from './fault.ts';

/** Something with work for the end of the turn. It is queued at most once: see `queued`. */
export interface Flushable {
  /** Link and mark of the turn's queue; set to `null` and false at first, and then left to the turn. */
  nextFlush: Flushable | null;
  flushQueued: boolean;
  flush(): void;
}

// The one place that decides when a turn ends: `setImmediate` gathers the callbacks of one poll, `process.nextTick`
// would flush after each callback.
const atTurnEnd: (callback: () => void) => void = setImmediate;

export class Turn {
  #open = false;
  #now = 0;
  #wallTime = 0;
  #first: Flushable | null = null;
  #last: Flushable | null = null;

  /** Begins a turn unless one is open. */
  enter(): void {
    if (this.#open) return;
    this.#open = true;
    this.#now = performance.now();
    this.#wallTime = 0;
    atTurnEnd(endTurn);
  }

  /** Milliseconds, monotonic, the same during the whole turn. */
  now(): number {
    if (!this.#open) this.enter();
    return this.#now;
  }

  /** Milliseconds since the epoch, the same during the whole turn. */
  wallTime(): number {
    if (!this.#open) this.enter();
    if (this.#wallTime === 0) this.#wallTime = Date.now();
    return this.#wallTime;
  }

  /** Has `target.flush` called at the end of this turn; once, however often it is asked for. */
  flushLater(target: Flushable): void {
    if (target.flushQueued) return;
    target.flushQueued = true;
    if (!this.#open) this.enter();
    if (this.#last === null) this.#first = target;
    else this.#last.nextFlush = target;
    this.#last = target;
  }

  /** Flushes, also what is queued by the flushing itself. Called by the event loop. */
  end(): void {
    for (let target = this.#first; target !== null; target = this.#first) {
      this.#first = target.nextFlush;
      if (this.#first === null) this.#last = null;
      target.nextFlush = null;
      target.flushQueued = false;
      try {
        target.flush();
      } catch (error) {
        reportFault(error, 'flush');
      }
    }
    this.#open = false;
  }
}

/** This thread's turn. */
export const turn: Turn = new Turn();

function endTurn(): void {
  turn.end();
}
