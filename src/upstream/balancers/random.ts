/** LB_RANDOM: every healthy host with the same probability. */

import { type BalancerContext, isFresh, type LoadBalancer } from '../balancer.ts';
import type { Host } from '../host.ts';

export class Random implements LoadBalancer {
  readonly #hosts: readonly Host[];

  constructor(hosts: readonly Host[]) {
    this.#hosts = hosts;
  }

  choose(context: BalancerContext): Host | undefined {
    const hosts = this.#hosts;
    if (hosts.length === 0) return undefined;
    const host = hosts[Math.floor(context.random() * hosts.length)] as Host;
    if (isFresh(host, context)) return host;
    return this.#chooseCounted(context);
  }

  /** Counts who is left before drawing: walking on to a neighbour would double that neighbour's share. */
  #chooseCounted(context: BalancerContext): Host | undefined {
    let healthy = 0;
    let fresh = 0;
    for (const host of this.#hosts) {
      if (host.health === 0) healthy++;
      if (isFresh(host, context)) fresh++;
    }
    let left = Math.floor(context.random() * (fresh > 0 ? fresh : healthy));
    for (const host of this.#hosts) {
      const eligible = fresh > 0 ? isFresh(host, context) : host.health === 0;
      if (eligible && left-- === 0) return host;
    }
    return undefined;
  }
}
