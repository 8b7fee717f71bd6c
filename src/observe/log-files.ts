/** The log files of the process, one for each path however many logs share it. */

import type { Metrics } from '../api/metrics.ts';
import type { Clock } from '../api/timer.ts';
import { LogFile } from './log-file.ts';
import type { LogRoller } from './log-roller.ts';

export interface LogFilesOptions {
  readonly clock: Clock;
  readonly metrics: Metrics;
  /** `global_log_roller`; default: daily. */
  readonly roller?: LogRoller;
}

export class LogFiles {
  /** Told when a file cannot be written, once for a row of failures. */
  onError: (path: string, error: Error) => void = () => {};

  readonly #options: LogFilesOptions;
  readonly #files = new Map<string, { file: LogFile; users: number }>();

  constructor(options: LogFilesOptions) {
    this.#options = options;
  }

  /** Opens a file or joins its users; each call is paired with one of `release`. Throws when it cannot be opened. */
  open(path: string): LogFile {
    const known = this.#files.get(path);
    if (known) {
      known.users++;
      return known.file;
    }
    const { clock, metrics, roller } = this.#options;
    const counters = metrics.group('log', { path: path === '' ? 'stderr' : path });
    const failed = counters.counter('write_failed_total');
    const file = new LogFile(path, {
      clock,
      roller,
      dropped: counters.counter('dropped_total'),
      onError: (error) => {
        failed.add(1);
        this.onError(path, error);
      },
    });
    this.#files.set(path, { file, users: 1 });
    return file;
  }

  get(path: string): LogFile | undefined {
    return this.#files.get(path)?.file;
  }

  /** Gives a file back; the last user closes it. */
  async release(file: LogFile): Promise<void> {
    const entry = this.#files.get(file.path);
    if (entry?.file !== file || --entry.users > 0) return;
    this.#files.delete(file.path);
    await file.close();
  }

  /** SIGUSR1: another program has moved the files. */
  reopen(): void {
    for (const { file } of this.#files.values()) file.reopen();
  }

  /** Writes everything out and waits for it: for the `exit` event of the process. */
  flushSync(): void {
    for (const { file } of this.#files.values()) file.flushSync();
  }

  /** Writes everything out and closes all files. */
  async close(): Promise<void> {
    const files = [...this.#files.values()];
    this.#files.clear();
    await Promise.all(files.map(({ file }) => file.close()));
  }
}
