/** What the scenarios share: their options, the start of the peers they compare, and figures out of rounds. */

import type { Peer, PeerKind, Peers } from './peer.ts';
import type { Report } from './report.ts';
import type { Rounds, Visit } from './rounds.ts';
import { median, type Ratio, ratio } from './statistics.ts';
import type { Tool } from './tools.ts';

export interface Options {
  /** Absent: the scenario's own number. */
  rounds?: number | undefined;
  /** Length of one visit where the load runs for a time. */
  seconds: number;
  /** Names of the peers to measure; absent: all. */
  only?: ReadonlySet<string> | undefined;
  /** Headers per request, Host included. */
  headers: number;
  /** A connection per request. */
  close: boolean;
  /** Size of one transfer. */
  mebibytes: number;
}

export interface Scenario {
  /** One line for the help. */
  readonly summary: string;
  readonly tools: readonly Tool[];
  /** What it compares. */
  readonly kinds: readonly PeerKind[];
  run(options: Options): Promise<Report>;
}

export const MIB = 2 ** 20;

/** The kinds that the options select. */
export function selected(kinds: readonly PeerKind[], options: Options): PeerKind[] {
  return kinds.filter((kind) => options.only === undefined || options.only.has(kind.name));
}

/** Starts the selected kinds; one that does not start is noted in the report and left out. */
export async function startPeers(
  peers: Peers,
  kinds: readonly PeerKind[],
  upstream: Peer,
  options: Options,
  report: Report,
): Promise<Peer[]> {
  const started: Peer[] = [];
  for (const kind of selected(kinds, options)) {
    const peer = await startOrSkip(peers, kind, upstream, report);
    if (peer) started.push(peer);
  }
  return started;
}

export async function startOrSkip(
  peers: Peers,
  kind: PeerKind,
  upstream: Peer,
  report: Report,
): Promise<Peer | undefined> {
  try {
    return await peers.start(kind, upstream);
  } catch (error) {
    report.skipped.push({ peer: kind.name, reason: (error as Error).message });
    return undefined;
  }
}

/** CPU nanoseconds per request or GiB. */
export function cpuPerUnit(visit: Visit): number {
  return visit.cpu.total / visit.amount;
}

/** Requests or GiB per second. */
export function throughput(visit: Visit): number {
  return visit.amount / visit.seconds;
}

/** Median over the rounds of one figure of one peer; NaN for a peer without rounds. */
export function medianOf(rounds: Rounds, peer: string, figure: (visit: Visit) => number): number {
  return median((rounds.get(peer) ?? []).map(figure));
}

/** Round by round, one figure of a peer against the same of another; undefined when either was not measured. */
export function compare(
  rounds: Rounds,
  subject: string,
  reference: string,
  figure: (visit: Visit) => number,
): Ratio | undefined {
  const ours = rounds.get(subject);
  const theirs = rounds.get(reference);
  return ours && theirs && ratio(ours.map(figure), theirs.map(figure));
}
