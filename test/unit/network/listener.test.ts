import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Address, tcpAddress, unixAddress } from '../../../src/api/address.ts';
import { type Connection, NetworkStatus } from '../../../src/api/connection.ts';
import { CloseReason } from '../../../src/api/reason.ts';
import { setFaultHandler } from '../../../src/network/fault.ts';
import { ConnectionLimit, descriptorLimit } from '../../../src/network/fd-limit.ts';
import { type NetworkFilterMaker, SingleChain } from '../../../src/network/filter-chain.ts';
import { Listener, type ListenerOptions } from '../../../src/network/listener.ts';
import { connect, connectRaw, FakeTransport, Recorder, silentLog, TestMetrics, until } from './support.ts';

const TIMEOUT = { timeout: 30_000 };
const LOOPBACK = tcpAddress('127.0.0.1', 0);

/** Sends back what it gets, and FIN. */
const echo: NetworkFilterMaker = (connection) => ({
  onData(chunk) {
    connection.writeBytes(chunk);
    return NetworkStatus.Stop;
  },
  onEnd: () => connection.end(),
});

function listen(t: TestContext, address: Address, options: Partial<ListenerOptions> = {}) {
  const metrics = new TestMetrics();
  const listener = new Listener({
    name: 'in',
    address,
    bind: true,
    chains: new SingleChain([echo]),
    metrics,
    log: silentLog,
    limit: new ConnectionLimit(1000),
    ...options,
  });
  t.after(() => listener.close(CloseReason.Shutdown));
  const counter = (key: string) => metrics.value('downstream', { listener: 'in' }, key);
  return { listener, metrics, counter };
}

async function echoes(address: Address): Promise<void> {
  const recorder = new Recorder();
  const connection = await connect(address, recorder);
  connection.writeText('hello');
  connection.end();
  await until(() => recorder.closed !== undefined);
  assert.equal(recorder.text, 'hello');
}

test('port 0 becomes a real port; IPv4, IPv6 and unix sockets serve', TIMEOUT, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'weft-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'in.sock');
  for (const address of [LOOPBACK, tcpAddress('::1', 0), unixAddress(path)]) {
    const { listener } = listen(t, address);
    await listener.listen();
    assert.equal(listener.address.host, address.host);
    assert.equal(listener.address.port > 0, address.path === '');
    await echoes(listener.address);
    listener.stopAccepting();
  }
});

test('a peer over IPv4 of a socket that listens on IPv6 has an IPv4 address', TIMEOUT, async (t) => {
  let seen: Connection | undefined;
  const maker: NetworkFilterMaker = (connection) => {
    seen = connection;
    return {};
  };
  const { listener } = listen(t, tcpAddress('::', 0), { chains: new SingleChain([maker]) });
  await listener.listen();
  await connect(tcpAddress('127.0.0.1', listener.address.port));
  await until(() => seen !== undefined);
  assert.equal(seen?.remoteAddress.host, '127.0.0.1');
  assert.equal(seen?.localAddress.text, `127.0.0.1:${listener.address.port}`);
});

test(
  'a unix socket left over is replaced, any other file is not, and the file goes with the listener',
  TIMEOUT,
  async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'weft-'));
    t.after(() => rmSync(folder, { recursive: true }));
    const path = join(folder, 'in.sock');
    const first = listen(t, unixAddress(path)).listener;
    await first.listen();
    const second = listen(t, unixAddress(path)).listener;
    await second.listen();
    await echoes(second.address);
    assert.ok(existsSync(path));
    second.stopAccepting();
    await until(() => !existsSync(path));
    first.stopAccepting();
    writeFileSync(path, 'precious');
    const third = listen(t, unixAddress(path)).listener;
    await assert.rejects(
      third.listen(),
      /listener in: cannot listen on unix:.*in\.sock: the file exists and is not a socket/,
    );
  },
);

