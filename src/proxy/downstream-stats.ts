/** What a listener's proxy counts: once for all listeners (`proxy="global"`) and once for its own. */

import type { Counter, Histogram, Metrics } from '../api/metrics.ts';
import type { Reason } from '../api/reason.ts';
import { JoinedCounter, JoinedHistogram } from '../observe/joined-metrics.ts';

/** The codes that MOSN counts by name. */
const NAMED_CODES = [200, 206, 302, 304, 400, 403, 404, 416, 499, 500, 502, 503, 504];
const CODES = 1000;

export class DownstreamStats {
  readonly requestTotal: Counter;
  readonly requestActive: Counter;
  /** Ended with an answer, the upstream's or Weft's own. `total = completed + reset + active`, always. */
  readonly requestCompleted: Counter;
  /** Ended without a whole answer: the client or the upstream went away, a filter terminated. */
  readonly requestReset: Counter;
  readonly requestFailed: Counter;
  readonly protocolError: Counter;
  readonly idleTimeout: Counter;
  readonly headerTimeout: Counter;
  readonly bodyTimeout: Counter;
  readonly streamIdleTimeout: Counter;
  readonly filterFault: Counter;
  readonly #codes: Counter[];
  readonly #requestTime: Histogram;
  readonly #processTime: Histogram;
  readonly #reasons = new Map<Reason, Counter>();
  readonly #both: (key: string) => Counter;

  constructor(metrics: Metrics, listener: string) {
    const global = metrics.group('downstream', { proxy: 'global' });
    const own = metrics.group('downstream', { listener });
    const both = (key: string): Counter => new JoinedCounter(own.counter(key), global.counter(key));
    this.#both = both;
    this.requestTotal = both('request_total');
    this.requestActive = new JoinedCounter(own.gauge('request_active'), global.gauge('request_active'));
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
    this.#codes = new Array<Counter>(CODES).fill(other);
    for (const code of NAMED_CODES) this.#codes[code] = both(`request_${code}_total`);
    const joined = (key: string): Histogram => new JoinedHistogram(own.histogram(key), global.histogram(key));
    this.#requestTime = joined('request_time');
    this.#processTime = joined('process_time');
  }

  code(status: number): void {
    (this.#codes[status] ?? (this.#codes[0] as Counter)).add(1);
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
    this.#requestTime.observe(requestMs);
    this.#processTime.observe(processMs);
  }
}
