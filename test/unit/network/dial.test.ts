import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Address, tcpAddress, unixAddress } from '../../../src/api/address.ts';
import type { Connection } from '../../../src/api/connection.ts';
import { CloseReason, type Reason } from '../../../src/api/reason.ts';
import { dial } from '../../../src/network/dial.ts';
import { setFaultHandler } from '../../../src/network/fault.ts';
import { connect, handler, Recorder, serve, until } from './support.ts';

const TIMEOUT = { timeout: 30_000 };

/** Dials what cannot be connected to; resolves with the reason. */
function failure(address: Address, connectTimeout = 5000): Promise<Reason> {
  return new Promise((resolve, reject) => {
    dial(address, { owner: 'test', connectTimeout }, handler(), {
      onConnected: () => reject(new Error('connected')),
      onFailed: resolve,
    });
  });
}

test(
  'a refused connection, an absent socket and an impossible path fail alike, and never at once',
  TIMEOUT,
  async () => {
    const server = net.createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as net.AddressInfo;
    server.close();
    await once(server, 'close');
    for (const address of [
      tcpAddress('127.0.0.1', port),
      unixAddress(join(tmpdir(), 'weft-absent.sock')),
      unixAddress(`/tmp/${'x'.repeat(200)}`),
      tcpAddress('127.0.0.1', 70_000),
    ]) {
      const failed: Reason[] = [];
      dial(address, { owner: 'test', connectTimeout: 5000 }, handler(), {
        onConnected: () => assert.fail('connected'),
        onFailed: (reason) => void failed.push(reason),
      });
      assert.equal(failed.length, 0, 'inside of the call');
      await until(() => failed.length > 0);
      assert.equal(failed[0]?.name, 'upstream_connect_failed', address.text);
    }
  },
);

test('a peer that does not answer runs into the connect time-out', TIMEOUT, async (t) => {
  // A listener that is stopped, with its queue full: the kernel drops further attempts.
  const script = `const s=require('net').createServer();s.listen({port:0,host:'127.0.0.1',backlog:1},()=>console.log(s.address().port))`;
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => child.kill('SIGKILL'));
  const [output] = (await once(child.stdout, 'data')) as [Buffer];
  const port = Number(output);
  child.kill('SIGSTOP');
  const fillers = Array.from({ length: 6 }, () => net.connect(port, '127.0.0.1').on('error', () => {}));
  t.after(() => {
    for (const socket of fillers) socket.destroy();
  });
  await until(() => fillers.filter((socket) => !socket.connecting).length >= 2);
  assert.equal((await failure(tcpAddress('127.0.0.1', port), 100)).name, 'upstream_connect_timeout');
});

test('cancelled, neither callback follows and the socket is closed', TIMEOUT, async (t) => {
  const server = await serve('onread');
  t.after(() => server.close());
  const told: string[] = [];
  const opener = {
    onConnected: () => void told.push('connected'),
    onFailed: () => void told.push('failed'),
  };
  const attempt = dial(server.address, { owner: 'test', connectTimeout: 5000 }, handler(), opener);
  attempt.cancel();
  attempt.cancel();
  const impossible = dial(
    unixAddress(`/${'x'.repeat(200)}`),
    { owner: 'test', connectTimeout: 5000 },
    handler(),
    opener,
  );
  impossible.cancel();
  // A later connection is accepted, so the first has had its chance.
  await connect(server.address);
  await server.accepted();
  assert.deepEqual(told, []);
});

test('cancel after the connection is there does nothing', TIMEOUT, async (t) => {
  const server = await serve('onread');
  t.after(() => server.close());
  const recorder = new Recorder();
  const opened: Connection[] = [];
  const attempt = dial(server.address, { owner: 'test', connectTimeout: 100 }, recorder, {
    onConnected: (connection) => void opened.push(connection),
    onFailed: () => assert.fail('failed'),
  });
  await until(() => opened.length === 1);
  attempt.cancel();
  const theirs = await server.accepted();
  theirs.writeText('hello');
  await until(() => recorder.received === 5);
});

test('the handler may be replaced: from then on it alone is called', TIMEOUT, async (t) => {
  const server = await serve('onread');
  t.after(() => server.close());
  const [first, second] = [new Recorder(), new Recorder()];
  const ours = await connect(server.address, first);
  const theirs = await server.accepted();
  theirs.writeText('one');
  await until(() => first.received === 3);
  ours.handler = second;
  theirs.writeText('two');
  theirs.close(CloseReason.LocalClose);
  await until(() => second.events.includes('end'));
  ours.close(CloseReason.LocalClose);
  await until(() => second.closed !== undefined);
  assert.deepEqual(first.events, ['data']);
  assert.equal(second.text, 'two');
});

test('a throw in onConnected ends that connection', TIMEOUT, async (t) => {
  const faults: string[] = [];
  const previous = setFaultHandler((error) => faults.push((error as Error).message));
  t.after(() => setFaultHandler(previous));
  const server = await serve('onread');
  t.after(() => server.close());
  const recorder = new Recorder();
  dial(server.address, { owner: 'test', connectTimeout: 5000 }, recorder, {
    onConnected() {
      throw new Error('broken');
    },
    onFailed: () => assert.fail('failed'),
  });
  await until(() => recorder.closed !== undefined);
  assert.equal(recorder.closed, CloseReason.Fault);
  assert.deepEqual(faults, ['broken']);
  await nextTurn();
});