test('an accepted unix connection has the listener as its local address', TIMEOUT, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'weft-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const address = unixAddress(join(folder, 'in.sock'));
  const { listener } = listen(t, address);
  await listener.listen();
  await connect(address);
  await until(() => listener.connections.size === 1);
  const [connection] = listener.connections.keys();
  assert.equal(connection?.localAddress.text, address.text);
  assert.equal(connection?.remoteAddress.text, 'unix:');
});

test('an address that is taken is refused with the name of the listener', TIMEOUT, async (t) => {
  const first = listen(t, LOOPBACK).listener;
  await first.listen();
  const second = listen(t, first.address).listener;
  await assert.rejects(second.listen(), /listener in: cannot listen on 127\.0\.0\.1:\d+: .*EADDRINUSE/);
});

test('without bind no socket is opened, and connections can be handed over', async (t) => {
  const { listener, counter } = listen(t, tcpAddress('127.0.0.1', 9), { bind: false });
  await listener.listen();
  const transport = new FakeTransport();
  listener.accept(transport);
  transport.receiver.onRead(Buffer.from('x'));
  await nextTurn();
  assert.deepEqual(transport.writes, ['x']);
  assert.equal(counter('connection_active'), 1);
});

test('the books balance: total = active + destroyed, bytes counted, also for the whole proxy', TIMEOUT, async (t) => {
  const limit = new ConnectionLimit(1000);
  const { listener, metrics, counter } = listen(t, LOOPBACK, { limit });
  await listener.listen();
  const balance = () => {
    assert.equal(counter('connection_total'), counter('connection_active') + counter('connection_destroy'));
    assert.equal(counter('connection_active'), listener.connections.size);
    assert.equal(limit.active, listener.connections.size);
  };
  const sockets: net.Socket[] = [];
  for (let i = 0; i < 40; i++) {
    const socket = await connectRaw(listener.address);
    socket.write('hello');
    await new Promise((resolve) => socket.once('data', resolve));
    sockets.push(socket);
    balance();
    if (i % 4 === 1) socket.destroy();
    if (i % 4 === 2) socket.resetAndDestroy();
    if (i % 4 === 3) socket.end();
  }
  await until(() => listener.connections.size === 10);
  balance();
  assert.equal(counter('bytes_read_total'), 200);
  assert.equal(counter('bytes_write_total'), 200);
  listener.close(CloseReason.Shutdown);
  await until(() => listener.connections.size === 0);
  balance();
  assert.equal(counter('connection_total'), 40);
  assert.equal(counter('connection_active'), 0);
  assert.equal(metrics.value('downstream', { proxy: 'global' }, 'connection_total'), 40);
  assert.equal(metrics.value('downstream', { proxy: 'global' }, 'connection_active'), 0);
});

test('connections beyond the limit, own or shared, are closed and counted', TIMEOUT, async (t) => {
  const limit = new ConnectionLimit(3);
  const a = listen(t, LOOPBACK, { limit, maxConnections: 2 });
  const b = listen(t, LOOPBACK, { limit });
  await a.listener.listen();
  await b.listener.listen();
  const open = async (address: Address) => {
    const socket = await connectRaw(address);
    socket.write('x');
    return new Promise<'served' | 'refused'>((resolve) => {
      socket.once('data', () => resolve('served'));
      socket.once('close', () => resolve('refused'));
      socket.once('end', () => socket.destroy());
    });
  };
  assert.deepEqual([await open(a.listener.address), await open(a.listener.address)], ['served', 'served']);
  assert.equal(await open(a.listener.address), 'refused');
  assert.equal(await open(b.listener.address), 'served');
  assert.equal(await open(b.listener.address), 'refused');
  assert.deepEqual([a.counter('connection_rejected_total'), b.counter('connection_rejected_total')], [1, 1]);
  a.listener.close(CloseReason.Shutdown);
  await until(() => limit.active === 1);
  assert.equal(await open(b.listener.address), 'served');
});

