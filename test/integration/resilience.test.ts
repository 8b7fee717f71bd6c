/** What happens when hosts fail, are slow or refuse, when clients leave, and when limits are reached. */

import assert from 'node:assert/strict';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import http from 'node:http';
import { describe, it } from 'node:test';
import { eventually } from './support/eventually.ts';
import {
  deadPort,
  exchange,
  httpServer,
  rawClient,
  recordingServer,
  request,
  type TestServer,
  tcpServer,
} from './support/peers.ts';
import { seededRandom } from './support/random.ts';
import { cluster, routeTo, startWeft, type Weft, type WeftOptions } from './support/weft.ts';

function gateway(upstream: { port: number }, action: object = {}, options: WeftOptions = {}): Promise<Weft> {
  return startWeft({ routes: [routeTo('c', action)], clusters: [cluster('c', upstream.port)], ...options });
}

const GET = 'GET / HTTP/1.1\r\nHost: h\r\n\r\n';

/** An upstream that gives its answers one after the other, the last one again and again, and keeps what it was sent. */
class Script implements AsyncDisposable {
  readonly server: TestServer;
  readonly bodies: string[];

  constructor(server: TestServer, bodies: string[]) {
    this.server = server;
    this.bodies = bodies;
  }

  get port(): number {
    return this.server.port;
  }

  get hits(): number {
    return this.bodies.length;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.server[Symbol.asyncDispose]();
  }
}

/** A step is a status, or something done to the request once it has come whole. */
async function script(...steps: (number | RequestListener)[]): Promise<Script> {
  const bodies: string[] = [];
  const server = await httpServer((req, res) => {
    let body = '';
    req.on('data', (chunk) => {
      body += chunk;
    });
    req.on('end', () => {
      const step = steps[Math.min(bodies.length, steps.length - 1)] as number | RequestListener;
      bodies.push(body);
      if (typeof step !== 'number') step(req, res);
      else {
        res.statusCode = step;
        res.end(`answer ${bodies.length}`);
      }
    });
  });
  return new Script(server, bodies);
}

const hang = (): void => {};
const hangUp = (req: IncomingMessage): void => {
  req.socket.destroy();
};

