/** The limit of open files, which the peers inherit from the harness. */

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** Raises the limit to `count` where it is lower; throws when that is not allowed. */
export function requireDescriptors(count: number): void {
  const limits = readFileSync('/proc/self/limits', 'latin1');
  const soft = Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1]);
  if (soft >= count) return;
  const { status } = spawnSync('prlimit', [`--pid=${process.pid}`, `--nofile=${count}:${count}`]);
  if (status !== 0) throw new Error(`${count} open files are needed, ${soft} are allowed: see ulimit -n`);
}
