/** One event that counts twice: for a part (a listener, a host) and for the whole it belongs to. */

import type { Counter, Histogram } from '../api/metrics.ts';

export class JoinedCounter implements Counter {
  readonly #part: Counter;
  readonly #whole: Counter;

  constructor(part: Counter, whole: Counter) {
    this.#part = part;
    this.#whole = whole;
  }

  add(n: number): void {
    this.#part.add(n);
    this.#whole.add(n);
  }

  /** The part's. */
  get value(): number {
    return this.#part.value;
  }
}

export class JoinedHistogram implements Histogram {
  readonly #part: Histogram;
  readonly #whole: Histogram;

  constructor(part: Histogram, whole: Histogram) {
    this.#part = part;
    this.#whole = whole;
  }

  observe(value: number): void {
    this.#part.observe(value);
    this.#whole.observe(value);
  }
}