describe('a retry', () => {
  it('goes to another host when one refuses connections, whatever the method', async () => {
    await using live = await script(200);
    await using weft = await startWeft({
      routes: [routeTo('c')],
      clusters: [cluster('c', await deadPort(), live.port)],
    });
    for (const method of ['GET', 'POST', 'GET', 'POST']) {
      const answer = await request(weft.port, '/', { method, ...(method === 'POST' && { body: 'once' }) });
      assert.equal(answer.status, 200);
    }
    assert.deepEqual(live.bodies, ['', 'once', '', 'once']);
    assert.ok(weft.upstream('c', 'connection_con_fail') > 0);
    assert.ok(weft.upstream('c', 'request_retry') > 0);
  });

  it('is not asked of the only host more often than num_retries', async () => {
    const port = await deadPort();
    for (const [policy, tries] of [
      [{ num_retries: 0 }, 1],
      [{ num_retries: 1 }, 2],
      [{ num_retries: 2 }, 3],
      [{}, 4],
    ] as const) {
      await using weft = await gateway({ port }, { retry_policy: policy });
      assert.equal((await request(weft.port, '/')).status, 502);
      assert.equal(weft.upstream('c', 'connection_con_fail'), tries);
      assert.equal(weft.upstream('c', 'request_retry'), tries - 1);
    }
  });

  it('on a status: 500 and above unless status_codes says otherwise, num_retries times', async () => {
    const cases: [object, number[], number, number][] = [
      [{ retry_on: true, num_retries: 2 }, [503, 500, 200], 200, 3],
      [{ retry_on: true, num_retries: 1 }, [503, 500, 200], 500, 2],
      [{ retry_on: true, num_retries: 0 }, [503], 503, 1],
      [{ retry_on: true }, [503], 503, 4],
      [{ retry_on: true, status_codes: [429] }, [429, 200], 200, 2],
      [{ retry_on: true, status_codes: [429] }, [503, 200], 503, 1],
      [{ retry_on: false, num_retries: 3 }, [503, 200], 503, 1],
    ];
    for (const [policy, statuses, expected, hits] of cases) {
      await using upstream = await script(...statuses);
      await using weft = await gateway(upstream, { retry_policy: policy });
      const answer = await request(weft.port, '/');
      const what = JSON.stringify([policy, statuses]);
      assert.equal(answer.status, expected, what);
      assert.equal(answer.body, `answer ${hits}`, 'the last answer is the one delivered');
      assert.equal(upstream.hits, hits, what);
      assert.equal(weft.books.completed, 1);
      assert.equal(weft.upstream('c', 'request_active'), 0);
    }
  });

  it('of a request that may have had an effect needs retry_on', async () => {
    for (const [method, policy, status, hits] of [
      ['POST', {}, 502, 1],
      ['GET', {}, 502, 1],
      ['POST', { retry_on: true }, 200, 2],
      ['PUT', { retry_on: true }, 200, 2],
    ] as const) {
      await using upstream = await script(hangUp, 200);
      await using weft = await gateway(upstream, { retry_policy: policy });
      const body = method === 'GET' ? {} : { body: 'payload' };
      assert.equal(
        (await request(weft.port, '/', { method, ...body })).status,
        status,
        `${method} ${JSON.stringify(policy)}`,
      );
      assert.equal(upstream.hits, hits);
      if (method !== 'GET') assert.deepEqual(new Set(upstream.bodies), new Set(['payload']));
    }
  });

  it('sends the body again up to replay_limit, and not beyond', async () => {
    for (const [size, status, hits] of [
      [1000, 200, 2],
      [1001, 503, 1],
    ] as const) {
      await using upstream = await script(503, 200);
      await using weft = await gateway(
        upstream,
        { retry_policy: { retry_on: true } },
        { proxy: { replay_limit: 1000 } },
      );
      const body = 'b'.repeat(size);
      assert.equal((await request(weft.port, '/', { method: 'PUT', body })).status, status);
      assert.deepEqual(upstream.bodies, new Array(hits).fill(body));
    }
  });

  it('sends chunks and trailers again', async () => {
    const upstream = await recordingServer((seen, socket) => {
      if (!seen.endsWith('X-Sum: 2\r\n\r\n')) return;
      const status = upstream.received.split('X-Sum').length === 2 ? 503 : 200;
      socket.write(`HTTP/1.1 ${status} S\r\nContent-Length: 2\r\n\r\nok`);
    });
    await using _ = upstream;
    await using weft = await gateway(upstream, { retry_policy: { retry_on: true } });
    using client = await rawClient(weft.port);
    client.write('PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nX-Sum: 2\r\n\r\n');
    assert.match(await client.until('ok'), /^HTTP\/1\.1 200 /);
    const [first, second] = upstream.received.split(/(?<=X-Sum: 2\r\n\r\n)/);
    assert.equal(first, second);
  });

  it('does not leave an answer behind that it did not want and that never ends', async () => {
    let requests = 0;
    await using upstream = await tcpServer((socket) => {
      socket.on('data', () => {
        requests++;
        socket.write(
          `HTTP/1.1 ${requests === 1 ? 503 : 200} S\r\nContent-Length: 2\r\n\r\n${requests === 1 ? 'o' : 'ok'}`,
        );
      });
      socket.on('end', () => socket.end());
    });
    await using weft = await gateway(upstream, { retry_policy: { retry_on: true } });
    assert.equal((await request(weft.port, '/')).body, 'ok');
    assert.equal(weft.upstream('c', 'request_active'), 0);
    assert.equal(weft.upstream('c', 'connection_total'), 2);
    assert.equal(weft.upstream('c', 'connection_active'), 1);
  });

  it('keeps the connection of an answer that it did not want and that is short', async () => {
    await using upstream = await script(503, 200);
    await using weft = await gateway(upstream, { retry_policy: { retry_on: true } });
    assert.equal((await request(weft.port, '/')).status, 200);
    assert.equal(weft.upstream('c', 'connection_total'), 1);
  });

  it('follows a per-try time-out', async () => {
    await using upstream = await script(hang, 200);
    await using weft = await gateway(upstream, { retry_policy: { retry_on: true, retry_timeout: '30ms' } });
    const answer = await request(weft.port, '/');
    assert.equal(answer.status, 200);
    assert.ok(upstream.hits > 1);
    assert.equal(weft.upstream('c', 'request_timeout'), upstream.hits - 1);
    assert.equal(weft.upstream('c', 'request_active'), 0);
  });

  it('does not outlive the global time-out', async () => {
    await using upstream = await script(hang);
    await using weft = await gateway(upstream, {
      timeout: '100ms',
      retry_policy: { retry_on: true, retry_timeout: '30ms', num_retries: 1000 },
    });
    const answer = await request(weft.port, '/');
    assert.equal(answer.status, 504);
    assert.ok(upstream.hits > 1);
    assert.equal(weft.upstream('c', 'request_active'), 0, 'the last attempt is given up');
    assert.equal(weft.books.completed, 1);
  });

  it('is kept within the budget and the breaker of the cluster; the original answer is delivered', async () => {
    for (const limits of [
      { retry_budget: { percent: 0, min_retries: 0 } },
      { retry_budget: { percent: 0, min_retries: 5 }, circuit_breakers: [{ max_retries: 1 }] },
    ]) {
      const held: ServerResponse[] = [];
      await using upstream = await script(503, (_req, res) => held.push(res));
      await using weft = await startWeft({
        routes: [routeTo('c', { retry_policy: { retry_on: true } })],
        clusters: [{ ...cluster('c', upstream.port), ...limits }],
      });
      if (limits.circuit_breakers === undefined) {
        assert.equal((await request(weft.port, '/')).status, 503);
        assert.equal(upstream.hits, 1);
      } else {
        const first = request(weft.port, '/');
        await eventually(() => held.length === 1, 'one retry is under way');
        upstream.bodies.length = 0; // the next request fails as well
        const second = await request(weft.port, '/');
        assert.equal(second.status, 503);
        held[0]?.end('retried');
        assert.equal((await first).body, 'retried');
      }
      assert.equal(weft.upstream('c', 'request_retry_overflow'), 1);
    }
  });

  it('does not happen once a response has begun', async () => {
    await using upstream = await tcpServer((socket) => {
      socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart', () => socket.destroy());
      });
    });
    await using weft = await gateway(upstream, { retry_policy: { retry_on: true } });
    const text = await exchange(weft.port, GET);
    assert.ok(text.endsWith('part'));
    assert.equal(weft.upstream('c', 'connection_total'), 1);
    assert.equal(weft.counter('request_end_upstream_truncated'), 1);
    assert.deepEqual(weft.books, { total: 1, completed: 0, reset: 1, active: 0, balanced: true });
  });
});

