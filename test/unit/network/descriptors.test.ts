/** A listener in a process that runs out of file descriptors. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import { createInterface } from 'node:readline';
import { test } from 'node:test';

const source = (path: string) => new URL(`../../../src/${path}`, import.meta.url).href;

/** Takes commands by line: `fill` opens files up to the reserve, `free` closes them, `count` prints the counters. */
const SCRIPT = `
import { openSync, closeSync } from 'node:fs';
import { Listener } from '${source('network/listener.ts')}';
import { SingleChain } from '${source('network/filter-chain.ts')}';
import { tcpAddress } from '${source('api/address.ts')}';
const counters = {};
const counter = (key) => ({ add(n) { counters[key] = (counters[key] ?? 0) + n; } });
const metrics = { group: (_, labels) => labels.listener ? { counter, gauge: counter } : { counter: () => ({ add() {} }), gauge: () => ({ add() {} }) } };
const log = { warn() {}, error() {}, info() {}, debug() {} };
const echo = (connection) => ({ onData(chunk) { connection.writeBytes(chunk); return 1; }, onEnd() { connection.end(); } });
const listener = new Listener({ name: 'in', address: tcpAddress('127.0.0.1', 0), bind: true, chains: new SingleChain([echo]), metrics, log });
await listener.listen();
console.log(listener.address.port);
const files = [];
process.stdin.on('data', async (line) => {
  if (String(line) === 'fill\\n') {
    // What is still being closed would leave a low descriptor free.
    while (listener.connections.size > 0) await new Promise(setImmediate);
    await new Promise(setImmediate);
    while (files.length === 0 || files.at(-1) < 60) files.push(openSync('/dev/null'));
  } else if (String(line) === 'free\\n') {
    for (const file of files) closeSync(file);
    files.length = 0;
  }
  console.log(JSON.stringify(counters));
});
process.stdin.on('end', () => process.exit());
`;

test('it refuses what it cannot serve, counts it, and recovers', { timeout: 30_000 }, async (t) => {
  const command = 'ulimit -n 64 && exec "$0" --input-type=module-typescript';
  const child = spawn('sh', ['-c', `${command} -e "$1"`, process.execPath, SCRIPT], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const line = async () => String((await lines.next()).value);
  const ask = (word: string) => {
    child.stdin.write(`${word}\n`);
    return line().then((text) => JSON.parse(text) as Record<string, number>);
  };
  const port = Number(await line());
  const attempt = async () => {
    const socket = net.connect(port, '127.0.0.1');
    socket.on('error', () => {});
    socket.write('hello');
    const served = await new Promise<boolean>((resolve) => {
      socket.once('data', () => resolve(true));
      socket.once('close', () => resolve(false));
    });
    socket.destroy();
    return served;
  };
  assert.equal(await attempt(), true);
  const full = await ask('fill');
  assert.equal(full['accept_paused_total'], undefined);
  assert.deepEqual([await attempt(), await attempt()], [false, false]);
  const refused = await ask('count');
  assert.equal(refused['accept_paused_total'], 1);
  assert.equal(refused['connection_rejected_total'], 2);
  await ask('free');
  assert.equal(await attempt(), true);
  child.stdin.end();
  await once(child, 'exit');
});
