/** Corners where two things meet: a tunnel and a FIN, an answer and a body, a filter and a head that cannot be sent. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { FactoryContext, StreamFilterFactory } from '../../src/api/factory.ts';
import { Reason } from '../../src/api/reason.ts';
import { type FilterResult, FilterStatus, type LocalReply, Phase } from '../../src/api/stream-filter.ts';
import { eventually } from './support/eventually.ts';
import {
  deadPort,
  httpServer,
  rawClient,
  recordingServer,
  request,
  scriptedServer,
  tcpServer,
} from './support/peers.ts';
import { shared, withFilters } from './support/test-filters.ts';
import { gateway, routeTo, startWeft, type WeftOptions } from './support/weft.ts';

const { Continue, StopNoBuffer } = FilterStatus;

const GET = 'GET / HTTP/1.1\r\nHost: h\r\n\r\n';

describe('a tunnel', () => {
  it('is not cut when its client half-closes: half_close_grace is for answers', async () => {
    let speak = (): void => {};
    await using upstream = await tcpServer((socket) => {
      socket.once('data', (head) => {
        if (head.toString().startsWith('GET /tunnel')) {
          socket.write('HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n');
          speak = () => socket.end('last words');
        }
      });
    });
    await using weft = await gateway(upstream, {}, { proxy: { timeouts: { half_close_grace: '30ms' } } });
    using client = await rawClient(weft.port);
    client.write('GET /tunnel HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n');
    await client.until('\r\n\r\n');
    client.end();
    // Whoever waits for an answer is cut off, twice in a row: the tunnel's 30 ms are over as well.
    for (let i = 0; i < 2; i++) {
      using other = await rawClient(weft.port);
      other.write(GET);
      other.end();
      assert.equal(await other.rest(), '');
    }
    speak();
    assert.ok((await client.rest()).endsWith('last words'));
    await weft.idle();
    assert.deepEqual(weft.books, { total: 3, completed: 1, reset: 2, active: 0, balanced: true });
  });
});

describe('a protocol that is found out', () => {
  it('from less than a method: the time for that head ends with it', async () => {
    await using upstream = await httpServer((_req, res) => res.end('ok'));
    const proxy = { downstream_protocol: 'Auto', timeouts: { header: '40ms' } };
    await using weft = await gateway(upstream, {}, { proxy, lenient: true });
    using client = await rawClient(weft.port);
    client.write('G');
    await eventually(() => weft.counter('bytes_read_total') === 1, 'the first byte is there');
    client.write(GET.slice(1));
    await client.until('ok');
    using slow = await rawClient(weft.port);
    slow.write('GET / HTTP/1.1\r\nHo');
    assert.match(await slow.rest(), /^HTTP\/1\.1 408 /);
    client.write(GET);
    await client.until((text) => text.split('ok').length === 3);
    assert.equal(weft.counter('header_timeout'), 1);
  });
});

describe('an upstream that answers before it has the whole request', () => {
  const POST = 'POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n';

  it('goes on getting it: both bodies flow at once', async () => {
    await using upstream = await httpServer((req, res) => req.pipe(res));
    await using weft = await gateway(upstream);
    using client = await rawClient(weft.port);
    client.write(POST);
    for (const word of ['one', 'two', 'six']) {
      client.write(`3\r\n${word}\r\n`);
      await client.until(word);
    }
    client.write('0\r\n\r\n');
    assert.ok((await client.rest()).endsWith('0\r\n\r\n'));
    assert.deepEqual(weft.books, { total: 1, completed: 1, reset: 0, active: 0, balanced: true });
  });

  it('does so through filters as well', async () => {
    await using upstream = await httpServer((req, res) => req.pipe(res));
    const seen: string[] = [];
    const filter = shared('look', [Phase.BeforeRoute], () => ({
      onRequestData(_stream, chunk) {
        seen.push(chunk.toString());
        return Continue;
      },
    }));
    await using weft = await gateway(upstream, {}, withFilters(filter));
    using client = await rawClient(weft.port);
    client.write(`${POST}3\r\none\r\n`);
    await client.until('one');
    client.write('3\r\ntwo\r\n0\r\n\r\n');
    await client.until('two');
    assert.deepEqual(seen, ['one', 'two', '']);
  });

  it('gets no more of it when the answer is an error', async () => {
    let finish = (): void => {};
    const upstream = await recordingServer((seen, socket) => {
      if (!seen.endsWith('first\r\n')) return;
      socket.write('HTTP/1.1 403 Forbidden\r\nContent-Length: 8\r\n\r\nkeep');
      finish = () => socket.write(' out');
    });
    await using _ = upstream;
    await using weft = await gateway(upstream);
    using client = await rawClient(weft.port);
    client.write(`${POST}5\r\nfirst\r\n`);
    await client.until('keep');
    client.write('6\r\nsecond\r\n');
    await eventually(() => weft.counter('bytes_read_total') === POST.length + 10 + 11, 'the second chunk is read');
    finish();
    assert.ok((await client.rest()).endsWith('keep out'));
    assert.ok(!upstream.received.includes('second'));
  });
});

describe('the keep-alive race', () => {
  it('is not suspected once the host has begun to answer', async () => {
    let requests = 0;
    await using upstream = await scriptedServer((_head, socket) => {
      requests++;
      if (requests === 1) return 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
      socket.end('HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n');
      return undefined;
    });
    await using weft = await gateway(upstream);
    using client = await rawClient(weft.port);
    client.write(GET);
    await client.until('ok');
    client.write(GET);
    assert.match(await client.until('before answering'), /103 Early Hints.*502 Bad Gateway/s);
    assert.equal(requests, 2);
  });
});

describe('a request that is sent to another host', () => {
  it('names that host, and what happens there is counted there', async () => {
    const names: (string | undefined)[] = [];
    await using live = await httpServer((req, res) => {
      names.push(req.headers.host);
      if (req.url === '/') res.end('ok');
    });
    const hosts = [
      { address: `127.0.0.1:${await deadPort()}`, hostname: 'dead.test' },
      { address: `127.0.0.1:${live.port}`, hostname: 'live.test' },
    ];
    await using weft = await startWeft({
      routes: [routeTo('c', { auto_host_rewrite: true, timeout: '60ms' })],
      clusters: [{ name: 'c', type: 'STRICT_DNS', hosts }],
      lenient: true,
    });
    // In turn, so that two in a row begin with either host.
    for (const path of ['/', '/', '/hang', '/hang']) await request(weft.port, path);
    assert.deepEqual(names, new Array(4).fill('live.test'));
    assert.ok(weft.upstream('c', 'request_retry') > 0);
    const [dead, alive] = hosts.map(({ address }) =>
      weft.counter('request_timeout', 'upstream', { cluster: 'c', host: address }),
    );
    assert.deepEqual([dead, alive], [0, 2]);
  });
});

describe('filters that wait on the same request', () => {
  it('each lets go of what it holds itself: one cannot let it pass another', async () => {
    const upstream = await recordingServer((seen, socket) => {
      if (seen.endsWith('two')) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    });
    await using _ = upstream;
    let paced = false;
    let authorize = (): void => {};
    const pace = shared('pace', [Phase.BeforeRoute], (context) => ({
      onRequestData(stream) {
        const timer = context.clock.timer(() => {
          stream.continueRequest();
          paced = true;
        });
        timer.start(1);
        return StopNoBuffer;
      },
    }));
    const auth = shared('auth', [Phase.BeforeRoute], () => ({
      onRequestHeaders(stream) {
        authorize = () => stream.continueRequest();
        return FilterStatus.StopAndBuffer;
      },
    }));
    await using weft = await gateway(upstream, {}, withFilters(pace, auth));
    using client = await rawClient(weft.port);
    client.write('POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\nonetwo');
    await eventually(() => paced, 'the first filter has let the body go on');
    assert.equal(weft.upstream('c', 'request_total'), 0);
    authorize();
    await client.until('ok');
    assert.ok(upstream.received.endsWith('\r\n\r\nonetwo'));
  });
});

describe('what a filter makes of a message', () => {
  /** Faults are expected here and need not be read. */
  const quiet = (filter: StreamFilterFactory<object>): WeftOptions => ({
    ...withFilters(filter),
    server: { default_log_level: 'FATAL' },
  });

  /** The ways in which a filter can let a message go on. */
  const ways: Record<string, (context: FactoryContext, go: () => void) => FilterResult> = {
    'at once': () => Continue,
    'by a promise': async () => Continue,
    'from a timer': (context, go) => {
      context.clock.timer(go).start(1);
      return StopNoBuffer;
    },
  };

  for (const [way, goOn] of Object.entries(ways)) {
    it(`may not be sendable: a request head, ${way}`, async () => {
      await using upstream = await recordingServer();
      const filter = shared('break', [Phase.AfterChooseHost], (context) => ({
        onRequestHeaders(stream, headers) {
          if (headers.path === '/') return Continue;
          headers.upgrade = 'a\r\nb';
          return goOn(context, () => stream.continueRequest());
        },
      }));
      await using weft = await gateway(upstream, {}, quiet(filter));
      using client = await rawClient(weft.port);
      client.write('GET /broken HTTP/1.1\r\nHost: h\r\n\r\n');
      assert.match(await client.until('internal error\n'), /^HTTP\/1\.1 500 /);
      client.write(GET);
      await client.until('ok');
      assert.doesNotMatch(upstream.received, /broken/);
      assert.equal(weft.counter('filter_fault'), 1);
      assert.equal(weft.books.completed, 2);
      assert.equal(weft.upstream('c', 'request_active'), 0);
    });

    for (const answer of ['204 No Content\r\n\r\n', '200 OK\r\nContent-Length: 2\r\n\r\nok']) {
      it(`may not be sendable: the head of a ${answer.slice(0, 3)}, ${way}`, async () => {
        await using upstream = await scriptedServer(() => `HTTP/1.1 ${answer}`);
        const filter = shared('break', [Phase.Send], (context) => ({
          onResponseHeaders(stream, headers) {
            if (stream.requestHeaders.path === '/') return Continue;
            headers.status = 42;
            return goOn(context, () => stream.continueResponse());
          },
        }));
        await using weft = await gateway(upstream, {}, quiet(filter));
        using client = await rawClient(weft.port);
        client.write('GET /broken HTTP/1.1\r\nHost: h\r\n\r\n');
        assert.match(await client.until('internal error\n'), /^HTTP\/1\.1 500 /);
        client.write(GET);
        await eventually(() => weft.books.completed === 2, 'the connection is sound');
        assert.equal(weft.counter('filter_fault'), 1);
      });
    }
  }

  for (const unsendable of [
    { status: 150 },
    { headers: { 'a b': '' } },
    { headers: { a: '\r\n' } },
  ] as Partial<LocalReply>[]) {
    it(`may be an answer that cannot be sent: ${JSON.stringify(unsendable)}`, async () => {
      await using upstream = await httpServer(() => {});
      const filter = shared('answer', [Phase.BeforeRoute], (context) => ({
        onRequestHeaders(stream) {
          context.clock.timer(() => stream.localReply({ reason: Reason.Forbidden, ...unsendable })).start(1);
          return StopNoBuffer;
        },
      }));
      await using weft = await gateway(upstream, {}, quiet(filter));
      using client = await rawClient(weft.port);
      client.write(GET);
      assert.match(await client.until('internal error\n'), /^HTTP\/1\.1 500 /);
      assert.deepEqual(weft.books, { total: 1, completed: 1, reset: 0, active: 0, balanced: true });
    });
  }

  it('is not touched by callbacks that nobody waits for, whenever they fail', async () => {
    await using upstream = await scriptedServer(
      () => 'HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
    );
    const fail = (): never => {
      throw new Error('expected');
    };
    const failLater = async (): Promise<void> => fail();
    for (const filter of [
      { onInformational: fail, onComplete: fail },
      { onInformational: failLater, onComplete: failLater },
    ]) {
      await using weft = await gateway(upstream, {}, quiet(shared('fail', [Phase.Send], () => filter)));
      using client = await rawClient(weft.port);
      client.write(GET);
      await client.until('ok');
      await eventually(() => weft.counter('filter_fault') === 2, 'both are counted');
      assert.equal(weft.books.completed, 1);
    }
  });

  it('may have another length than its head says: the answer counts as cut', async () => {
    await using upstream = await scriptedServer(() => 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello');
    const filter = shared('shrink', [Phase.Send], () => ({
      onResponseHeaders(_stream, headers) {
        headers.contentLength = 3;
        return Continue;
      },
    }));
    await using weft = await gateway(upstream, {}, quiet(filter));
    using client = await rawClient(weft.port);
    client.write(GET);
    assert.doesNotMatch(await client.rest(), /hello/);
    assert.deepEqual(weft.books, { total: 1, completed: 0, reset: 1, active: 0, balanced: true });
  });
});