describe('the keep-alive race', () => {
  /** Announces nothing and closes each connection some moment after each response. */
  function fickleServer(random: () => number): Promise<TestServer> {
    return tcpServer((socket) => {
      socket.on('data', () => {
        if (socket.destroyed || socket.writableEnded) return;
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
        const moment = random();
        const close = random() < 0.5 ? () => socket.end() : () => socket.destroy();
        if (moment < 0.3) close();
        else if (moment < 0.6) setImmediate(close);
        else if (moment < 0.8) setTimeout(close, random() * 3);
      });
      socket.on('end', () => socket.end());
    });
  }

  it('never reaches a client: 2,000 GETs, no error', async () => {
    await using upstream = await fickleServer(seededRandom(7));
    await using weft = await gateway(upstream);
    const agent = new http.Agent({ keepAlive: true });
    const statuses = new Map<number, number>();
    const client = async (): Promise<void> => {
      for (let i = 0; i < 250; i++) {
        const { status } = await request(weft.port, '/', { agent });
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
      }
    };
    await Promise.all(Array.from({ length: 8 }, client));
    agent.destroy();
    assert.deepEqual([...statuses], [[200, 2000]]);
    await weft.idle();
    assert.deepEqual(weft.books, { total: 2000, completed: 2000, reset: 0, active: 0, balanced: true });
    assert.ok(weft.upstream('c', 'connection_total') > 100, 'the upstream did close connections');
    assert.equal(weft.upstream('c', 'request_retry'), 0, 'a lost race is no retry');
  });

  it('costs a POST a 502 rather than an effect that happens twice', async () => {
    let requests = 0;
    await using upstream = await tcpServer((socket) => {
      socket.on('data', () => {
        requests++;
        if (requests > 1) socket.destroy();
        else socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
      });
    });
    await using weft = await gateway(upstream);
    assert.equal((await request(weft.port, '/')).status, 200);
    assert.equal((await request(weft.port, '/', { method: 'POST' })).status, 502);
    assert.equal(requests, 2);
  });
});

