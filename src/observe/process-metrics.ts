/** What Prometheus clients say of their process, under the usual names. */

import { readdirSync, readFileSync } from 'node:fs';
import type { Family } from './metric-families.ts';

/** `process_*`. Of descriptors only Linux tells. */
export function processFamilies(): Family[] {
  const { userCPUTime, systemCPUTime } = process.resourceUsage();
  const families = [
    counter('process_cpu_seconds_total', 'CPU time in seconds', (userCPUTime + systemCPUTime) / 1e6),
    gauge('process_resident_memory_bytes', 'resident memory in bytes', process.memoryUsage.rss()),
    gauge('process_start_time_seconds', 'start time in seconds since the epoch', Date.now() / 1000 - process.uptime()),
  ];
  if (process.platform === 'linux') {
    // Not the one that reads the folder.
    const open = readdirSync('/proc/self/fd').length - 1;
    families.push(gauge('process_open_fds', 'open file descriptors', open));
    const limit = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1];
    if (limit !== undefined) families.push(gauge('process_max_fds', 'limit of file descriptors', Number(limit)));
  }
  return families;
}

/** `nodejs_*`: the runtime, where MOSN has `go_*`. */
export function runtimeFamilies(): Family[] {
  const { heapTotal, heapUsed, external } = process.memoryUsage();
  return [
    gauge('nodejs_heap_size_total_bytes', 'size of the heap in bytes', heapTotal),
    gauge('nodejs_heap_size_used_bytes', 'used part of the heap in bytes', heapUsed),
    gauge('nodejs_external_memory_bytes', 'memory of buffers in bytes', external),
    gauge('nodejs_version_info', 'version of Node.js', 1, { version: process.version }),
  ];
}

function counter(name: string, help: string, value: number): Family {
  return { name, type: 'counter', help, values: [{ labels: {}, value }] };
}

function gauge(name: string, help: string, value: number, labels: Record<string, string> = {}): Family {
  return { name, type: 'gauge', help, values: [{ labels, value }] };
}
