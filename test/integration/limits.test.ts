/** Limits of clusters and listeners, and clients that want more than their share. */

import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { describe, it } from 'node:test';
import { eventually } from './support/eventually.ts';
import { httpServer, rawClient, request, type TestServer } from './support/peers.ts';
import { script } from './support/script.ts';
import { cluster, gateway, routeTo, startWeft, type Weft } from './support/weft.ts';

const GET = 'GET / HTTP/1.1\r\nHost: h\r\n\r\n';

describe('limits', () => {
  /** Runs requests whose answers are held back; `release` gives all of them. */
  async function held(
    limits: object,
    options: object = {},
  ): Promise<{ weft: Weft; waiting: ServerResponse[]; server: TestServer }> {
    const waiting: ServerResponse[] = [];
    const server = await httpServer((_req, res) => waiting.push(res));
    const weft = await startWeft({
      routes: [routeTo('c')],
      clusters: [{ ...cluster('c', server.port), circuit_breakers: [limits], ...options }],
    });
    return { weft, waiting, server };
  }

  for (const limit of ['max_connections', 'max_requests']) {
    it(`${limit}: one more is answered 503 at once`, async () => {
      const { weft, waiting, server } = await held({ [limit]: 2 });
      await using _ = server;
      await using __ = weft;
      const running = [request(weft.port, '/'), request(weft.port, '/')];
      await eventually(() => waiting.length === 2, 'two are in flight');
      const answer = await request(weft.port, '/');
      assert.deepEqual([answer.status, answer.body], [503, 'upstream limit reached\n']);
      assert.equal(weft.upstream('c', 'request_pending_overflow'), 1);
      for (const res of waiting) res.end('ok');
      for (const { status } of await Promise.all(running)) assert.equal(status, 200);
      const again = request(weft.port, '/');
      await eventually(() => waiting.length === 3, 'there is room again');
      waiting[2]?.end('ok');
      assert.equal((await again).status, 200);
    });
  }

  it('max_pending_requests: so many wait for a connection, in order, the next is a 503', async () => {
    const { weft, waiting, server } = await held({ max_connections: 1, max_pending_requests: 2 });
    await using _ = server;
    await using __ = weft;
    const order: string[] = [];
    const ask = async (name: string): Promise<void> => {
      const { status } = await request(weft.port, `/${name}`);
      order.push(`${name} ${status}`);
    };
    const first = ask('first');
    await eventually(() => waiting.length === 1, 'one is in flight');
    const second = ask('second');
    await eventually(() => weft.books.active === 2, 'one waits');
    const third = ask('third');
    await eventually(() => weft.books.active === 3, 'two wait');
    await ask('fourth');
    for (let i = 0; i < 3; i++) {
      await eventually(() => waiting.length === i + 1, 'the next has its turn');
      waiting[i]?.end('ok');
    }
    await Promise.all([first, second, third]);
    assert.deepEqual(order, ['fourth 503', 'first 200', 'second 200', 'third 200']);
    assert.equal(weft.upstream('c', 'connection_total'), 1);
  });

  it('pending_timeout: who waits too long is a 503', async () => {
    const { weft, waiting, server } = await held(
      { max_connections: 1, max_pending_requests: 2 },
      { pending_timeout: '30ms' },
    );
    await using _ = server;
    await using __ = weft;
    const first = request(weft.port, '/');
    await eventually(() => waiting.length === 1, 'one is in flight');
    assert.equal((await request(weft.port, '/')).status, 503);
    waiting[0]?.end('ok');
    assert.equal((await first).status, 200);
  });

  it('a waiting request whose client leaves gives its place up', async () => {
    const { weft, waiting, server } = await held({ max_connections: 1, max_pending_requests: 1 });
    await using _ = server;
    await using __ = weft;
    const first = request(weft.port, '/');
    await eventually(() => waiting.length === 1, 'one is in flight');
    using client = await rawClient(weft.port);
    client.write(GET);
    await eventually(() => weft.books.active === 2, 'one waits');
    client.socket.resetAndDestroy();
    await eventually(() => weft.books.active === 1, 'it has left');
    const second = request(weft.port, '/');
    await eventually(() => weft.books.active === 2, 'another waits');
    waiting[0]?.end('ok');
    assert.equal((await first).status, 200);
    await eventually(() => waiting.length === 2, 'it has its turn');
    waiting[1]?.end('ok');
    assert.equal((await second).status, 200);
  });

  it('max_connections of the listener: one more is closed at once, counted', async () => {
    await using upstream = await script(200);
    await using weft = await gateway(upstream, {}, { listener: { max_connections: 1 } });
    using client = await rawClient(weft.port);
    client.write(GET);
    await client.until('answer 1');
    using second = await rawClient(weft.port);
    assert.equal(await second.rest(), '');
    assert.equal(weft.counter('connection_rejected_total'), 1);
    client.write(GET);
    await client.until('answer 2');
  });
});

describe('a greedy client', () => {
  it('that sends request after request without waiting is not read without end', async () => {
    let release = (): void => {};
    let answered = 0;
    await using upstream = await httpServer((req, res) => {
      const answer = (): void => {
        answered++;
        res.end();
      };
      if (req.url === '/first') release = answer;
      else answer();
    });
    await using weft = await gateway(upstream);
    using client = await rawClient(weft.port);
    client.write('GET /first HTTP/1.1\r\nHost: h\r\n\r\n');
    const count = 3000;
    const text = `GET / HTTP/1.1\r\nHost: h\r\nX-Padding: ${'p'.repeat(10_000)}\r\n\r\n`;
    client.write(text.repeat(count));
    await eventually(() => weft.books.active === 1, 'the first is under way');
    // Time for all of it to be read if nothing held it back.
    await using other = await script(200);
    await using lookOn = await gateway(other);
    for (let i = 0; i < 100; i++) await request(lookOn.port, '/');
    assert.equal(weft.books.total, 1);
    assert.ok(weft.counter('bytes_read_total') < 1_000_000);
    release();
    await eventually(() => answered === count + 1, 'all are answered in the end');
  });
});

describe('a slow client', () => {
  it('that does not read its answers is not given further ones', async () => {
    const big = 'x'.repeat(300_000);
    let answered = 0;
    await using upstream = await httpServer((_req, res) => {
      answered++;
      res.end(big);
    });
    await using weft = await gateway(upstream);
    using client = await rawClient(weft.port);
    client.socket.pause();
    for (let i = 0; i < 100; i++) client.write(GET);
    const [connection] = weft.server.listeners[0]!.connections.keys() as Iterable<{
      blocked: boolean;
      pending: number;
    }>;
    await eventually(() => connection?.blocked === true, 'its connection is full');
    assert.ok((connection?.pending ?? 0) < 2_000_000);
    assert.ok(answered < 50, `${answered} answers were asked for`);
    client.socket.resume();
    await eventually(() => answered === 100, 'all are answered when it reads');
  });
});