describe('time-outs', () => {
  it('no answer in time: 504, and the upstream’s work is cancelled', async () => {
    let cancelled = false;
    await using upstream = await script((req) => {
      req.socket.on('close', () => {
        cancelled = true;
      });
    });
    await using weft = await gateway(upstream, { timeout: '30ms' });
    const answer = await request(weft.port, '/', { method: 'POST', body: 'x' });
    assert.deepEqual([answer.status, answer.body], [504, 'upstream request timed out\n']);
    await eventually(() => cancelled, 'the upstream connection is closed');
    assert.equal(weft.counter('request_504_total'), 1);
    assert.equal(weft.counter('request_end_upstream_timeout'), 1);
  });

  it('a trusted client may ask for less time', async () => {
    await using upstream = await script(hang);
    await using weft = await gateway(upstream, {}, { listener: { trusted_cidrs: ['127.0.0.1/32'] } });
    const answer = await request(weft.port, '/', { headers: { 'x-mosn-global-timeout': '30' } });
    assert.equal(answer.status, 504);
  });

  it('a slow response is no late one: the global time-out ends with the response head', async () => {
    let finish = (): void => {};
    await using upstream = await script((_req, res) => {
      res.write('first ');
      finish = () => res.end('last');
    });
    await using weft = await gateway(upstream, { timeout: '250ms' });
    using client = await rawClient(weft.port);
    client.write(GET);
    await client.until('first ');
    // Another request is given up meanwhile, with the same time-out.
    await using other = await script(hang);
    await using silent = await gateway(other, { timeout: '500ms' });
    assert.equal((await request(silent.port, '/')).status, 504);
    finish();
    await client.until('last');
    assert.equal(weft.books.completed, 1);
  });

  it('a request body that stops coming: 408', async () => {
    await using upstream = await recordingServer(() => {});
    await using weft = await gateway(upstream, {}, { proxy: { timeouts: { body: '30ms' } } });
    const text = await exchange(weft.port, 'POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhalf');
    assert.match(text, /^HTTP\/1\.1 408 Request Timeout\r\n/);
    assert.match(text, /\r\nConnection: close\r\n/i);
    assert.equal(weft.counter('body_timeout'), 1);
    assert.equal(weft.upstream('c', 'request_active'), 0, 'the upstream’s work is given up');
  });

  it('a head that stops coming: the connection is closed, counted and logged', async () => {
    await using weft = await startWeft({ proxy: { timeouts: { header: '30ms' } }, accessLog: '%response_code%' });
    const text = await exchange(weft.port, 'GET / HTTP/1.1\r\nHost: h\r\nX-Slow');
    assert.match(text, /^HTTP\/1\.1 408 Request Timeout\r\n/);
    assert.equal(weft.counter('header_timeout'), 1);
    assert.deepEqual(weft.books, { total: 1, completed: 1, reset: 0, active: 0, balanced: true });
    assert.deepEqual(await weft.accessLines(), ['408']);
  });

  it('a head that comes byte by byte is not given more time for it', async () => {
    await using weft = await startWeft({ proxy: { timeouts: { header: '100ms' } } });
    using client = await rawClient(weft.port);
    client.write('GET / HTTP/1.1\r\nX-Slow: ');
    const drip = setInterval(() => client.write('a'), 5);
    await client.rest();
    clearInterval(drip);
    assert.equal(weft.counter('header_timeout'), 1);
  });

  it('a connection without a request is closed, first or later', async () => {
    await using upstream = await script(200);
    await using weft = await gateway(upstream, {}, { listener: { connection_idle_timeout: '150ms' } });
    assert.equal(await exchange(weft.port, ''), '');
    const text = await exchange(weft.port, GET);
    assert.match(text, /^HTTP\/1\.1 200 OK\r\n/);
    assert.equal(weft.counter('idle_timeout'), 2);
  });

  it('a connection is not idle while an answer is owed', async () => {
    let answer = (): void => {};
    await using upstream = await script((_req, res) => {
      answer = () => res.end('at last');
    });
    await using weft = await gateway(upstream, {}, { listener: { connection_idle_timeout: '100ms' } });
    using client = await rawClient(weft.port);
    client.write(GET);
    await eventually(() => upstream.hits === 1, 'the request is there');
    assert.equal(await exchange(weft.port, ''), '', 'another connection was idle long enough meanwhile');
    answer();
    await client.until('at last');
  });

  it('an upstream connection that nobody needs is closed', async () => {
    await using upstream = await script(200);
    await using weft = await startWeft({
      routes: [routeTo('c')],
      clusters: [{ ...cluster('c', upstream.port), idle_timeout: '30ms' }],
    });
    await request(weft.port, '/');
    assert.equal(weft.upstream('c', 'connection_total'), 1);
    await eventually(() => weft.upstream('c', 'connection_active') === 0, 'it is closed');
    await eventually(() => upstream.server.sockets.size === 0, 'the host sees it');
  });

  it('a response that falls silent is cut off', async () => {
    await using upstream = await script((_req, res) => res.write('and then'));
    await using weft = await gateway(upstream, {}, { proxy: { timeouts: { stream_idle: '30ms' } } });
    const text = await exchange(weft.port, GET);
    assert.ok(text.includes('and then'));
    assert.ok(!text.endsWith('0\r\n\r\n'));
    assert.equal(weft.counter('stream_idle_timeout'), 1);
    assert.equal(weft.books.reset, 1);
  });

  it('a tunnel that falls silent is closed', async () => {
    await using upstream = await tcpServer((socket) => {
      socket.once('data', () => socket.write('HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n'));
      socket.on('end', () => socket.end());
    });
    await using weft = await gateway(upstream, {}, { proxy: { timeouts: { tunnel_idle: '30ms' } } });
    using client = await rawClient(weft.port);
    client.write('GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n');
    await client.rest();
    assert.equal(weft.counter('stream_idle_timeout'), 1);
    await eventually(() => upstream.sockets.size === 0, 'both sides are closed');
  });

  it('an upgrade that is not answered: 504', async () => {
    await using upstream = await tcpServer(() => {});
    await using weft = await gateway(upstream, { timeout: '30ms' });
    using client = await rawClient(weft.port);
    client.write('GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n');
    assert.match(await client.until('\r\n\r\n'), /^HTTP\/1\.1 504 /);
  });
});

