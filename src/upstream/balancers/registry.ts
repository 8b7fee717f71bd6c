/** The balancers by the names that `lb_type` uses. */

import type { BalancerFactory } from '../balancer.ts';
import type { BalancerType } from '../cluster-schema.ts';
import { Random } from './random.ts';
import { RoundRobin } from './round-robin.ts';
import { weightedRoundRobin } from './weighted-round-robin.ts';

const roundRobin: BalancerFactory = (hosts, random) => new RoundRobin(hosts, random);

const balancers: Readonly<Record<BalancerType, BalancerFactory>> = {
  LB_ROUNDROBIN: roundRobin,
  LB_RANDOM: (hosts) => new Random(hosts),
  LB_WEIGHTED_ROUNDROBIN: weightedRoundRobin,
};

/** The factory of an `lb_type`; round robin for one that is not implemented. */
export function balancerFactory(lbType: string): BalancerFactory {
  return Object.hasOwn(balancers, lbType) ? balancers[lbType as BalancerType] : roundRobin;
}
