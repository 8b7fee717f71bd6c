/** The metrics of a listener: each counts for the listener and for the whole proxy. */

import type { Counter, MetricGroup, Metrics } from '../api/metrics.ts';
import { JoinedCounter } from '../observe/joined-metrics.ts';
import type { Traffic } from './connection.ts';

export class ListenerCounters implements Traffic {
  readonly total: Counter;
  readonly active: Counter;
  readonly destroyed: Counter;
  readonly rejected: Counter;
  readonly paused: Counter;
  readonly received: Counter;
  readonly sent: Counter;

  constructor(metrics: Metrics, listener: string) {
    const own = metrics.group('downstream', { listener });
    const all = metrics.group('downstream', { proxy: 'global' });
    this.total = pair('connection_total', own, all);
    this.active = new JoinedCounter(own.gauge('connection_active'), all.gauge('connection_active'));
    this.destroyed = pair('connection_destroy', own, all);
    this.rejected = pair('connection_rejected_total', own, all);
    this.paused = pair('accept_paused_total', own, all);
    this.received = pair('bytes_read_total', own, all);
    this.sent = pair('bytes_write_total', own, all);
  }
}

function pair(key: string, own: MetricGroup, all: MetricGroup): Counter {
  return new JoinedCounter(own.counter(key), all.counter(key));
}