describe('a client', () => {
  it('that half-closes after its request still gets the answer', async () => {
    let answer = (): void => {};
    await using upstream = await script((_req, res) => {
      answer = () => res.end('still here');
    });
    await using weft = await gateway(upstream);
    using client = await rawClient(weft.port);
    client.write(GET);
    client.end();
    await eventually(() => upstream.hits === 1, 'the request is there');
    answer();
    assert.ok((await client.rest()).endsWith('still here'));
    assert.equal(weft.books.completed, 1);
  });

  it('that half-closes is waited for no longer than half_close_grace', async () => {
    await using upstream = await script(hang);
    await using weft = await gateway(upstream, {}, { proxy: { timeouts: { half_close_grace: '30ms' } } });
    using client = await rawClient(weft.port);
    client.write(GET);
    client.end();
    assert.equal(await client.rest(), '');
    await weft.idle();
    assert.equal(weft.counter('request_end_downstream_reset'), 1);
    await eventually(() => upstream.server.sockets.size === 0, 'the upstream’s work is cancelled');
  });

  it('that leaves has its upstream work cancelled at once, before and in the response', async () => {
    for (const steps of [[hang], [(_req: IncomingMessage, res: ServerResponse) => res.write('some')]]) {
      await using upstream = await script(...steps);
      await using weft = await gateway(upstream);
      using client = await rawClient(weft.port);
      client.write(GET);
      await eventually(() => upstream.hits === 1, 'the request is there');
      client.socket.resetAndDestroy();
      await eventually(() => upstream.server.sockets.size === 0, 'the upstream connection is closed');
      await weft.idle();
      assert.deepEqual(weft.books, { total: 1, completed: 0, reset: 1, active: 0, balanced: true });
    }
  });

  it('that ends inside its request has it cancelled', async () => {
    await using upstream = await recordingServer(() => {});
    await using weft = await gateway(upstream, {}, { accessLog: '%response_code% %bytes_received%' });
    using client = await rawClient(weft.port);
    client.write('POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nhalf');
    await eventually(() => upstream.received.endsWith('half'), 'the request is there');
    client.end();
    assert.equal(await client.rest(), '');
    await eventually(() => upstream.peer.sockets.size === 0, 'the upstream connection is closed');
    assert.deepEqual(await weft.accessLines(), ['499 4']);
  });
});

