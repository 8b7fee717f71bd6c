/** A program under measurement: how it is started, found ready, watched and stopped. */

import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { get } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type CpuReading, type CpuTime, cpuBetween, processTree, readCpu } from './process-usage.ts';

/** What a peer is told when it is started. */
export interface PeerSetting {
  /** Its own, empty folder: configuration, logs. */
  directory: string;
  /** Loopback port to listen on. */
  port: number;
  /** Loopback port of the upstream; 0 for an upstream itself. */
  upstreamPort: number;
  /** A second free port, for an administration interface. */
  adminPort: number;
}

/** A kind of peer: its name in tables and how it is started in the foreground. */
export interface PeerKind {
  readonly name: string;
  /** Writes what the program needs and returns the program and its arguments. */
  prepare(setting: PeerSetting): Promise<readonly string[]>;
}

/** Every peer takes it as: stop at once, without draining. */
const STOP_SIGNAL = 'SIGINT';
const START_TIMEOUT = 10_000;
const STOP_TIMEOUT = 5_000;
const POLL_INTERVAL = 20;

/** A running peer. */
export class Peer {
  readonly name: string;
  readonly port: number;
  readonly pids: readonly number[];
  private readonly child: ChildProcess;

  constructor(name: string, port: number, child: ChildProcess) {
    this.name = name;
    this.port = port;
    this.child = child;
    this.pids = processTree(child.pid as number);
  }

  url(path: string): string {
    return `http://127.0.0.1:${this.port}${path}`;
  }

  /** CPU time that the peer uses while `work` runs. */
  async cpuDuring<T>(work: () => Promise<T>): Promise<[result: T, cpu: CpuTime]> {
    const before = this.pids.map(readCpu);
    const result = await work();
    const cpu = { total: 0, user: 0, system: 0 };
    for (const [i, pid] of this.pids.entries()) {
      const used = cpuBetween(before[i] as CpuReading, readCpu(pid));
      cpu.total += used.total;
      cpu.user += used.user;
      cpu.system += used.system;
    }
    return [result, cpu];
  }

  async stop(): Promise<void> {
    await stopChild(this.child);
  }
}

/** The peers of one run, with a folder for their files; disposing stops them all and removes it. */
export class Peers implements AsyncDisposable {
  private readonly children: ChildProcess[] = [];
  private readonly directory = mkdtempSync(join(tmpdir(), 'weft-bench-'));

  constructor() {
    process.once('exit', () => {
      for (const child of this.children) child.kill(STOP_SIGNAL);
      rmSync(this.directory, { recursive: true, force: true });
    });
  }

  /** Starts a peer and waits until it answers a request; throws with the end of its log when it does not. */
  async start(kind: PeerKind, upstream?: Peer): Promise<Peer> {
    const directory = join(this.directory, `${this.children.length}-${kind.name}`);
    await mkdir(directory);
    const setting: PeerSetting = {
      directory,
      port: await freePort(),
      upstreamPort: upstream?.port ?? 0,
      adminPort: await freePort(),
    };
    const [program, ...args] = await kind.prepare(setting);
    const logFile = join(directory, 'output.log');
    const log = openSync(logFile, 'a');
    const child = spawn(program as string, args, { cwd: directory, stdio: ['ignore', log, log] });
    closeSync(log);
    this.children.push(child);
    const failure = await waitUntilReady(child, setting.port);
    if (failure !== undefined) {
      await stopChild(child);
      throw new Error(`${kind.name} ${failure}: ${lastLines(await readFile(logFile, 'utf8'))}`);
    }
    return new Peer(kind.name, setting.port, child);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.children.map(stopChild));
    rmSync(this.directory, { recursive: true });
  }
}

/** Undefined once the port answers a request with 200, else what went wrong. */
async function waitUntilReady(child: ChildProcess, port: number): Promise<string | undefined> {
  let failure: string | undefined;
  child.once('error', (error) => (failure = `cannot be started (${error.message})`));
  child.once('exit', (code, signal) => (failure = `ended with ${code ?? signal}`));
  for (let waited = 0; waited < START_TIMEOUT; waited += POLL_INTERVAL) {
    await delay(POLL_INTERVAL);
    if (failure !== undefined) return failure;
    if ((await statusOf(port)) === 200) return undefined;
  }
  return `did not answer with 200 within ${START_TIMEOUT} ms`;
}

/** Status of `GET /` on a connection of its own; undefined when there was no answer. */
function statusOf(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const request = get({ host: '127.0.0.1', port, agent: false, timeout: 1000 }, (response) => {
      response.resume().once('close', () => resolve(response.statusCode));
    });
    request.once('timeout', () => request.destroy());
    request.once('error', () => resolve(undefined));
  });
}

/** Asks the process to stop, and kills it when it has not ended in time. */
async function stopChild(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill(STOP_SIGNAL);
  const killer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT);
  await ended;
  clearTimeout(killer);
}

function lastLines(text: string): string {
  return text.trim().split('\n').slice(-5).join('\n') || 'it printed nothing';
}

/**
 * A free loopback port below the range that the kernel gives to outgoing connections (from 32768), so that none of
 * the load generator's connections takes it before the peer does.
 */
async function freePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    const server = createServer();
    const free = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => resolve(true));
    });
    if (free) {
      await new Promise((resolve) => server.close(resolve));
      return port;
    }
  }
}
