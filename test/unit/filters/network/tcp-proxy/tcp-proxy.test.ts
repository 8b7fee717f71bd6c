/** `tcp_proxy` between real sockets: a listener of ours, an origin of Node's. */

import assert from 'node:assert/strict';
import net from 'node:net';
import { type TestContext, test } from 'node:test';
import type { TcpProxyConfig } from '../../../../../filters/network/tcp-proxy/config.ts';
import { tcpProxy } from '../../../../../filters/network/tcp-proxy/index.ts';
import { tcpAddress } from '../../../../../src/api/address.ts';
import type { Connection, ConnectionHandler } from '../../../../../src/api/connection.ts';
import type { Clusters, ConnectionOpener, FactoryContext } from '../../../../../src/api/factory.ts';
import { CloseReason, Reason } from '../../../../../src/api/reason.ts';
import { bufferPool } from '../../../../../src/network/buffer-pool.ts';
import { ThreadClock } from '../../../../../src/network/clock.ts';
import { dial } from '../../../../../src/network/dial.ts';
import { SingleChain } from '../../../../../src/network/filter-chain.ts';
import { Listener } from '../../../../../src/network/listener.ts';
import { connectRaw, FakeTime, pattern, silentLog, TestMetrics, until } from '../../../network/support.ts';

const TIMEOUT = { timeout: 30_000 };
const MIB = 1024 * 1024;

/** Connects to one address for every cluster whose name starts with `up`; fails for others. */
class FakeClusters implements Clusters {
  readonly asked: string[] = [];
  readonly upstreams: Connection[] = [];
  port = 0;
  /** Attempts that wait until the test lets them go. */
  hold: (() => void)[] | undefined;
  cancelled = 0;

  has(name: string): boolean {
    return name.startsWith('up');
  }

  connect(cluster: string, handler: ConnectionHandler, opener: ConnectionOpener) {
    this.asked.push(cluster);
    if (!this.has(cluster)) {
      opener.onFailed(Reason.NoHealthyHost);
      return { cancel() {} };
    }
    const options = { owner: cluster, connectTimeout: 5000 };
    const go = () =>
      dial(tcpAddress('127.0.0.1', this.port), options, handler, {
        onConnected: (connection) => {
          this.upstreams.push(connection);
          opener.onConnected(connection);
        },
        onFailed: (reason) => opener.onFailed(reason),
      });
    if (this.hold === undefined) return go();
    this.hold.push(go);
    return { cancel: () => this.cancelled++ };
  }
}

async function fixture(t: TestContext, config: Partial<TcpProxyConfig> = { cluster: 'up' }) {
  const clusters = new FakeClusters();
  const metrics = new TestMetrics();
  const time = new FakeTime();
  const context: FactoryContext = { clock: new ThreadClock(time), log: silentLog, metrics, clusters, listener: 'in' };
  const maker = tcpProxy.create({ cluster: '', routes: [], ...config }, context);
  const arrived: net.Socket[] = [];
  const origin = net.createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {});
    arrived.push(socket);
  });
  await new Promise<void>((resolve) => origin.listen(0, '127.0.0.1', resolve));
  clusters.port = (origin.address() as net.AddressInfo).port;
  const listener = new Listener({
    name: 'in',
    address: tcpAddress('127.0.0.1', 0),
    bind: true,
    chains: new SingleChain([maker]),
    metrics,
    log: silentLog,
  });
  await listener.listen();
  t.after(() => {
    listener.close(CloseReason.Shutdown);
    origin.close();
    for (const socket of arrived) socket.destroy();
  });
  const counter = (key: string) => metrics.value('tcp_proxy', { listener: 'in' }, key);
  const server = async () => {
    await until(() => arrived.length > 0);
    return arrived.shift() as net.Socket;
  };
  return { clusters, counter, listener, origin, server, time };
}

