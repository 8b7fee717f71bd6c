/**
 * A log file that never makes its writer wait. Lines are gathered in memory and handed to the operating system in
 * batches: at 64 KiB, a second after the first of them, or when asked. One batch is on its way at a time; while it is,
 * lines queue up to a bound, and beyond it they are dropped and counted.
 *
 * ```
 *  write(line) ──► queue ──(64 KiB | 1 s | flush())──► rest ──► fs.write … ──► file
 *                    │                                  ▲ kept after a partial or failed write
 *                    └─ full: dropped
 * ```
 */

import { close, fstat, fstatSync, mkdirSync, open, openSync, stat, write, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Counter } from '../api/metrics.ts';
import type { Clock, TimerHandle } from '../api/timer.ts';
import { LineBuffer } from './line-buffer.ts';
import { DAILY, type LogRoller, type Period, periodOf, rolledSuffix } from './log-roller.ts';
import { rollAway, tidyRolled } from './log-rotation.ts';
import { type LogTarget, parseLogTarget } from './log-target.ts';
import { acquireSlot, releaseSlot } from './write-slots.ts';

const BATCH = 64 * 1024;
const FLUSH_MS = 1000;
/** How soon a write is tried again that found a full pipe. */
const BUSY_MS = 20;
/** How often a full pipe is tried again when the file is closed. */
const CLOSING_TRIES = 50;
/** Bytes that may wait. */
const MAX_QUEUED = 4 * 1024 * 1024;

// `import 'node:util'` evaluates all that it exports and takes 0.7 MiB more.
const { promisify } = process.getBuiltinModule('node:util');
const openFile = promisify(open);
const closeFile = promisify(close);
const writeFile = promisify(write);
const statFile = promisify(stat);
const statDescriptor = promisify(fstat);

export interface LogFileOptions {
  readonly clock: Clock;
  /** Default: daily. */
  readonly roller?: LogRoller;
  /** Counts lines that found the queue full. */
  readonly dropped: Counter;
  /** Told of the first of several failures in a row; lines wait for better times. */
  onError(error: Error): void;
}

export class LogFile {
  /** As the configuration has it. */
  readonly path: string;
  /** While false, lines vanish. */
  enabled = true;

  readonly #target: LogTarget;
  readonly #clock: Clock;
  readonly #roller: LogRoller;
  readonly #dropped: Counter;
  readonly #onError: (error: Error) => void;
  readonly #timer: TimerHandle;
  #fd: number;
  #size = 0;
  #period: Period;
  readonly #queue = new LineBuffer();
  /** What is being written or could not be; goes before the queue. */
  #rest: Buffer | undefined;
  #writing = false;
  #flushAsked = false;
  #reopenAsked = false;
  #failing = false;
  /** The last write found a full pipe. */
  #busy = false;
  /** After a failure, until the timer runs. */
  #resting = false;
  #work: Promise<void> | undefined;
  #tidying: Promise<void> = Promise.resolve();

  /** Opens the file, making its folders. Throws when it cannot, or for a target that is not supported. */
  constructor(path: string, options: LogFileOptions) {
    this.path = path;
    this.#target = parseLogTarget(path);
    this.#clock = options.clock;
    this.#roller = options.roller ?? DAILY;
    this.#dropped = options.dropped;
    this.#onError = options.onError;
    this.#timer = options.clock.timer(() => this.#onTimer());
    this.#period = periodOf(this.#roller, options.clock.wallTime());
    this.#fd = this.#openAtStart();
  }

  /** Queues text that ends with a line feed. */
  write(line: string): void {
    if (!this.enabled) return;
    if (this.#queue.length + line.length > MAX_QUEUED) {
      this.#dropped.add(1);
      return;
    }
    this.#queue.append(line);
    if (this.#queue.length >= BATCH) {
      this.flush();
    } else if (!this.#timer.armed) {
      this.#timer.start(FLUSH_MS);
    }
  }

