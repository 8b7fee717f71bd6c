/** Bounds the retries in flight by a share of the active requests, so that retries cannot multiply an overload. */

export class RetryBudget {
  readonly #percent: number;
  readonly #minRetries: number;
  /** Retries in flight. */
  used: number;

  /** `minRetries` are allowed however few requests are active. */
  constructor(percent: number, minRetries: number) {
    this.#percent = percent;
    this.#minRetries = minRetries;
    this.used = 0;
  }

  /** `activeRequests`: requests that wait for the cluster or are in flight to it. */
  tryAcquire(activeRequests: number): boolean {
    const allowed = Math.max(this.#minRetries, Math.floor((activeRequests * this.#percent) / 100));
    if (this.used >= allowed) return false;
    this.used++;
    return true;
  }

  release(): void {
    this.used--;
  }
}