/** Gathers what a socket receives. */
function gather(socket: net.Socket) {
  const state = { bytes: 0, chunks: [] as Buffer[], ended: false, closed: false };
  socket.on('data', (chunk: Buffer) => {
    state.chunks.push(chunk);
    state.bytes += chunk.length;
  });
  socket.on('end', () => {
    state.ended = true;
  });
  socket.on('close', () => {
    state.closed = true;
  });
  return state;
}

test('bytes pass both ways, those sent before the upstream was there too', TIMEOUT, async (t) => {
  const { listener, clusters, server } = await fixture(t);
  clusters.hold = [];
  const client = await connectRaw(listener.address);
  client.write('early');
  await until(() => clusters.hold?.length === 1);
  clusters.hold[0]?.();
  const upstream = await server();
  const [atServer, atClient] = [gather(upstream), gather(client)];
  await until(() => atServer.bytes === 5);
  upstream.write('greeting');
  await until(() => atClient.bytes === 8);
  client.write(' later');
  await until(() => atServer.bytes === 11);
  assert.equal(Buffer.concat(atServer.chunks).toString(), 'early later');
  client.destroy();
  await until(() => atServer.ended);
});

test('FIN passes in either direction while the other goes on', TIMEOUT, async (t) => {
  const { listener, server } = await fixture(t);
  for (const first of ['client', 'server']) {
    const client = await connectRaw(listener.address);
    const upstream = await server();
    const [near, far] = first === 'client' ? [client, upstream] : [upstream, client];
    const [atNear, atFar] = [gather(near), gather(far)];
    near.end('question');
    await until(() => atFar.ended);
    assert.equal(Buffer.concat(atFar.chunks).toString(), 'question');
    far.write('answer ');
    await until(() => atNear.bytes === 7);
    far.end('end');
    await until(() => atNear.ended && atNear.closed && atFar.closed);
    assert.equal(Buffer.concat(atNear.chunks).toString(), 'answer end');
    await until(() => listener.connections.size === 0);
  }
});

test('a reset of one side ends the other', TIMEOUT, async (t) => {
  const { listener, server } = await fixture(t);
  for (const resets of ['client', 'server']) {
    const client = await connectRaw(listener.address);
    const upstream = await server();
    const [near, far] = resets === 'client' ? [client, upstream] : [upstream, client];
    const atFar = gather(far);
    near.write('x');
    await until(() => atFar.bytes === 1);
    near.resetAndDestroy();
    await until(() => atFar.ended);
    far.destroy();
    await until(() => listener.connections.size === 0);
  }
});

test('what the upstream sent before it closed arrives whole', TIMEOUT, async (t) => {
  const { listener, server } = await fixture(t);
  const client = await connectRaw(listener.address);
  client.pause();
  const upstream = await server();
  const body = pattern(12 * MIB);
  upstream.end(body);
  upstream.resume();
  await until(() => [...listener.connections.keys()].some((connection) => connection.blocked));
  const atClient = gather(client);
  client.resume();
  await until(() => atClient.ended);
  assert.ok(Buffer.concat(atClient.chunks).equals(body));
  client.end();
  await until(() => listener.connections.size === 0 && bufferPool.lent === 0);
});

test('back-pressure reaches the sender, in either direction', TIMEOUT, async (t) => {
  const { listener, server, clusters } = await fixture(t);
  for (const direction of ['up', 'down']) {
    const client = await connectRaw(listener.address);
    const upstream = await server();
    const [from, to] = direction === 'up' ? [client, upstream] : [upstream, client];
    to.pause();
    const block = pattern(MIB);
    let sent = 0;
    let accepted = 0;
    const destination = () =>
      direction === 'up' ? clusters.upstreams.at(-1) : [...listener.connections.keys()].at(-1);
    // More than the kernel keeps on the whole way; what is beyond waits in the sender.
    for (; sent < 64; sent++) from.write(block, () => accepted++);
    await until(() => destination()?.blocked === true);
    const stalled = accepted;
    assert.ok(stalled < 64);
    assert.ok((destination()?.pending ?? 0) < MIB);
    const atEnd = gather(to);
    to.resume();
    await until(() => atEnd.bytes === 64 * MIB);
    assert.ok(Buffer.concat(atEnd.chunks.splice(0)).equals(Buffer.concat(Array(64).fill(block))));
    from.destroy();
    to.destroy();
    await until(() => listener.connections.size === 0);
  }
});

