/** The HTTP/1.1 load generator wrk: 64 connections on one thread, closed loop. */

import { run } from './command.ts';
import type { Work } from './rounds.ts';

export interface Load {
  url: string;
  seconds: number;
  /** Sent beside Host, as `Name: value`. */
  headers: readonly string[];
}

const CONNECTIONS = 64;

/** Runs wrk; throws when a request failed, since figures of a run with errors compare nothing. */
export async function wrk(load: Load): Promise<Work> {
  const headers = load.headers.flatMap((header) => ['-H', header]);
  const args = ['-t1', `-c${CONNECTIONS}`, `-d${load.seconds}s`, '--latency', ...headers, load.url];
  return parseWrk(await run('wrk', args));
}

/** Reads what wrk 4 prints with `--latency`. */
export function parseWrk(output: string): Work {
  const failures = /^\s*(?:Socket errors|Non-2xx or 3xx responses):.*$/m.exec(output);
  if (failures) throw new Error(`wrk saw failures: ${failures[0].trim()}`);
  const total = /^\s*(\d+) requests in ([\d.]+)(us|ms|s|m|h),/m.exec(output);
  const p50 = /^\s*50%\s+([\d.]+)(us|ms|s|m|h)$/m.exec(output);
  const p99 = /^\s*99%\s+([\d.]+)(us|ms|s|m|h)$/m.exec(output);
  if (!total || !p50 || !p99) throw new Error(`wrk printed something unexpected:\n${output}`);
  return {
    amount: Number(total[1]),
    seconds: milliseconds(total[2], total[3]) / 1000,
    p50: milliseconds(p50[1], p50[2]),
    p99: milliseconds(p99[1], p99[2]),
  };
}

function milliseconds(value: string | undefined, unit: string | undefined): number {
  const factor = { us: 0.001, ms: 1, s: 1000, m: 60_000, h: 3_600_000 }[unit as 'us' | 'ms' | 's' | 'm' | 'h'];
  return Number(value) * factor;
}
