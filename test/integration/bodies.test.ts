/** Bodies stream both ways, in bounded memory and at the pace of whoever takes them. */

import assert from 'node:assert/strict';
import type net from 'node:net';
import { describe, it } from 'node:test';
import { bulkPeers, pour } from './support/bulk-peers.ts';
import { eventually } from './support/eventually.ts';
import {
  httpServer,
  pathEcho,
  type RawClient,
  rawClient,
  request,
  scriptedServer,
  tcpServer,
} from './support/peers.ts';
import { gateway } from './support/weft.ts';

describe('bodies', () => {
  const MIB = 1024 * 1024;

  it('that are still being sent do not hold back an early answer, which arrives whole', async () => {
    const answer = 'x'.repeat(200_000);
    await using upstream = await scriptedServer(
      () => `HTTP/1.1 403 Forbidden\r\nContent-Length: ${answer.length}\r\n\r\n${answer}`,
    );
    await using weft = await gateway(upstream);
    using client = await rawClient(weft.port);
    client.write(`POST / HTTP/1.1\r\nHost: h\r\nContent-Length: ${100 * MIB}\r\n\r\n${'y'.repeat(10_000)}`);
    const text = await client.rest();
    assert.match(text, /^HTTP\/1\.1 403 Forbidden\r\n/);
    assert.match(text, /\r\nConnection: close\r\n/i);
    assert.ok(text.endsWith(answer));
    client.end();
    await weft.idle();
    assert.equal(weft.books.completed, 1);
  });

  it('server-sent events arrive as they are sent', async () => {
    let emit: (event: string) => void = () => {};
    await using upstream = await httpServer((_req, res) => {
      res.writeHead(200, { 'content-type': 'text/event-stream' });
      emit = (event) => res.write(`data: ${event}\n\n`);
      emit('first');
    });
    await using weft = await gateway(upstream);
    using client = await rawClient(weft.port);
    client.write('GET / HTTP/1.1\r\nHost: h\r\n\r\n');
    await client.until('data: first\n\n');
    for (const event of ['second', 'third']) {
      emit(event);
      await client.until(`data: ${event}\n\n`);
    }
    assert.equal(weft.books.active, 1);
  });

  it('of 256 MiB pass both ways in bounded memory', async () => {
    const size = 256 * MIB;
    await using peers = await bulkPeers(size);
    await using weft = await gateway(peers);
    const base = memory();
    let peak = 0;
    const watch = setInterval(() => {
      peak = Math.max(peak, memory() - base);
    }, 2);
    try {
      assert.equal(await peers.upload(weft.port), size);
      assert.equal(await peers.download(weft.port), size);
    } finally {
      clearInterval(watch);
    }
    assert.ok(peak < 16 * MIB, `${(peak / MIB).toFixed(1)} MiB of buffers at the peak`);
    assert.equal(weft.counter('request_200_total'), 2);
  });

  it('stop being read from an upstream whose client does not read, and go on when it does', async () => {
    let source: net.Socket | undefined;
    await using upstream = await tcpServer((socket) => {
      socket.once('data', () => {
        source = socket;
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${1024 * MIB}\r\n\r\n`);
        void pour(socket, 1024 * MIB);
      });
    });
    await using weft = await gateway(upstream);
    using slow = await rawClient(weft.port);
    slow.socket.pause();
    slow.write('GET / HTTP/1.1\r\nHost: h\r\n\r\n');
    await eventually(() => source !== undefined, 'the request has reached the upstream');
    const [connection] = weft.server.listeners[0]!.connections.keys();
    assert.ok(connection && source);
    await eventually(() => connection.blocked, 'the client’s connection is full');
    await otherTraffic();
    assert.ok(connection.pending < MIB, `${connection.pending} bytes are kept for the slow client`);
    assert.ok(sentBy(source) < 64 * MIB, `${sentBy(source)} bytes have left the upstream`);
    const got = count(slow);
    slow.socket.resume();
    await eventually(() => got() > 128 * MIB, 'the flow goes on');
  });

  it('stop being read from a client whose upstream does not read, and go on when it does', async () => {
    const size = 256 * MIB;
    let release: () => void = () => {};
    let received = 0;
    await using upstream = await tcpServer((socket) => {
      socket.pause();
      release = () => {
        socket.on('data', (chunk) => {
          received += chunk.length;
          if (received > size) socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
        });
        socket.resume();
      };
    });
    await using weft = await gateway(upstream);
    using client = await rawClient(weft.port);
    client.write(`PUT /up HTTP/1.1\r\nHost: h\r\nContent-Length: ${size}\r\n\r\n`);
    const sent = pour(client.socket, size);
    await eventually(
      () => client.socket.writableNeedDrain && client.socket.bytesWritten > MIB,
      'the client is held up',
    );
    await otherTraffic();
    assert.ok(sentBy(client.socket) < 64 * MIB, `${sentBy(client.socket)} bytes have left the client`);
    release();
    await sent;
    await client.until('\r\n\r\nok');
    assert.ok(received > size);
  });

  /** Goes on for as long as a gigabyte would take to flow if nothing held it back. */
  async function otherTraffic(): Promise<void> {
    await using upstream = await pathEcho();
    await using weft = await gateway(upstream);
    for (let i = 0; i < 200; i++) await request(weft.port, '/');
  }
});

/** Bytes outside of the heap: whoever buffers a body shows here. */
function memory(): number {
  const { external, arrayBuffers } = process.memoryUsage();
  return Math.max(external, arrayBuffers);
}

/** Bytes that a socket has given to the operating system. */
function sentBy(socket: net.Socket): number {
  return socket.bytesWritten - socket.writableLength;
}

/** Counts what a client reads and keeps none of it. */
function count(client: RawClient): () => number {
  let bytes = 0;
  client.socket.removeAllListeners('data');
  client.socket.on('data', (text: string) => {
    bytes += text.length;
  });
  return () => bytes;
}
