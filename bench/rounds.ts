/**
 * Interleaved rounds. Within a round every peer is visited twice, in the order A B C … C B A, so that a machine that
 * slows down or speeds up steadily does so to all of them alike; the two visits are added up.
 */

import type { Peer } from './peer.ts';
import { type CpuTime, peakMemory, resetPeak } from './process-usage.ts';

/** What a load generator did to a peer. */
export interface Work {
  /** Requests or GiB. */
  amount: number;
  seconds: number;
  /** Latency in milliseconds; NaN where the load is one transfer. */
  p50: number;
  p99: number;
}

/** What one visit to a peer found. */
export interface Visit extends Work {
  cpu: CpuTime;
  /** Highest resident memory during the visit, bytes. */
  peak: number;
}

/** By peer: one added-up visit per round. */
export type Rounds = Map<string, Visit[]>;

/** Drives `peer` by `load` and reads what that cost it. */
export async function measure(peer: Peer, load: () => Promise<Work>): Promise<Visit> {
  resetPeak(peer.pids);
  const [work, cpu] = await peer.cpuDuring(load);
  return { ...work, cpu, peak: peakMemory(peer.pids) };
}

/** Visits every peer twice a round and says on standard error how far it is. */
export async function interleave<P extends Pick<Peer, 'name'>>(
  title: string,
  peers: readonly P[],
  rounds: number,
  visit: (peer: P) => Promise<Visit>,
): Promise<Rounds> {
  const result: Rounds = new Map(peers.map((peer) => [peer.name, []]));
  for (let round = 0; round < rounds; round++) {
    process.stderr.write(`${title}: round ${round + 1} of ${rounds}\n`);
    const first: Visit[] = [];
    for (const peer of peers) first.push(await visit(peer));
    for (const peer of peers.toReversed()) result.get(peer.name)?.push(add(first.pop() as Visit, await visit(peer)));
  }
  return result;
}

function add(a: Visit, b: Visit): Visit {
  return {
    amount: a.amount + b.amount,
    seconds: a.seconds + b.seconds,
    cpu: {
      total: a.cpu.total + b.cpu.total,
      user: a.cpu.user + b.cpu.user,
      system: a.cpu.system + b.cpu.system,
    },
    p50: (a.p50 + b.p50) / 2,
    p99: (a.p99 + b.p99) / 2,
    peak: Math.max(a.peak, b.peak),
  };
}
