/** `weft start`: loads, starts, and lives until a signal ends it. */

import { readFile, rm, writeFile } from 'node:fs/promises';
import { builtinExtensions } from '../builtin.ts';
import { formatProblems } from '../config/problem.ts';
import { setFaultHandler } from '../network/fault.ts';
import { parseLogLevelFlag } from '../observe/process-log.ts';
import { startAdmin } from './admin.ts';
import { loadBootstrap } from './bootstrap.ts';
import { LifeCycle } from './life-cycle.ts';
import { Server } from './server.ts';
import { version } from './version.ts';

export interface StartOptions {
  readonly configFile: string;
  /** `--drain-time-s`: overrides `graceful_timeout`. */
  readonly drainTimeSeconds?: number;
  readonly logLevel?: string;
}

/** Starts the proxy and returns when it serves. Rejects when the configuration is refused or a port is taken. */
export async function run(options: StartOptions): Promise<void> {
  const extensions = builtinExtensions();
  const { bootstrap, problems } = loadBootstrap(options.configFile, extensions.schemas, { strict: false });
  for (const line of formatProblems(problems)) console.error(line);
  if (bootstrap === undefined) throw new Error(`${options.configFile} was refused`);

  const logCeiling = options.logLevel === undefined ? undefined : parseLogLevelFlag(options.logLevel);
  const server = Server.create({ bootstrap, extensions, ...(logCeiling && { logCeiling }) });
  reportTo(server);
  const lifeCycle = new LifeCycle(server, {
    drainDelay: bootstrap.server.drain_delay,
    drainTimeout:
      options.drainTimeSeconds === undefined ? bootstrap.server.graceful_timeout : options.drainTimeSeconds * 1000,
  });
  await server.start();
  try {
    const admin = await startAdmin(server, lifeCycle);
    lifeCycle.onEnd(() => admin.close());
  } catch (error) {
    await server.close();
    throw error;
  }
  if (bootstrap.pid !== undefined) {
    const file = bootstrap.pid;
    await writeFile(file, `${process.pid}\n`);
    lifeCycle.onEnd(() => removeOwnPid(file));
  }
  lifeCycle.serve();
  server.log.info({ version: version(), node: process.version, config: options.configFile }, 'weft serves');
}

/** What fails where nobody can answer for it is counted and logged, and costs nobody else anything. */
function reportTo(server: Server): void {
  const faults = server.metrics.group('downstream', { proxy: 'global' }).counter('fault_total');
  setFaultHandler((error, where) => {
    faults.add(1);
    server.log.error({ err: error, where }, 'fault');
  });
  server.logFiles.onError = (path, error) => server.log.error({ err: error, path }, 'log file cannot be written');
}

/** A newer process may have written its own meanwhile. */
async function removeOwnPid(file: string): Promise<void> {
  const written = await readFile(file, 'utf8').catch(() => '');
  if (written.trim() === String(process.pid)) await rm(file, { force: true });
}
