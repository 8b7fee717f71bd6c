/** What happens when hosts fail, are slow or go away, and when clients do. */

import assert from 'node:assert/strict';
import type { IncomingMessage, ServerResponse } from 'node:http';
import http from 'node:http';
import { describe, it } from 'node:test';
import { eventually } from './support/eventually.ts';
import {
  deadPort,
  exchange,
  rawClient,
  recordingServer,
  request,
  type TestServer,
  tcpServer,
} from './support/peers.ts';
import { seededRandom } from './support/random.ts';
import { hang, hangUp, script } from './support/script.ts';
import { cluster, gateway, routeTo, startWeft } from './support/weft.ts';

const GET = 'GET / HTTP/1.1\r\nHost: h\r\n\r\n';

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
