/** The limit of open files and what follows from it for accepting. */

import { readFileSync } from 'node:fs';

/** The soft limit of open files of this process, Infinity where it cannot be told. */
export function descriptorLimit(): number {
  try {
    const line = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'));
    return line === null ? Number.POSITIVE_INFINITY : Number(line[1]);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

/** Descriptors that accepting leaves to the rest of the process (upstreams, logs, configuration). */
export function descriptorReserve(limit: number): number {
  return Math.max(8, Math.min(64, limit >> 3));
}

/** A limit of downstream connections that several listeners share. */
export class ConnectionLimit {
  readonly max: number;
  active = 0;

  constructor(max: number) {
    this.max = max;
  }
}

/** All listeners of this thread: half of the descriptors, because most connections need one upstream. */
export const threadConnectionLimit: ConnectionLimit = new ConnectionLimit(Math.floor(descriptorLimit() / 2));
