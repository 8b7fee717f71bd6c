/**
 * Whether a request is sent again, and when (MOSN: spec section 3.6; decided differences: `num_retries` is honoured,
 * back-off grows with jitter, a budget bounds retries per cluster).
 */

import { Reason } from '../api/reason.ts';
import type { RetryPolicy } from '../router/route.ts';

const BASE_BACKOFF_MS = 10;
const MAX_BACKOFF_MS = 250;

/**
 * An idle connection that the host closes while a request is being written is nobody's fault: the request is sent
 * again at once, on a new connection, without counting as a retry. At the limit of connections there may be no new one,
 * and a race may be lost again: at most this often per request.
 */
const MAX_RACES = 3;

/** RFC 9110, section 9.2.2. */
const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']);

export function isIdempotent(method: string): boolean {
  return IDEMPOTENT.has(method);
}

export class RetryState {
  readonly #policy: RetryPolicy;
  #left: number;
  #races = 0;
  /** Retries that were granted, for the access log and the back-off. */
  used = 0;

  constructor(policy: RetryPolicy) {
    this.#policy = policy;
    this.#left = policy.retries;
  }

  /** Any status that this policy retries. */
  wantsStatus(status: number): boolean {
    const policy = this.#policy;
    if (!policy.retryOn || this.#left === 0) return false;
    return policy.statusCodes.length === 0 ? status >= 500 : policy.statusCodes.includes(status);
  }

  wantsFailure(reason: Reason): boolean {
    if (this.#left === 0) return false;
    if (reason === Reason.ConnectFailed || reason === Reason.ConnectTimeout) return true;
    if (!this.#policy.retryOn) return false;
    return reason === Reason.PerTryTimeout || reason === Reason.UpstreamReset || reason === Reason.UpstreamRemoteReset;
  }

  /** Takes one replay after the keep-alive race. */
  takeRace(): boolean {
    return this.#races++ < MAX_RACES;
  }

  /** Takes one retry; milliseconds to wait before it. */
  take(random: () => number): number {
    this.#left--;
    const ceiling = Math.min(MAX_BACKOFF_MS, BASE_BACKOFF_MS * 2 ** this.used);
    this.used++;
    return random() * ceiling;
  }
}
