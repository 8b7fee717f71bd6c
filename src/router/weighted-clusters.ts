/** Clusters that share the requests of a route by weight. */

export class WeightedClusters {
  readonly #names: readonly string[];
  /** Running sums of the weights. */
  readonly #bounds: readonly number[];
  readonly #total: number;

  /** The weights add up to more than 0. */
  constructor(clusters: readonly { name: string; weight: number }[]) {
    let total = 0;
    this.#names = clusters.map(({ name }) => name);
    this.#bounds = clusters.map(({ weight }) => (total += weight));
    this.#total = total;
  }

  /** `random` is in [0, 1). */
  pick(random: number): string {
    const point = random * this.#total;
    let i = 0;
    while (point >= (this.#bounds[i] as number)) i++;
    return this.#names[i] as string;
  }
}
