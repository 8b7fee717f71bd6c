/** The network filter `tcp_proxy` over a whole proxy: bytes, half-closes and back-pressure pass; limits hold. */

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type net from 'node:net';
import { describe, it } from 'node:test';
import { pour } from './support/bulk-peers.ts';
import { eventually } from './support/eventually.ts';
import { deadPort, exchange, rawClient, recordingServer, request, tcpServer } from './support/peers.ts';
import { cluster, startWeft, type Weft } from './support/weft.ts';

function tunnel(config: object, ...clusters: object[]): Promise<Weft> {
  return startWeft({ clusters, listener: { filter_chains: [{ filters: [{ type: 'tcp_proxy', config }] }] } });
}

const MIB = 1024 * 1024;

describe('tcp_proxy', () => {
  it('carries bytes both ways', async () => {
    await using upstream = await tcpServer((socket) => socket.pipe(socket));
    await using weft = await tunnel({ cluster: 'c' }, cluster('c', upstream.port));
    using client = await rawClient(weft.port);
    for (const word of ['one', 'two\0\xff', 'three']) {
      client.write(word);
      await client.until((text) => text.endsWith(word));
    }
    client.end();
    await client.rest();
    await weft.idle();
    assert.equal(client.text, 'onetwo\0\xffthree');
    assert.equal(weft.upstream('c', 'connection_total'), 1);
    assert.equal(weft.counter('bytes_read_total'), 13);
    assert.equal(weft.counter('bytes_write_total'), 13);
  });

  it('delivers what the upstream says first', async () => {
    await using upstream = await tcpServer((socket) => socket.write('220 ready\r\n'));
    await using weft = await tunnel({ cluster: 'c' }, cluster('c', upstream.port));
    using client = await rawClient(weft.port);
    await client.until('220 ready\r\n');
  });

  it('passes the half-close of a client on, and what is still to be said after it', async () => {
    const upstream = await recordingServer(() => {});
    await using _ = upstream;
    await using weft = await tunnel({ cluster: 'c' }, cluster('c', upstream.port));
    using client = await rawClient(weft.port);
    client.write('question');
    await eventually(() => upstream.received === 'question', 'it has arrived');
    const [socket] = upstream.peer.sockets;
    socket?.removeAllListeners('end').once('end', () => socket.end('answer'));
    client.end();
    assert.equal(await client.rest(), 'answer');
    await weft.idle();
  });

  it('passes the half-close of an upstream on, and what is still to be said after it', async () => {
    const upstream = await recordingServer((seen, socket) => {
      if (seen === 'hello') socket.end('goodbye');
    });
    await using _ = upstream;
    await using weft = await tunnel({ cluster: 'c' }, cluster('c', upstream.port));
    using client = await rawClient(weft.port);
    client.write('hello');
    assert.equal(await client.rest(), 'goodbye');
    client.write(' and thanks');
    client.end();
    await eventually(() => upstream.received === 'hello and thanks', 'the rest has arrived');
    await weft.idle();
    assert.equal(weft.upstream('c', 'connection_active'), 0);
  });

  it('closes a connection whose upstream cannot be reached', async () => {
    await using weft = await tunnel({ cluster: 'c' }, cluster('c', await deadPort()));
    assert.equal(await exchange(weft.port, 'hello'), '');
    assert.equal(weft.counter('connect_failed', 'tcp_proxy'), 1);
    assert.equal(weft.upstream('c', 'connection_con_fail'), 1);
  });

  it('tries other hosts before it gives up', async () => {
    await using upstream = await tcpServer((socket) => socket.end('here'));
    await using weft = await tunnel({ cluster: 'c' }, cluster('c', await deadPort(), await deadPort(), upstream.port));
    for (let i = 0; i < 3; i++) assert.equal(await exchange(weft.port, ''), 'here');
    assert.ok(weft.upstream('c', 'connection_retry') > 0);
    assert.equal(weft.upstream('c', 'connection_total'), 3);
  });

  it('closes both sides after silence in both directions', async () => {
    const upstream = await recordingServer((_seen, socket) => socket.write('.'));
    await using _ = upstream;
    await using weft = await tunnel({ cluster: 'c', idle_timeout: 150e6 }, cluster('c', upstream.port));
    assert.equal(await exchange(weft.port, 'hello'), '.');
    assert.equal(weft.counter('idle_timeout', 'tcp_proxy'), 1);
    await eventually(() => upstream.peer.sockets.size === 0, 'the upstream side is closed');
  });

  it('closes the upstream side when the client resets, and the other way round', async () => {
    let socket: net.Socket | undefined;
    await using upstream = await tcpServer((accepted) => {
      socket = accepted;
      accepted.resume();
      accepted.on('end', () => accepted.end());
    });
    await using weft = await tunnel({ cluster: 'c' }, cluster('c', upstream.port));
    using client = await rawClient(weft.port);
    await eventually(() => socket !== undefined, 'it is connected');
    client.socket.resetAndDestroy();
    await eventually(() => upstream.sockets.size === 0, 'the upstream side is closed');
    socket = undefined;
    using second = await rawClient(weft.port);
    await eventually(() => socket !== undefined, 'it is connected again');
    (socket as net.Socket | undefined)?.resetAndDestroy();
    await second.rest();
    await weft.idle();
  });

  it('stops reading an upstream whose client does not read; all bytes arrive in the end', async () => {
    const size = 128 * MIB;
    let source: net.Socket | undefined;
    await using upstream = await tcpServer((socket) => {
      source = socket;
      void pour(socket, size).then(() => socket.end());
    });
    await using weft = await tunnel({ cluster: 'c' }, cluster('c', upstream.port));
    using client = await rawClient(weft.port);
    client.socket.pause();
    await eventually(() => source !== undefined, 'it is connected');
    const [connection] = weft.server.listeners[0]!.connections.keys();
    await eventually(() => connection!.blocked, 'the connection is full');
    for (let i = 0; i < 50; i++) assert.equal(await exchange(weft.port, '', 1), 'z');
    assert.ok(connection!.pending < MIB, `${connection!.pending} bytes are kept`);
    assert.ok(source!.bytesWritten - source!.writableLength < 64 * MIB);
    const hash = createHash('sha256');
    let bytes = 0;
    client.socket.removeAllListeners('data').on('data', (text: string) => {
      bytes += text.length;
      hash.update(text, 'latin1');
    });
    client.socket.resume();
    await eventually(
      () => bytes === size,
      () => `all bytes: ${bytes}`,
    );
    assert.equal(hash.digest('hex'), createHash('sha256').update(Buffer.alloc(size, 'z')).digest('hex'));
  });

  it('routes by the addresses and ports of both ends', async () => {
    await using a = await tcpServer((socket) => socket.end('a'));
    await using b = await tcpServer((socket) => socket.end('b'));
    const any = { SourcePort: '1-65535', DestinationPort: '1-65535' };
    const from = (address: string): object[] => [{ Address: address, Length: 8 }];
    const route = (name: string, source: string): object => ({
      Cluster: name,
      SourceAddrs: from(source),
      DestinationAddrs: from('127.0.0.0'),
      ...any,
    });
    const clusters = [cluster('a', a.port), cluster('b', b.port)];
    await using weft = await tunnel({ routes: [route('a', '10.0.0.0'), route('b', '127.0.0.0')] }, ...clusters);
    assert.equal(await exchange(weft.port, ''), 'b');
    await using none = await tunnel({ routes: [route('a', '10.0.0.0')] }, ...clusters);
    assert.equal(await exchange(none.port, ''), '');
    assert.equal(none.counter('no_route', 'tcp_proxy'), 1);
  });

  it('closes connections beyond max_connections of the cluster', async () => {
    await using upstream = await tcpServer((socket) => socket.write('in'));
    const limited = { ...cluster('c', upstream.port), circuit_breakers: [{ max_connections: 1 }] };
    await using weft = await tunnel({ cluster: 'c' }, limited);
    using client = await rawClient(weft.port);
    await client.until('in');
    assert.equal(await exchange(weft.port, ''), '');
    assert.equal(weft.upstream('c', 'request_pending_overflow'), 1);
  });
});

