/**
 * Host names to addresses.
 *
 * An answer is used for 15 s (as in MOSN). After that it is asked again when somebody wants it: whoever asks for a name
 * whose answer is being fetched waits for the same one. When an answer fails or is late, the last good one is used.
 */

import type { Clock, TimerHandle } from '../api/timer.ts';

export type Family = 4 | 6;

export interface ResolvedAddress {
  address: string;
  family: number;
}

/** Fetches all addresses of a name, once. */
export type Lookup = (name: string, done: (error: Error | null, addresses: ResolvedAddress[]) => void) => void;

/** Who waits for an answer. */
export interface ResolveWaiter {
  /** Which family is preferred. */
  readonly family: Family;
  /** An IP literal, or undefined when there is no answer. */
  onResolved(address: string | undefined): void;
}

/** How long an answer is used. */
const FRESH_MS = 15_000;
/** How soon a failed name is asked again. */
const RETRY_MS = 1000;
/** After this the last good answer is used, if there is one. */
const LATE_MS = 1000;

export class Resolver {
  readonly #lookup: Lookup;
  readonly #clock: Clock;
  /** Names come from the configuration: this cannot grow without bound. */
  readonly #names = new Map<string, ResolvedName>();

  constructor(lookup: Lookup, clock: Clock) {
    this.#lookup = lookup;
    this.#clock = clock;
  }

  /** `waiter` is called once, at once if the answer is known. */
  resolve(name: string, waiter: ResolveWaiter): void {
    let entry = this.#names.get(name);
    if (entry === undefined) {
      entry = new ResolvedName(name, this.#lookup, this.#clock);
      this.#names.set(name, entry);
    }
    entry.resolve(waiter);
  }

  /** Forgets a waiter. */
  cancel(name: string, waiter: ResolveWaiter): void {
    this.#names.get(name)?.cancel(waiter);
  }
}

/** What is known of one name. */
class ResolvedName {
  readonly #name: string;
  readonly #lookup: Lookup;
  readonly #clock: Clock;
  readonly #waiters = new Set<ResolveWaiter>();
  readonly #lateTimer: TimerHandle;
  /** Of both families, as the lookup ordered them; empty before the first good answer. */
  #v4: readonly string[] = [];
  #v6: readonly string[] = [];
  #askAgainAt = Number.NEGATIVE_INFINITY;
  #asking = false;
  #late = false;
  /** Several addresses are used in turn. */
  #next = 0;

  constructor(name: string, lookup: Lookup, clock: Clock) {
    this.#name = name;
    this.#lookup = lookup;
    this.#clock = clock;
    this.#lateTimer = clock.timer(() => this.#onLate());
  }

  resolve(waiter: ResolveWaiter): void {
    if (!this.#asking && this.#clock.now() >= this.#askAgainAt) {
      this.#waiters.add(waiter);
      this.#ask();
    } else if (this.#asking && !this.#late) this.#waiters.add(waiter);
    else waiter.onResolved(this.#choose(waiter.family));
  }

  cancel(waiter: ResolveWaiter): void {
    this.#waiters.delete(waiter);
  }

  #ask(): void {
    this.#asking = true;
    if (this.#isKnown) this.#lateTimer.start(LATE_MS);
    this.#lookup(this.#name, (error, addresses) => this.#onAnswer(error, addresses));
  }

  #onAnswer(error: Error | null, addresses: ResolvedAddress[]): void {
    this.#asking = false;
    this.#late = false;
    this.#lateTimer.stop();
    if (error === null && addresses.length > 0) {
      this.#v4 = addresses.filter(({ family }) => family === 4).map(({ address }) => address);
      this.#v6 = addresses.filter(({ family }) => family === 6).map(({ address }) => address);
      this.#askAgainAt = this.#clock.now() + FRESH_MS;
    } else {
      this.#askAgainAt = this.#clock.now() + RETRY_MS;
    }
    this.#answerWaiters();
  }

  #onLate(): void {
    this.#late = true;
    this.#answerWaiters();
  }

  #answerWaiters(): void {
    const waiters = [...this.#waiters];
    this.#waiters.clear();
    for (const waiter of waiters) waiter.onResolved(this.#choose(waiter.family));
  }

  get #isKnown(): boolean {
    return this.#v4.length + this.#v6.length > 0;
  }

  #choose(family: Family): string | undefined {
    const preferred = family === 6 ? this.#v6 : this.#v4;
    const addresses = preferred.length > 0 ? preferred : family === 6 ? this.#v4 : this.#v6;
    if (addresses.length === 0) return undefined;
    return addresses[this.#next++ % addresses.length];
  }
}
