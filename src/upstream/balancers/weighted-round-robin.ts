/**
 * LB_WEIGHTED_ROUNDROBIN: earliest deadline first. Every host has a deadline; the one with the earliest is chosen and
 * its next deadline lies 1/weight later, so that picks are spread evenly in proportion to the weights. Among equal
 * deadlines the host that has waited longest comes first. Hosts of equal weight are plain round robin.
 */

import { type BalancerContext, isFresh, type LoadBalancer } from '../balancer.ts';
import type { Host } from '../host.ts';
import { RoundRobin } from './round-robin.ts';

/** The balancer for these hosts: earliest deadline first, or round robin when all weights are equal. */
export function weightedRoundRobin(hosts: readonly Host[], random: () => number): LoadBalancer {
  const equal = hosts.every((host) => host.weight === hosts[0]?.weight);
  return equal ? new RoundRobin(hosts, random) : new EarliestDeadline(hosts, random);
}

interface Entry {
  readonly host: Host;
  deadline: number;
  /** Order of queueing. */
  turn: number;
}

function isEarlier(a: Entry, b: Entry): boolean {
  return a.deadline < b.deadline || (a.deadline === b.deadline && a.turn < b.turn);
}

export class EarliestDeadline implements LoadBalancer {
  /** A binary heap, the earliest first. */
  readonly #heap: Entry[] = [];
  /** Taken from the heap while one choice is made. */
  readonly #skipped: Entry[] = [];
  #turn = 0;

  constructor(hosts: readonly Host[], random: () => number) {
    for (const host of hosts) this.#push({ host, deadline: 1 / host.weight, turn: this.#turn++ });
    // Instances that start at once must not all send their first requests to the same host.
    for (let picks = Math.floor(random() * hosts.length); picks > 0; picks--) {
      const entry = this.#pop() as Entry;
      this.#queue(entry, entry.deadline);
    }
  }

  choose(context: BalancerContext): Host | undefined {
    const skipped = this.#skipped;
    let fallback: Entry | undefined;
    let chosen: Entry | undefined;
    for (let entry = this.#pop(); entry !== undefined; entry = this.#pop()) {
      if (isFresh(entry.host, context)) {
        chosen = entry;
        break;
      }
      if (entry.host.health === 0) fallback ??= entry;
      skipped.push(entry);
    }
    chosen ??= fallback;
    for (let i = 0; i < skipped.length; i++) {
      const entry = skipped[i] as Entry;
      if (entry === chosen) continue;
      // The time of an unhealthy host passes unused, or it would be flooded when it recovers.
      if (entry.host.health !== 0 && chosen !== undefined)
        this.#queue(entry, Math.max(entry.deadline, chosen.deadline));
      else this.#push(entry);
    }
    skipped.length = 0;
    if (chosen === undefined) return undefined;
    this.#queue(chosen, chosen.deadline);
    return chosen.host;
  }

  /** Puts an entry back whose turn was at `now`. */
  #queue(entry: Entry, now: number): void {
    entry.deadline = now + 1 / entry.host.weight;
    entry.turn = this.#turn++;
    this.#push(entry);
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    let hole = heap.length;
    heap.push(entry);
    while (hole > 0) {
      const parent = (hole - 1) >> 1;
      const above = heap[parent] as Entry;
      if (!isEarlier(entry, above)) break;
      heap[hole] = above;
      hole = parent;
    }
    heap[hole] = entry;
  }

  #pop(): Entry | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (last === undefined || last === first) return first;
    const length = heap.length;
    let hole = 0;
    for (;;) {
      let child = 2 * hole + 1;
      if (child >= length) break;
      if (child + 1 < length && isEarlier(heap[child + 1] as Entry, heap[child] as Entry)) child++;
      if (!isEarlier(heap[child] as Entry, last)) break;
      heap[hole] = heap[child] as Entry;
      hole = child;
    }
    heap[hole] = last;
    return first;
  }
}
