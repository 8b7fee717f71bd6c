/**
 * The stream-filter interface, proved by test filters over a whole proxy. Written against what every protocol offers;
 * only the client and the upstream of this file are HTTP/1's.
 */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Reason } from '../../src/api/reason.ts';
import { Direction, FilterStatus, Phase, type StreamFilter } from '../../src/api/stream-filter.ts';
import { httpServer, request, type TestServer } from './support/peers.ts';
import { perStream, shared, withFilters } from './support/test-filters.ts';
import { cluster, routeTo, startWeft, type Weft, type WeftOptions } from './support/weft.ts';

/** Says what it was asked, so that tests see what reached it. */
function echo(): Promise<TestServer> {
  return httpServer((req, res) => {
    const chunks: Buffer[] = [];
    req.on('data', (chunk: Buffer) => chunks.push(chunk));
    req.on('end', () => {
      res.setHeader('x-upstream', 'yes');
      res.end(JSON.stringify({ url: req.url, headers: req.headers, body: Buffer.concat(chunks).toString() }));
    });
  });
}

async function gateway(upstream: TestServer, options: WeftOptions): Promise<Weft> {
  return startWeft({ routes: [routeTo('c')], clusters: [cluster('c', upstream.port)], ...options });
}

function assertBooks(weft: Weft, total: number): void {
  assert.deepEqual({ ...weft.books, reset: 0 }, { total, completed: total, reset: 0, active: 0, balanced: true });
}

