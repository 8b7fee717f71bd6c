/** LB_ROUNDROBIN: one host after the other, beginning anywhere. */

import { type BalancerContext, isFresh, type LoadBalancer } from '../balancer.ts';
import type { Host } from '../host.ts';

export class RoundRobin implements LoadBalancer {
  readonly #hosts: readonly Host[];
  #next: number;

  constructor(hosts: readonly Host[], random: () => number) {
    this.#hosts = hosts;
    this.#next = Math.floor(random() * hosts.length);
  }

  choose(context: BalancerContext): Host | undefined {
    const hosts = this.#hosts;
    const count = hosts.length;
    let fallback = -1;
    let index = this.#next;
    for (let i = 0; i < count; i++) {
      const host = hosts[index] as Host;
      if (isFresh(host, context)) return this.#take(index);
      if (host.health === 0 && fallback < 0) fallback = index;
      index = index + 1 === count ? 0 : index + 1;
    }
    return fallback < 0 ? undefined : this.#take(fallback);
  }

  #take(index: number): Host {
    this.#next = index + 1 === this.#hosts.length ? 0 : index + 1;
    return this.#hosts[index] as Host;
  }
}
