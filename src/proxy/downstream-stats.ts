/** What a listener's proxy counts: once for all listeners (`proxy="global"`) and once for its own. */

import type { Counter, Histogram, Metrics } from '../api/metrics.ts';
import type { Reason } from '../api/reason.ts';

/** The codes that MOSN counts by name. */
const NAMED_CODES = [200, 206, 302, 304, 400, 403, 404, 416, 499, 500, 502, 503, 504];
const CODES = 1000;

/** A counter in the global group and in the listener's. */
class Both {
  readonly #global: Counter;
  readonly #listener: Counter;

  constructor(global: Counter, listener: Counter) {
    this.#global = global;
    this.#listener = listener;
  }

  add(n: number): void {
    this.#global.add(n);
    this.#listener.add(n);
  }

  get value(): number {
    return this.#listener.value;
  }
}

export class DownstreamStats {
  readonly requestTotal: Both;
  readonly requestActive: Both;
  /** Ended with an answer, the upstream's or Weft's own. `total = completed + reset + active`, always. */
  readonly requestCompleted: Both;
  /** Ended without a whole answer: the client or the upstream went away, a filter terminated. */
  readonly requestReset: Both;
  readonly requestFailed: Both;
  readonly protocolError: Both;
  readonly idleTimeout: Both;
  readonly headerTimeout: Both;
  readonly bodyTimeout: Both;
  readonly streamIdleTimeout: Both;
  readonly filterFault: Both;
  readonly #codes: Both[];
  readonly #requestTime: readonly Histogram[];
  readonly #processTime: readonly Histogram[];
  readonly #reasons = new Map<Reason, Both>();
  readonly #both: (key: string) => Both;

  constructor(metrics: Metrics, listener: string) {
    const global = metrics.group('downstream', { proxy: 'global' });
    const own = metrics.group('downstream', { listener });
    const both = (key: string): Both => new Both(global.counter(key), own.counter(key));
    this.#both = both;
    this.requestTotal = both('request_total');
    this.requestActive = new Both(global.gauge('request_active'), own.gauge('request_active'));
    this.requestCompleted = both('request_completed');
    this.requestReset = both('request_reset');
    this.requestFailed = both('request_failed');
    this.protocolError = both('protocol_error');
    this.idleTimeout = both('idle_timeout');
    this.headerTimeout = both('header_timeout');
    this.bodyTimeout = both('body_timeout');
    this.streamIdleTimeout = both('stream_idle_timeout');
    this.filterFault = both('filter_fault');
    const other = both('request_other_code');
    this.#codes = new Array<Both>(CODES).fill(other);
    for (const code of NAMED_CODES) this.#codes[code] = both(`request_${code}_total`);
    this.#requestTime = [global.histogram('request_time'), own.histogram('request_time')];
    this.#processTime = [global.histogram('process_time'), own.histogram('process_time')];
  }

  code(status: number): void {
    (this.#codes[status] ?? (this.#codes[0] as Both)).add(1);
  }

  /** Counts an end that is not plain success, by the name of its reason. */
  reason(reason: Reason): void {
    let counter = this.#reasons.get(reason);
    if (counter === undefined) {
      counter = this.#both(`request_end_${reason.name}`);
      this.#reasons.set(reason, counter);
    }
    counter.add(1);
  }

  /** `requestMs`: from the first byte of the request to the last of the response; `processMs`: Weft's own share. */
  times(requestMs: number, processMs: number): void {
    (this.#requestTime[0] as Histogram).observe(requestMs);
    (this.#requestTime[1] as Histogram).observe(requestMs);
    (this.#processTime[0] as Histogram).observe(processMs);
    (this.#processTime[1] as Histogram).observe(processMs);
  }
}