describe('proxy before tcp_proxy', () => {
  /** HTTP is answered by the proxy itself, everything else is for the echo. */
  async function both(proxy: object, port: number): Promise<Weft> {
    return startWeft({
      clusters: [cluster('c', port)],
      routes: [{ match: { prefix: '/' }, direct_response: { status: 200, body: 'http' } }],
      listener: {
        filter_chains: [
          {
            filters: [
              { type: 'proxy', config: { downstream_protocol: 'Auto', router_config_name: 'r', ...proxy } },
              { type: 'tcp_proxy', config: { cluster: 'c' } },
            ],
          },
        ],
      },
    });
  }

  it('hands bytes of an unknown protocol on when fallback_for_unknown_protocol is set', async () => {
    await using upstream = await tcpServer((socket) => socket.pipe(socket));
    await using weft = await both({ fallback_for_unknown_protocol: true }, upstream.port);
    assert.equal((await request(weft.port, '/')).body, 'http');
    using client = await rawClient(weft.port);
    client.write('\x16\x03\x01 no HTTP');
    await client.until('\x16\x03\x01 no HTTP');
    client.write(' and more');
    await client.until('no HTTP and more');
    client.end();
    await client.rest();
    assert.equal(weft.counter('request_total'), 1);
    assert.equal(weft.counter('protocol_error'), 0);
  });

  it('and those that stay undecided for the header time-out', async () => {
    await using upstream = await tcpServer((socket) => socket.pipe(socket));
    const proxy = { fallback_for_unknown_protocol: true, timeouts: { header: '30ms' } };
    await using weft = await both(proxy, upstream.port);
    using client = await rawClient(weft.port);
    client.write('PO');
    await client.until('PO');
  });

  it('else closes the connection, counted', async () => {
    await using upstream = await tcpServer((socket) => socket.pipe(socket));
    await using weft = await both({}, upstream.port);
    assert.equal(await exchange(weft.port, '\x16\x03\x01 no HTTP'), '');
    assert.equal(weft.counter('protocol_error'), 1);
    assert.equal(weft.upstream('c', 'connection_total'), 0);
  });
});