describe('an upstream', () => {
  it('that closes before it answers costs a 502', async () => {
    await using upstream = await script(hangUp);
    await using weft = await gateway(upstream);
    const answer = await request(weft.port, '/');
    assert.deepEqual([answer.status, answer.body], [502, 'upstream closed the connection before answering\n']);
    assert.equal(weft.counter('request_end_upstream_reset'), 1);
    assert.equal(weft.upstream('c', 'request_remote_reset'), 1);
  });

  it('that closes in the middle of its answer leaves the client with a visibly cut one', async () => {
    for (const head of ['Content-Length: 100', 'Transfer-Encoding: chunked']) {
      await using upstream = await tcpServer((socket) => {
        socket.once('data', () => socket.end(`HTTP/1.1 200 OK\r\n${head}\r\n\r\n3\r\nabc\r\n`));
      });
      await using weft = await gateway(upstream);
      await assert.rejects(request(weft.port, '/'), { code: 'ECONNRESET' });
      assert.equal(weft.counter('request_end_upstream_truncated'), 1);
      assert.deepEqual(weft.books, { total: 1, completed: 0, reset: 1, active: 0, balanced: true });
    }
  });

  it('that is not there costs a 502 without a wait', async () => {
    await using weft = await gateway({ port: await deadPort() }, { retry_policy: { num_retries: 0 } });
    const answer = await request(weft.port, '/');
    assert.deepEqual([answer.status, answer.body], [502, 'upstream connection failed\n']);
  });

  it('cluster without hosts costs a 502', async () => {
    await using weft = await startWeft({ routes: [routeTo('c')], clusters: [{ name: 'c', hosts: [] }] });
    const answer = await request(weft.port, '/');
    assert.deepEqual([answer.status, answer.body], [502, 'no healthy upstream host\n']);
  });
});

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
