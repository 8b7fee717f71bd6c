/**
 * `npm start [-- examples/FILE]`: two demo upstreams in this process and the gateway as a child of its own, with
 * `edge-gateway.yaml` unless told otherwise. INT and TERM end the gateway its own way; its exit code is ours.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startDemoUpstreams } from './demo-upstream.ts';

const READY_URL = 'http://127.0.0.1:34901/ready';
const READY_INTERVAL_MS = 50;

/** What to try with each example, by its file name. */
const HINTS: ReadonlyMap<string, readonly string[]> = new Map([
  [
    'edge-gateway.yaml',
    [
      'curl -i http://127.0.0.1:2046/          # twice: the two upstreams take turns',
      'curl -i http://127.0.0.1:2046/flaky     # one of them answers 503; a retry hides it',
      'curl -N http://127.0.0.1:2046/events    # server-sent events pass as they come',
    ],
  ],
  ['tcp-proxy.json', ['curl -i http://127.0.0.1:2047/          # bytes are passed on, whatever they mean']],
  [
    'unix-socket.json',
    [
      'curl -i --unix-socket /tmp/weft-example.sock http://localhost/',
      'curl -i http://127.0.0.1:2048/          # TCP in, unix socket, TCP out',
    ],
  ],
]);

const root = join(import.meta.dirname, '..');
const config = process.argv[2] ?? join(import.meta.dirname, 'edge-gateway.yaml');

const upstreams = await startDemoUpstreams();
const gateway = spawn(process.execPath, [join(root, 'src/main.ts'), 'start', '-c', config], { stdio: 'inherit' });
gateway.on('exit', (code, signal) => {
  for (const server of upstreams) {
    server.close();
    server.closeAllConnections();
  }
  process.exitCode = signal === null ? (code ?? 1) : 128 + constants.signals[signal];
});
passSignals(gateway);
if (await isReady(gateway)) printHints();

/** A terminal signals the whole group; whether the gateway hears it once or twice makes no difference to it. */
function passSignals(child: ChildProcess): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
}

/** Waits until the gateway says that it takes requests; false when it has ended instead. */
async function isReady(child: ChildProcess): Promise<boolean> {
  while (child.exitCode === null && child.signalCode === null) {
    const response = await fetch(READY_URL).catch(() => undefined);
    if (response?.ok) return true;
    await sleep(READY_INTERVAL_MS);
  }
  return false;
}

function printHints(): void {
  const hints = HINTS.get(basename(config));
  if (hints) console.log(`\nWeft is ready. Try in another terminal:\n\n${hints.map((line) => `  ${line}\n`).join('')}`);
}
