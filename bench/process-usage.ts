/**
 * What a process has used, from procfs (Linux): CPU time in nanoseconds and resident memory, over a process and its
 * children (nginx is a master and a worker).
 *
 * The run time is the sum over the threads' `schedstat` (proc_pid_schedstat(5)), which counts nanoseconds; `stat` counts
 * in ticks of 10 ms but knows user from system time and includes the threads that have ended.
 */

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';

/** CPU time, in nanoseconds. */
export interface CpuTime {
  total: number;
  user: number;
  system: number;
}

/** The state of the CPU clocks of one process at one moment. */
export interface CpuReading {
  /** Run time of each living thread by id, ns. */
  threads: Map<string, number>;
  /** Of the whole process, threads that ended included, ns in steps of a tick. */
  user: number;
  system: number;
}

/** USER_HZ is 100 in the ABI of every Linux architecture that Node runs on. */
const TICK = 1e9 / 100;

/** `pid` and its descendants. */
export function processTree(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').split(' ').filter(Boolean).map(Number);
  return [pid, ...children.flatMap(processTree)];
}

export function readCpu(pid: number): CpuReading {
  const threads = new Map<string, number>();
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const schedstat = readIfThere(`/proc/${pid}/task/${thread}/schedstat`);
    if (schedstat !== undefined) threads.set(thread, Number.parseInt(schedstat, 10));
  }
  // The second field is the program's name in parentheses and may hold blanks: fields are counted from behind it.
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { threads, user: Number(fields[11]) * TICK, system: Number(fields[12]) * TICK };
}

/** CPU time of one process between two readings. */
export function cpuBetween(before: CpuReading, after: CpuReading): CpuTime {
  let run = 0;
  for (const [thread, time] of after.threads) run += time - (before.threads.get(thread) ?? 0);
  const user = after.user - before.user;
  const system = after.system - before.system;
  // Both clocks of `stat` may round up by one tick; what it shows beyond that was used by threads that have ended.
  const total = Math.max(run, user + system - 2 * TICK);
  const userShare = user + system === 0 ? 0 : user / (user + system);
  return { total, user: total * userShare, system: total * (1 - userShare) };
}

/** Resident memory of the processes, bytes. */
export function residentMemory(pids: readonly number[]): number {
  return sumOfStatus(pids, 'VmRSS');
}

/** Highest resident memory since `resetPeak`, bytes. */
export function peakMemory(pids: readonly number[]): number {
  return sumOfStatus(pids, 'VmHWM');
}

/** Starts `peakMemory` anew (proc_pid_clear_refs(5)). */
export function resetPeak(pids: readonly number[]): void {
  for (const pid of pids) writeFileSync(`/proc/${pid}/clear_refs`, '5');
}

function sumOfStatus(pids: readonly number[], key: string): number {
  let sum = 0;
  for (const pid of pids) {
    const line = new RegExp(`^${key}:\\s+(\\d+) kB$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'latin1'));
    sum += Number(line?.[1]) * 1024;
  }
  return sum;
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'latin1');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH') return undefined;
    throw error;
  }
}
