/**
 * How a process ends, by signal:
 *
 * - INT, QUIT: at once, exit code 0.
 * - TERM: `/ready` answers 503 while accepting goes on for `drain_delay`, then every connection ends with what it is
 *   doing; exit code 0 when all have ended, 4 when `graceful_timeout` cuts some off. A second TERM does not wait.
 * - USR1: log files are reopened. HUP: nothing (smooth upgrade does not exist yet).
 */

import type { Server } from './server.ts';

/** MOSN's process states, by the numbers that its admin API shows (spec section 8.1). */
export const State = { Starting: 4, Running: 6, GracefulStopping: 8, Stopping: 9 } as const;
export type State = (typeof State)[keyof typeof State];

/** The deadline of the drain was hit with work left. */
const EXIT_CUT_OFF = 4;
const POLL_MS = 20;

export interface DrainOptions {
  /** Milliseconds. */
  readonly drainDelay: number;
  readonly drainTimeout: number;
}

export class LifeCycle {
  state: State = State.Starting;
  readonly #server: Server;
  readonly #options: DrainOptions;
  readonly #endings: (() => Promise<void>)[] = [];
  #deadline: NodeJS.Timeout | undefined;
  #step: NodeJS.Timeout | undefined;

  constructor(server: Server, options: DrainOptions) {
    this.#server = server;
    this.#options = options;
  }

  /** Something to do before the process ends. */
  onEnd(ending: () => Promise<void>): void {
    this.#endings.push(ending);
  }

  /** From here on signals do what they should. */
  serve(): void {
    this.state = State.Running;
    process.on('SIGINT', () => this.stop(0));
    process.on('SIGQUIT', () => this.stop(0));
    process.on('SIGTERM', () => this.drain());
    process.on('SIGHUP', () => this.#server.log.warn({}, 'HUP: smooth upgrade is not implemented, nothing changes'));
    process.on('SIGUSR1', () => this.#server.logFiles.reopen());
    process.on('exit', () => this.#server.logFiles.flushSync());
  }

  drain(): void {
    if (this.state === State.GracefulStopping) {
      this.stop(this.#server.connections === 0 ? 0 : EXIT_CUT_OFF);
      return;
    }
    if (this.state !== State.Running) return;
    this.state = State.GracefulStopping;
    const { drainDelay, drainTimeout } = this.#options;
    this.#server.log.info({ drainDelay, drainTimeout }, 'draining');
    this.#step = setTimeout(() => this.#drainConnections(), drainDelay);
    this.#deadline = setTimeout(() => {
      this.#server.log.warn({ connections: this.#server.connections }, 'drain timed out');
      this.stop(EXIT_CUT_OFF);
    }, drainDelay + drainTimeout);
  }

  /** Ends everything and exits. */
  stop(code: number): void {
    if (this.state === State.Stopping) return;
    this.state = State.Stopping;
    clearTimeout(this.#deadline);
    clearTimeout(this.#step);
    this.#server.log.info({ code }, 'stopping');
    void this.#end(code);
  }

  #drainConnections(): void {
    this.#server.drain();
    this.#awaitConnections();
  }

  #awaitConnections(): void {
    if (this.#server.connections === 0) this.stop(0);
    else this.#step = setTimeout(() => this.#awaitConnections(), POLL_MS);
  }

  async #end(code: number): Promise<void> {
    process.exitCode = code;
    await Promise.allSettled(this.#endings.map((ending) => ending()));
    await this.#server.close();
    process.exit(code);
  }
}
