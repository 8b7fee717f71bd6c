/** Numbers that somebody scrapes. Each is a slot that only this thread writes. */

export interface Counter {
  /** Adds to the counter; for a gauge `n` may be negative. */
  add(n: number): void;
  /** This thread's value. */
  readonly value: number;
}

export interface Histogram {
  /** Records one observation; durations are in milliseconds. */
  observe(value: number): void;
}

/**
 * The metrics of one subject: `downstream{listener="in"}`, `upstream{cluster="c"}`. Keys follow MOSN
 * (`connection_total`, `request_active`); asking twice for one key gives the same slot.
 */
export interface MetricGroup {
  counter(key: string): Counter;
  gauge(key: string): Counter;
  histogram(key: string): Histogram;
}

export interface Metrics {
  /** `type` becomes the first part of the exported name; labels are at most 20. */
  group(type: string, labels: Readonly<Record<string, string>>): MetricGroup;
}