test('without a host the connection is closed and counted', TIMEOUT, async (t) => {
  const { listener, counter } = await fixture(t, { cluster: 'down' });
  const client = await connectRaw(listener.address);
  const atClient = gather(client);
  await until(() => atClient.ended);
  assert.equal(counter('connect_failed'), 1);
  client.destroy();
});

test('a client that goes away while connecting cancels it', TIMEOUT, async (t) => {
  const { listener, clusters } = await fixture(t);
  clusters.hold = [];
  await connectRaw(listener.address);
  await until(() => clusters.hold?.length === 1);
  for (const connection of listener.connections.keys()) connection.destroy(CloseReason.Shutdown);
  await until(() => clusters.cancelled === 1);
});

test('routes: the first whose four conditions hold names the cluster; none closes', TIMEOUT, async (t) => {
  const anywhere = {
    SourceAddrs: [{ Address: '127.0.0.0', Length: 8 }],
    SourcePort: '1-65535',
    DestinationPort: '1-65535',
  };
  const never = { Cluster: 'up-never', ...anywhere, DestinationAddrs: [] };
  const other = { Cluster: 'up-other', ...anywhere, DestinationAddrs: [{ Address: '10.0.0.0', Length: 8 }] };
  const match = { Cluster: 'up-match', ...anywhere, DestinationAddrs: [{ Address: '127.0.0.1', Length: 32 }] };
  const { listener, clusters, server } = await fixture(t, { routes: [never, other, match] });
  await connectRaw(listener.address);
  await server();
  assert.deepEqual(clusters.asked, ['up-match']);
  const without = await fixture(t, { routes: [never, other] });
  const client = await connectRaw(without.listener.address);
  const atClient = gather(client);
  await until(() => atClient.ended);
  assert.deepEqual(without.clusters.asked, []);
  assert.equal(without.counter('no_route'), 1);
  client.destroy();
});

test('silence in both directions ends it; a byte in either puts that off', TIMEOUT, async (t) => {
  const { listener, server, time, counter } = await fixture(t, { cluster: 'up', idle_timeout: 60_000_000_000 });
  const client = await connectRaw(listener.address);
  const upstream = await server();
  const [atServer, atClient] = [gather(upstream), gather(client)];
  time.advance(50_000);
  client.write('x');
  await until(() => atServer.bytes === 1);
  time.advance(50_000);
  upstream.write('y');
  await until(() => atClient.bytes === 1);
  time.advance(59_000);
  client.write('z');
  await until(() => atServer.bytes === 2);
  assert.equal(counter('idle_timeout'), 0);
  time.advance(61_000);
  await until(() => atClient.ended && atServer.ended);
  assert.equal(counter('idle_timeout'), 1);
  client.destroy();
});

test('absent, the idle time-out is an hour; 0 is never', TIMEOUT, async (t) => {
  for (const [config, ends] of [
    [{ cluster: 'up' }, true],
    [{ cluster: 'up', idle_timeout: 0 }, false],
  ] as const) {
    const { listener, server, time } = await fixture(t, config);
    const client = await connectRaw(listener.address);
    await server();
    await until(() => listener.connections.size === 1);
    time.advance(3_599_000);
    assert.ok([...listener.connections.keys()].every(({ open }) => open));
    time.advance(2000);
    assert.equal(
      [...listener.connections.keys()].every(({ open }) => open),
      !ends,
    );
    client.destroy();
  }
});
