/** undici as the client, and what the platform makes of it: `fetch` and `WebSocket`. */

import assert from 'node:assert/strict';
import { on, once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { Pool } from 'undici';
import { eventually } from '../integration/support/eventually.ts';
import { httpServer } from '../integration/support/peers.ts';
import { gateway } from '../integration/support/weft.ts';
import { webSocketEcho } from './support/websocket-echo.ts';

describe('undici', () => {
  it('sends 2,000 requests over four pipelined connections and gets each its own answer', async () => {
    // Answers out of order when it can: some at once, some some turns later.
    await using upstream = await httpServer(async (request, response) => {
      const chunks = await request.toArray();
      const number = Number(request.url?.slice(1));
      for (let left = number % 7; left > 0; left--) await turn();
      const body = `answer to ${request.method} ${request.url}: ${Buffer.concat(chunks)}`;
      if (number % 2 === 0) response.setHeader('content-length', body.length);
      response.end(body);
    });
    await using weft = await gateway(upstream);
    const pool = new Pool(`http://127.0.0.1:${weft.port}`, { connections: 4, pipelining: 4 });
    const ask = async (number: number): Promise<string> => {
      const path = `/${number}`;
      // undici does not pipeline behind a POST, but behind an idempotent method with a body.
      const answer = await (number % 3 === 0
        ? pool.request({ path, method: 'PUT', body: `body ${number}`, idempotent: true })
        : pool.request({ path, method: 'GET' }));
      assert.equal(answer.statusCode, 200);
      return await answer.body.text();
    };
    const expected = (number: number): string =>
      number % 3 === 0 ? `answer to PUT /${number}: body ${number}` : `answer to GET /${number}: `;
    const numbers = Array.from({ length: 2000 }, (_, i) => i);
    try {
      assert.deepEqual(await Promise.all(numbers.map(ask)), numbers.map(expected));
    } finally {
      await pool.close();
    }
    assert.equal(weft.counter('connection_total'), 4);
    assert.deepEqual(weft.books, { total: 2000, completed: 2000, reset: 0, active: 0, balanced: true });
  });
});

describe('fetch', () => {
  it('sees server-sent events as they are sent', async () => {
    const { promise: connected, resolve: onConnected } = Promise.withResolvers<ServerResponse>();
    await using upstream = await httpServer((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.flushHeaders();
      onConnected(response);
    });
    await using weft = await gateway(upstream);
    const answer = await fetch(`http://127.0.0.1:${weft.port}/events`);
    assert.equal(answer.headers.get('content-type'), 'text/event-stream');
    const events = await connected;
    const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
    for (let number = 1; number <= 20; number++) {
      const event = `id: ${number}\ndata: event ${number}\n\n`;
      events.write(event);
      // Each is read before the next is sent.
      assert.equal(Buffer.from((await reader.read()).value ?? []).toString(), event);
    }
    events.end();
    assert.equal((await reader.read()).done, true);
    await eventually(() => weft.books.completed === 1, 'the stream is over');
  });

  it('gives up in the middle, and the upstream hears of it', async () => {
    const { promise: closed, resolve: onClosed } = Promise.withResolvers<void>();
    await using upstream = await httpServer((_request, response) => {
      response.write('data: first\n\n');
      response.on('close', onClosed);
    });
    // All that comes of it is a FIN: an answer is then owed for this long.
    await using weft = await gateway(upstream, {}, { proxy: { timeouts: { half_close_grace: '10ms' } } });
    const abort = new AbortController();
    const answer = await fetch(`http://127.0.0.1:${weft.port}/events`, { signal: abort.signal });
    await answer.body?.getReader().read();
    abort.abort();
    await closed;
    assert.deepEqual(weft.books, { total: 1, completed: 0, reset: 1, active: 0, balanced: true });
  });
});

describe('WebSocket', () => {
  it('sends messages of every length form and gets them back', async () => {
    await using upstream = await webSocketEcho();
    await using weft = await gateway(upstream);
    const socket = new WebSocket(`ws://127.0.0.1:${weft.port}/chat`, ['echo', 'other']);
    socket.binaryType = 'arraybuffer';
    await once(socket, 'open');
    assert.equal(socket.protocol, 'echo');
    const received = on(socket, 'message') as AsyncIterator<[MessageEvent]>;
    for (const length of [0, 1, 125, 126, 65_535, 65_536, 1_000_000]) {
      const bytes = Buffer.alloc(length, 'weft ');
      socket.send(bytes.toString());
      socket.send(bytes);
      assert.equal((await received.next()).value[0].data, bytes.toString());
      assert.deepEqual(Buffer.from((await received.next()).value[0].data), bytes);
    }
    socket.close(1000, 'done');
    const [{ code, reason }] = (await once(socket, 'close')) as [{ code: number; reason: string }];
    assert.deepEqual([code, reason], [1000, 'done']);
    await weft.idle();
    assert.deepEqual(weft.books, { total: 1, completed: 1, reset: 0, active: 0, balanced: true });
  });

  it('fails where the route does not let it through', async () => {
    await using upstream = await webSocketEcho();
    let upgrades = 0;
    upstream.server.on('upgrade', () => upgrades++);
    await using weft = await gateway(upstream, { upgrades: [] });
    const socket = new WebSocket(`ws://127.0.0.1:${weft.port}/chat`);
    await once(socket, 'error');
    // What remains is an ordinary request, which the upstream answers 426.
    assert.deepEqual([weft.books.total, upgrades], [1, 0]);
  });
});