  /** Has what is queued written as soon as the batch before it is through. */
  flush(): void {
    this.#flushAsked = true;
    if (!this.#resting) this.#work ??= this.#run();
  }

  /** Opens the file anew, because another program has moved it; what is queued still goes into the old one. */
  reopen(): void {
    if (this.#target.kind !== 'file') return;
    this.#reopenAsked = true;
    this.flush();
  }

  /**
   * Writes what is queued and waits for it: the last resort when the process ends. A batch on its way is not written
   * again; the operating system finishes it while the process exits.
   */
  flushSync(): void {
    const waiting = this.#writing || this.#rest === undefined ? [] : [this.#rest];
    const bytes = Buffer.concat([...waiting, this.#queue.take()]);
    if (!this.#writing) this.#rest = undefined;
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(this.#fd, bytes, at);
    } catch {
      // The process is ending and there is nowhere left to say so.
    }
  }

  /** Writes what is queued and closes the file. Lines that cannot be written are given up. */
  async close(): Promise<void> {
    this.enabled = false;
    while (this.#work) await this.#work;
    for (let tries = 0; tries === 0 || (this.#busy && tries < CLOSING_TRIES); tries++) {
      if (this.#busy) await new Promise((resolve) => setTimeout(resolve, BUSY_MS));
      this.#onTimer();
      await this.#work;
    }
    this.#timer.stop();
    await this.#tidying;
    if (this.#ownsDescriptor) await closeFile(this.#fd);
  }

  #onTimer(): void {
    this.#resting = false;
    this.flush();
  }

  /** One round: everything that was asked for when it began or is asked for meanwhile. */
  async #run(): Promise<void> {
    await acquireSlot();
    try {
      while (this.#flushAsked || this.#queue.length >= BATCH) {
        this.#flushAsked = false;
        this.#timer.stop();
        await this.#rollIfDue().catch(this.#onError);
        await this.#writeQueue();
        if (this.#reopenAsked) await this.#reopen();
        this.#failing = false;
        this.#busy = false;
      }
    } catch (error) {
      this.#retryLater(error as NodeJS.ErrnoException);
    } finally {
      releaseSlot();
      this.#work = undefined;
    }
  }

  async #writeQueue(): Promise<void> {
    if (this.#rest === undefined) {
      if (this.#queue.length === 0) return;
      this.#rest = this.#queue.take();
    }
    while (this.#rest !== undefined) {
      const batch: Buffer = this.#rest;
      this.#writing = true;
      try {
        const { bytesWritten } = await writeFile(this.#fd, batch, 0, batch.length, null);
        this.#size += bytesWritten;
        this.#rest = bytesWritten < batch.length ? batch.subarray(bytesWritten) : undefined;
      } finally {
        this.#writing = false;
      }
    }
  }

  async #rollIfDue(): Promise<void> {
    const now = this.#clock.wallTime();
    const { hours, maxBytes } = this.#roller;
    const due = hours === 0 ? this.#size >= maxBytes : now >= this.#period.end;
    if (!due || this.#target.kind !== 'file') return;
    const path = this.#target.path;
    const begun = this.#period.start;
    this.#period = periodOf(this.#roller, now);
    if (this.#size === 0 || !(await this.#isCurrent())) return this.#reopen();
    const rolled = await rollAway(path, rolledSuffix(this.#roller, begun), this.#roller);
    await this.#reopen();
    this.#tidying = this.#tidying.then(() => tidyRolled(path, rolled, this.#roller, now)).catch(this.#onError);
  }

  /** Whether the path still leads to the open file: another process may have rolled it already. */
  async #isCurrent(): Promise<boolean> {
    try {
      const there = await statFile(this.#target.path);
      const here = await statDescriptor(this.#fd);
      return there.ino === here.ino && there.dev === here.dev;
    } catch {
      return false;
    }
  }

  /** Keeps the old descriptor when there is no new one. */
  async #reopen(): Promise<void> {
    this.#reopenAsked = false;
    let fd: number;
    try {
      fd = await openFile(this.#target.path, 'a', 0o644);
    } catch (error) {
      this.#reopenAsked = true;
      throw error;
    }
    const old = this.#fd;
    this.#fd = fd;
    this.#size = (await statDescriptor(fd)).size;
    await closeFile(old);
  }

  #retryLater(error: NodeJS.ErrnoException): void {
    this.#busy = error.code === 'EAGAIN';
    this.#resting = true;
    this.#timer.start(this.#busy ? BUSY_MS : FLUSH_MS);
    if (this.#busy || this.#failing) return;
    this.#failing = true;
    this.#onError(error);
  }

  get #ownsDescriptor(): boolean {
    return this.#target.kind === 'file' || this.#target.kind === 'device';
  }

  /** At start the process may wait, and a file that cannot be opened is an error of the configuration. */
  #openAtStart(): number {
    const { kind, path } = this.#target;
    if (kind === 'stdout') return 1;
    if (kind === 'stderr') return 2;
    if (kind === 'file') mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
    const fd = openSync(path, 'a', 0o644);
    const found = fstatSync(fd);
    this.#size = found.size;
    // What an earlier process wrote in an earlier period is rolled away with the first line.
    if (kind === 'file' && found.size > 0) this.#period = periodOf(this.#roller, found.mtimeMs);
    return fd;
  }
}
