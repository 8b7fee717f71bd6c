/** The proxy as a process of its own, as `weft start` runs it. */

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DIRECTORY } from './weft.ts';

const MAIN = join(import.meta.dirname, '../../../src/main.ts');

export class WeftProcess implements AsyncDisposable {
  readonly directory: string;
  readonly child: ChildProcess;
  /** The exit code, or the name of the signal that ended it. */
  readonly exit: Promise<number | string>;
  /** What it has written to stderr: problems of the configuration, then the process log. */
  output = '';
  #over = false;
  readonly #waiting: (() => void)[] = [];

  constructor(directory: string, child: ChildProcess) {
    this.directory = directory;
    this.child = child;
    this.exit = new Promise((resolve) => {
      child.on('close', (code, signal) => {
        this.#over = true;
        this.#wake();
        resolve(code ?? String(signal));
      });
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.output += text;
      this.#wake();
    });
  }

  /** Waits until the log holds a line with this message; rejects when the process ends before. */
  async logged(message: string): Promise<Record<string, unknown>> {
    for (;;) {
      const line = this.output.split('\n').find((text) => text.includes(JSON.stringify(message)) && text.endsWith('}'));
      if (line !== undefined) return JSON.parse(line);
      if (this.#over) throw new Error(`ended without "${message}":\n${this.output}`);
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** Port of the only listener. */
  async port(): Promise<number> {
    return Number(String((await this.logged('listening'))['address']).split(':')[1]);
  }

  async adminPort(): Promise<number> {
    return Number((await this.logged('admin server listening'))['port']);
  }

  signal(name: NodeJS.Signals): void {
    this.child.kill(name);
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#over) this.child.kill('SIGKILL');
    await this.exit;
    await rm(this.directory, { recursive: true, force: true });
  }
}

/** Starts the process and returns at once. A text is written to the file as it is. */
export async function spawnWeft(config: object | string): Promise<WeftProcess> {
  const directory = await mkdtemp(join(tmpdir(), 'weft-test-'));
  const file = join(directory, 'weft.json');
  const text = typeof config === 'string' ? config : JSON.stringify(config);
  await writeFile(file, text.replaceAll(DIRECTORY, directory));
  const child = spawn(process.execPath, [MAIN, 'start', '-c', file], { stdio: ['ignore', 'ignore', 'pipe'] });
  return new WeftProcess(directory, child);
}

/** Starts the process and waits until it serves. */
export async function runWeft(config: object): Promise<WeftProcess> {
  const weft = await spawnWeft(config);
  await weft.logged('weft serves');
  return weft;
}
