/** Medians, quantiles, and ratios with their bootstrap interval. */

/** A ratio of two peers: the median over the rounds and its 90 % interval. */
export interface Ratio {
  median: number;
  low: number;
  high: number;
  /** How far the reference itself moved: (90th − 10th percentile) ÷ median. */
  movement: number;
  /** True when the reference moved too far for the ratio to mean anything. */
  void: boolean;
}

/** A run in which the reference moves further than this is void. */
export const MAX_MOVEMENT = 0.25;

const RESAMPLES = 4000;

/** The `q` quantile (0…1) by linear interpolation; NaN without values. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const position = (sorted.length - 1) * q;
  const below = Math.floor(position);
  const low = sorted[below] ?? Number.NaN;
  const high = sorted[Math.ceil(position)] ?? Number.NaN;
  return low + (high - low) * (position - below);
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** Ratio of `subject` to `reference`; the two arrays hold one figure a round, in the same order. */
export function ratio(subject: readonly number[], reference: readonly number[]): Ratio {
  const ratios = subject.map((value, round) => value / (reference[round] as number));
  const [low, high] = bootstrapMedian(ratios);
  const movement = (quantile(reference, 0.9) - quantile(reference, 0.1)) / median(reference);
  return { median: median(ratios), low, high, movement, void: !(movement <= MAX_MOVEMENT) };
}

/** The 90 % percentile-bootstrap interval of the median. The generator is seeded: equal samples, equal interval. */
function bootstrapMedian(values: readonly number[]): [low: number, high: number] {
  const random = mulberry32(1);
  const medians: number[] = [];
  for (let i = 0; i < RESAMPLES; i++) {
    medians.push(median(values.map(() => values[Math.floor(random() * values.length)] as number)));
  }
  return [quantile(medians, 0.05), quantile(medians, 0.95)];
}

/** Tommy Ettinger's mulberry32: 32 bits of state, uniform in [0, 1). */
function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