describe('stream filters', () => {
  it('run in the order of the configuration on requests, in reverse on responses', async () => {
    const calls: string[] = [];
    const tracer = (name: string): StreamFilter => ({
      onRequestHeaders: () => {
        calls.push(`${name} request`);
        return FilterStatus.Continue;
      },
      onResponseHeaders: () => {
        calls.push(`${name} response`);
        return FilterStatus.Continue;
      },
      onComplete: (_stream, reason) => calls.push(`${name} ${reason.name}`),
    });
    await using upstream = await echo();
    await using weft = await gateway(
      upstream,
      withFilters(
        shared('a', [Phase.AfterRoute, Phase.Send], () => tracer('a')),
        shared('b', [Phase.BeforeRoute, Phase.Send], () => tracer('b')),
      ),
    );
    assert.equal((await request(weft.port, '/')).status, 200);
    assert.deepEqual(calls, ['b request', 'a request', 'b response', 'a response', 'a completed', 'b completed']);
    assertBooks(weft, 1);
  });

  it('may wait by a promise', async () => {
    await using upstream = await echo();
    await using weft = await gateway(
      upstream,
      withFilters(
        shared('wait', [Phase.BeforeRoute, Phase.Send], () => ({
          onRequestHeaders: async (_stream, headers) => {
            await new Promise((resolve) => setImmediate(resolve));
            headers.set('x-waited', 'yes');
            return FilterStatus.Continue;
          },
          onResponseHeaders: async (_stream, headers) => {
            await new Promise((resolve) => setImmediate(resolve));
            headers.set('x-late', 'yes');
            return FilterStatus.Continue;
          },
        })),
      ),
    );
    const answer = await request(weft.port, '/', { method: 'POST', body: 'x'.repeat(100_000) });
    assert.equal(answer.headers['x-late'], 'yes');
    const seen = JSON.parse(answer.body);
    assert.equal(seen.headers['x-waited'], 'yes');
    assert.equal(seen.body.length, 100_000);
    assertBooks(weft, 1);
  });

  it('may resume from a timer, and once only', async () => {
    await using upstream = await echo();
    await using weft = await gateway(
      upstream,
      withFilters(
        shared('timer', [Phase.AfterRoute], (context) => ({
          onRequestHeaders: (stream) => {
            context.clock
              .timer(() => {
                stream.continueRequest();
                stream.continueRequest();
              })
              .start(1);
            return FilterStatus.StopNoBuffer;
          },
        })),
      ),
    );
    assert.equal((await request(weft.port, '/')).status, 200);
    assertBooks(weft, 1);
  });

  it('may take a whole request body and change it', async () => {
    await using upstream = await echo();
    await using weft = await gateway(
      upstream,
      withFilters(
        shared('upper', [Phase.BeforeRoute], () => ({
          onRequestHeaders: (_stream, _headers, end) => (end ? FilterStatus.Continue : FilterStatus.StopAndBuffer),
          onRequestData: (stream, _chunk, end) => {
            if (!end) return FilterStatus.StopAndBuffer;
            const body = stream.heldBody(Direction.Request).toString();
            stream.replaceHeldBody(Direction.Request, Buffer.from(`<${body.toUpperCase()}>`));
            return FilterStatus.Continue;
          },
        })),
      ),
    );
    const body = 'abc'.repeat(50_000);
    const answer = await request(weft.port, '/', { method: 'POST', body });
    const seen = JSON.parse(answer.body);
    assert.equal(seen.body, `<${body.toUpperCase()}>`);
    assert.equal(seen.headers['content-length'], String(body.length + 2));
    const chunked = await request(weft.port, '/', {
      method: 'POST',
      body: 'hi',
      headers: { 'transfer-encoding': 'chunked' },
    });
    assert.equal(JSON.parse(chunked.body).body, '<HI>');
    assertBooks(weft, 2);
  });

  it('may rewrite a response body chunk by chunk', async () => {
    await using upstream = await httpServer((_req, res) => {
      res.setHeader('content-length', '6');
      res.end('abcdef');
    });
    await using weft = await gateway(
      upstream,
      withFilters(
        shared('double', [Phase.Send], () => ({
          onResponseHeaders: (_stream, headers) => {
            headers.contentLength = -1;
            return FilterStatus.Continue;
          },
          onResponseData: (stream, chunk) => {
            const doubled = Buffer.from(chunk.toString('latin1').replace(/./g, '$&$&'), 'latin1');
            stream.replaceHeldBody(Direction.Response, doubled);
            return FilterStatus.Continue;
          },
        })),
      ),
    );
    const answer = await request(weft.port, '/');
    assert.equal(answer.body, 'aabbccddeeff');
    assert.equal(answer.headers['transfer-encoding'], 'chunked');
    assertBooks(weft, 1);
  });

  it('refuses a body beyond the buffer limit with 413, a response with 502', async () => {
    await using upstream = await httpServer((_req, res) => res.end('x'.repeat(5000)));
    const hold = (phase: Phase): StreamFilter =>
      phase === Phase.Send
        ? { onResponseHeaders: () => FilterStatus.StopAndBuffer }
        : { onRequestHeaders: (_s, _h, end) => (end ? FilterStatus.Continue : FilterStatus.StopAndBuffer) };
    for (const phase of [Phase.BeforeRoute, Phase.Send]) {
      await using weft = await gateway(upstream, {
        ...withFilters(shared('hold', [phase], () => hold(phase))),
        proxy: { buffer_limit: 1000 },
      });
      const answer = await request(weft.port, '/', { method: 'POST', body: 'y'.repeat(5000) });
      assert.equal(answer.status, phase === Phase.Send ? 502 : 413);
      assertBooks(weft, 1);
    }
  });

  it('may match again after changing the head, and is called again', async () => {
    await using first = await httpServer((_req, res) => res.end('first'));
    await using second = await httpServer((_req, res) => res.end('second'));
    let calls = 0;
    await using weft = await startWeft({
      routes: [routeTo('two', {}, { prefix: '/two' }), routeTo('one')],
      clusters: [cluster('one', first.port), cluster('two', second.port)],
      ...withFilters(
        shared('again', [Phase.AfterRoute], () => ({
          onRequestHeaders: (stream, headers) => {
            calls++;
            if (stream.route?.cluster === 'two') return FilterStatus.Continue;
            headers.path = '/two';
            return FilterStatus.ReMatchRoute;
          },
        })),
      ),
    });
    assert.equal((await request(weft.port, '/')).body, 'second');
    assert.equal(calls, 2);
  });

  it('may choose another host, and loops end after ten times', async () => {
    await using upstream = await echo();
    for (const times of [3, 100]) {
      let calls = 0;
      await using weft = await gateway(
        upstream,
        withFilters(
          shared('choose', [Phase.AfterChooseHost], () => ({
            onRequestHeaders: (stream) => {
              assert.equal(stream.chosenHost?.port, upstream.port);
              return ++calls <= times ? FilterStatus.ReChooseHost : FilterStatus.Continue;
            },
          })),
        ),
      );
      const answer = await request(weft.port, '/');
      assert.equal(answer.status, times === 3 ? 200 : 500);
      assert.equal(calls, times === 3 ? 4 : 11);
      assertBooks(weft, 1);
    }
  });

  for (const phase of [Phase.BeforeRoute, Phase.AfterRoute, Phase.AfterChooseHost, Phase.Send]) {
    it(`may answer itself in phase ${phase}`, async () => {
      await using upstream = await echo();
      const completed: string[] = [];
      const answering: StreamFilter = {
        [phase === Phase.Send ? 'onResponseHeaders' : 'onRequestHeaders']: (
          stream: Parameters<NonNullable<StreamFilter['onResponseHeaders']>>[0],
        ) => {
          stream.localReply({ reason: Reason.Forbidden, headers: { 'x-why': 'test' }, body: 'no' });
          return FilterStatus.Continue;
        },
        onComplete: (stream, reason) => completed.push(`${reason.name} ${stream.isLocalReply}`),
      };
      await using weft = await gateway(
        upstream,
        withFilters(
          shared('stamp', [Phase.Send], () => ({
            onResponseHeaders: (stream, headers) => {
              headers.set('x-stamp', String(stream.isLocalReply));
              return FilterStatus.Continue;
            },
          })),
          shared('answer', [phase], () => answering),
        ),
      );
      const answer = await request(weft.port, '/', { method: 'POST', body: 'hello', headers: { 'x-secret': 's' } });
      assert.equal(answer.status, 403);
      assert.equal(answer.body, 'no');
      assert.equal(answer.headers['x-why'], 'test');
      assert.equal(answer.headers['x-secret'], undefined, 'request headers are not echoed');
      assert.equal(answer.headers['x-stamp'], phase === Phase.Send ? undefined : 'true');
      assert.deepEqual(completed, ['forbidden true']);
      assertBooks(weft, 1);
    });
  }

  it('may end a stream without an answer', async () => {
    await using upstream = await echo();
    await using weft = await gateway(
      upstream,
      withFilters(shared('end', [Phase.BeforeRoute], () => ({ onRequestHeaders: () => FilterStatus.Terminate }))),
    );
    await assert.rejects(request(weft.port, '/'));
    assert.deepEqual(weft.books, { total: 1, completed: 0, reset: 1, active: 0, balanced: true });
  });

  it('that throws costs its own request a 500 and nothing else', async () => {
    await using upstream = await echo();
    let broken = true;
    await using weft = await gateway(
      upstream,
      withFilters(
        shared('throw', [Phase.BeforeRoute], () => ({
          onRequestHeaders: () => {
            if (broken) throw new Error('broken filter');
            return FilterStatus.Continue;
          },
        })),
        shared('reject', [Phase.AfterRoute], () => ({
          onRequestHeaders: async (_stream, headers) => {
            if (headers.has('x-reject')) throw new Error('broken promise');
            return FilterStatus.Continue;
          },
        })),
      ),
    );
    assert.equal((await request(weft.port, '/')).status, 500);
    broken = false;
    assert.equal((await request(weft.port, '/', { headers: { 'x-reject': '1' } })).status, 500);
    assert.equal((await request(weft.port, '/')).status, 200);
    assert.equal(weft.counter('filter_fault'), 2);
    assertBooks(weft, 3);
  });

  it('keeps state per stream in a slot or in an instance of its own', async () => {
    await using upstream = await echo();
    await using weft = await gateway(
      upstream,
      withFilters(
        shared('slot', [Phase.BeforeRoute, Phase.Send], ({ slot }) => ({
          onRequestHeaders: (stream, headers) => {
            stream.state[slot] = headers.path;
            return FilterStatus.Continue;
          },
          onResponseHeaders: (stream, headers) => {
            headers.set('x-slot', String(stream.state[slot]));
            return FilterStatus.Continue;
          },
        })),
        perStream('instance', [Phase.BeforeRoute, Phase.Send], () => {
          let path = '';
          return {
            onRequestHeaders: (_stream, headers) => {
              path = headers.path;
              return FilterStatus.Continue;
            },
            onResponseHeaders: (_stream, headers) => {
              headers.set('x-instance', path);
              return FilterStatus.Continue;
            },
          };
        }),
      ),
    );
    const answers = await Promise.all(['/a', '/b', '/c'].map((path) => request(weft.port, path)));
    assert.deepEqual(
      answers.map(({ headers }) => [headers['x-slot'], headers['x-instance']]),
      [
        ['/a', '/a'],
        ['/b', '/b'],
        ['/c', '/c'],
      ],
    );
  });

  it('sees its own configuration for the route', async () => {
    await using upstream = await echo();
    const seen: unknown[] = [];
    await using weft = await startWeft({
      clusters: [cluster('c', upstream.port)],
      routes: [{ ...routeTo('c'), per_filter_config: { reader: { level: 3 } } }],
      ...withFilters({
        ...shared('reader', [Phase.AfterRoute], () => ({
          onRequestHeaders: (stream) => {
            seen.push(stream.route?.perFilterConfig('reader'), stream.route?.perFilterConfig('other'));
            return FilterStatus.Continue;
          },
        })),
      }),
    });
    await request(weft.port, '/');
    assert.deepEqual(seen, [{ level: 3 }, undefined]);
  });
});