test('near the end of the descriptors connections are refused, and taken again after', (t) => {
  const warnings: object[] = [];
  const log = { ...silentLog, warn: (fields: object) => void warnings.push(fields) };
  const { listener, counter } = listen(t, LOOPBACK, { bind: false, log });
  const last = descriptorLimit() - 1;
  assert.equal(listener.admits(10), true);
  assert.deepEqual([listener.admits(last), listener.admits(last)], [false, false]);
  assert.equal(listener.admits(-1), true, 'not known');
  assert.equal(listener.admits(last), false);
  assert.equal(counter('accept_paused_total'), 2);
  assert.equal(counter('connection_rejected_total'), 3);
  assert.equal(warnings.length, 1, 'not one line per connection');
});

test('stopAccepting leaves connections alone; drain tells their filters; close ends them', TIMEOUT, async (t) => {
  let drained = 0;
  const maker: NetworkFilterMaker = (connection, chain) => ({
    ...echo(connection, chain),
    onDrain: () => void drained++,
  });
  const { listener } = listen(t, LOOPBACK, { chains: new SingleChain([maker]) });
  await listener.listen();
  const recorders = [new Recorder(), new Recorder()];
  const connections = await Promise.all(recorders.map((recorder) => connect(listener.address, recorder)));
  await until(() => listener.connections.size === 2);
  listener.stopAccepting();
  await assert.rejects(connect(listener.address), /upstream_connect_failed/);
  listener.drain();
  assert.equal(drained, 2);
  connections[0]?.writeText('still there');
  await until(() => recorders[0]?.text === 'still there');
  listener.close(CloseReason.Shutdown);
  for (const connection of connections) connection.end();
  await until(() => recorders.every(({ closed }) => closed !== undefined));
  await until(() => listener.connections.size === 0);
});

test('other chains may take the place of the first; connections keep theirs', TIMEOUT, async (t) => {
  const says =
    (word: string): NetworkFilterMaker =>
    (connection) => ({
      onData() {
        connection.writeText(word);
        return NetworkStatus.Stop;
      },
    });
  const { listener } = listen(t, LOOPBACK, { chains: new SingleChain([says('old')]) });
  await listener.listen();
  const [first, second] = [new Recorder(), new Recorder()];
  const before = await connect(listener.address, first);
  await until(() => listener.connections.size === 1);
  listener.chains = new SingleChain([says('new')]);
  const after = await connect(listener.address, second);
  before.writeText('?');
  after.writeText('?');
  await until(() => first.received + second.received === 6);
  assert.deepEqual([first.text, second.text], ['old', 'new']);
});

test('a chain without filters, and a matcher that finds none, close the connection', TIMEOUT, async (t) => {
  for (const chains of [new SingleChain([]), { match: () => undefined }]) {
    const { listener, counter } = listen(t, LOOPBACK, { chains });
    await listener.listen();
    const recorder = new Recorder();
    const connection = await connect(listener.address, recorder);
    await until(() => recorder.events.includes('end'));
    connection.end();
    await until(() => recorder.closed !== undefined);
    assert.equal(counter('connection_destroy'), 1);
  }
});

test(
  'a filter that throws when it is made, or when the connection is new, ends that connection only',
  TIMEOUT,
  async (t) => {
    const faults: string[] = [];
    const previous = setFaultHandler((error) => faults.push((error as Error).message));
    t.after(() => setFaultHandler(previous));
    let broken = 2;
    const maker: NetworkFilterMaker = (connection, chain) => {
      broken--;
      if (broken === 1) throw new Error('made');
      if (broken !== 0) return echo(connection, chain);
      return {
        onNewConnection() {
          throw new Error('new');
        },
      };
    };
    const { listener, counter } = listen(t, LOOPBACK, { chains: new SingleChain([maker]) });
    await listener.listen();
    for (let i = 0; i < 2; i++) {
      const socket = await connectRaw(listener.address);
      socket.resume();
      await new Promise((resolve) => socket.once('end', resolve));
      socket.destroy();
    }
    await echoes(listener.address);
    assert.deepEqual(faults, ['made', 'new']);
    await until(() => counter('connection_destroy') === 3);
  },
);
