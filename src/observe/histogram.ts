/**
 * Histograms with one fixed table of buckets. Bounds are milliseconds, because nearly all that is observed is time:
 * 0.1 ms to 60 s in steps of about 2.5, fine enough for a quantile that is right within a factor of that.
 */

import type { Histogram } from '../api/metrics.ts';
import type { SlotRange } from './slots.ts';

/** Upper bounds of the buckets, inclusive; one more bucket holds what lies above the last. */
export const BUCKET_BOUNDS: readonly number[] = [
  0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 60_000,
];

const BOUNDS = Float64Array.from(BUCKET_BOUNDS);
const BUCKETS = BOUNDS.length + 1;

// Behind the buckets. There is no slot for the count: it is the sum of the buckets, and so the two never disagree.
const SUM = BUCKETS;
const MIN = BUCKETS + 1;
const MAX = BUCKETS + 2;
/** Slots that one histogram takes. */
export const HISTOGRAM_SLOTS: number = BUCKETS + 3;

/** What a histogram holds, over all rows. */
export interface HistogramValue {
  /** Observations per bucket, not cumulative; one more than `BUCKET_BOUNDS`. */
  readonly buckets: readonly number[];
  readonly count: number;
  readonly sum: number;
  /** Smallest and largest value since the start, 0 when there is none. */
  readonly min: number;
  readonly max: number;
}

export class SlotHistogram implements Histogram {
  readonly page: Float64Array;
  readonly first: number;

  constructor(range: SlotRange) {
    this.page = range.page;
    this.first = range.first;
    this.page[this.first + MIN] = Number.POSITIVE_INFINITY;
  }

  /** A negative value or NaN is not recorded: it would spoil the sum for good. */
  observe(value: number): void {
    if (!(value >= 0)) return;
    let low = 0;
    let high = BUCKETS - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (value <= (BOUNDS[middle] as number)) high = middle;
      else low = middle + 1;
    }
    const page = this.page;
    const first = this.first;
    page[first + low] = (page[first + low] as number) + 1;
    page[first + SUM] = (page[first + SUM] as number) + value;
    if (value < (page[first + MIN] as number)) page[first + MIN] = value;
    if (value > (page[first + MAX] as number)) page[first + MAX] = value;
  }
}

/** Adds up the same histogram of several rows. */
export function sumHistograms(histograms: readonly SlotHistogram[]): HistogramValue {
  const buckets = new Array<number>(BUCKETS).fill(0);
  let count = 0;
  let sum = 0;
  let min = Number.POSITIVE_INFINITY;
  let max = 0;
  for (const { page, first } of histograms) {
    for (let i = 0; i < BUCKETS; i++) {
      const n = page[first + i] as number;
      buckets[i] = (buckets[i] as number) + n;
      count += n;
    }
    sum += page[first + SUM] as number;
    min = Math.min(min, page[first + MIN] as number);
    max = Math.max(max, page[first + MAX] as number);
  }
  return { buckets, count, sum, min: min === Number.POSITIVE_INFINITY ? 0 : min, max };
}

/**
 * The value below which the share `q` (0…1) of the observations lies, by linear interpolation within its bucket;
 * 0 when there are none.
 */
export function quantile(histogram: HistogramValue, q: number): number {
  const rank = q * histogram.count;
  if (histogram.count === 0) return 0;
  let below = 0;
  for (let i = 0; i < BUCKETS; i++) {
    const n = histogram.buckets[i] as number;
    if (n > 0 && below + n >= rank) {
      const low = i === 0 ? 0 : (BUCKET_BOUNDS[i - 1] as number);
      const high = BUCKET_BOUNDS[i] ?? histogram.max;
      const value = low + ((high - low) * (rank - below)) / n;
      return Math.min(Math.max(value, histogram.min), histogram.max);
    }
    below += n;
  }
  return histogram.max;
}
