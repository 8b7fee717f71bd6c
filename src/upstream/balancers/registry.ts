/** The balancers by the names that `lb_type` uses. */

import type { BalancerFactory } from '../balancer.ts';
import { Random } from './random.ts';
import { RoundRobin } from './round-robin.ts';
import { weightedRoundRobin } from './weighted-round-robin.ts';

const balancers: ReadonlyMap<string, BalancerFactory> = new Map<string, BalancerFactory>([
  ['LB_ROUNDROBIN', (hosts, random) => new RoundRobin(hosts, random)],
  ['LB_RANDOM', (hosts) => new Random(hosts)],
  ['LB_WEIGHTED_ROUNDROBIN', weightedRoundRobin],
]);

/** The values of `lb_type` that are implemented. */
export const balancerNames: ReadonlySet<string> = new Set(balancers.keys());

const roundRobin: BalancerFactory = (hosts, random) => new RoundRobin(hosts, random);

/** The factory of an `lb_type`; round robin for a name that is not known. */
export function balancerFactory(lbType: string): BalancerFactory {
  return balancers.get(lbType) ?? roundRobin;
}
