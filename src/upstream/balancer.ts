/** Load balancers: which host of a cluster serves the next request. */

import type { Host } from './host.ts';

/** What a balancer may know of the request. */
export interface BalancerContext {
  /** 0 for the first attempt, then counting. */
  readonly attempt: number;
  /** A number in [0, 1). */
  random(): number;
  /** Hash by the route's `hash_policy`. */
  hash?(): number;
  /** Hosts that have failed this request already. */
  readonly triedHosts?: readonly Host[];
}

/**
 * The contract: a host is chosen only while it is healthy; one that was tried before only when no other is healthy;
 * undefined only when none is healthy. Choosing allocates nothing.
 */
export interface LoadBalancer {
  choose(context: BalancerContext): Host | undefined;
}

/** Makes the balancer of a fixed list of hosts. `random` spreads the starting points of several instances. */
export type BalancerFactory = (hosts: readonly Host[], random: () => number) => LoadBalancer;

/** Whether `host` is healthy and new to this request. */
export function isFresh(host: Host, context: BalancerContext): boolean {
  return host.health === 0 && !context.triedHosts?.includes(host);
}
