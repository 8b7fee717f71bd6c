/** HTTP/1 end to end: what passes, what is added, what stays with the connection, and how bodies stream. */

import assert from 'node:assert/strict';
import type net from 'node:net';
import { describe, it } from 'node:test';
import { FilterStatus, Phase } from '../../src/api/stream-filter.ts';
import { bulkPeers, pour } from './support/bulk-peers.ts';
import { eventually } from './support/eventually.ts';
import {
  deadPort,
  exchange,
  httpServer,
  type RawClient,
  rawClient,
  recordingServer,
  request,
  scriptedServer,
  type TestServer,
  tcpServer,
} from './support/peers.ts';
import { shared, withFilters } from './support/test-filters.ts';
import { cluster, routeTo, startWeft, type Weft, type WeftOptions } from './support/weft.ts';

function gateway(upstream: { port: number }, options: WeftOptions = {}): Promise<Weft> {
  return startWeft({ routes: [routeTo('c')], clusters: [cluster('c', upstream.port)], ...options });
}

/** Answers every request with its path. */
function pathEcho(): Promise<TestServer> {
  return scriptedServer((head) => {
    const path = head.split(' ')[1] as string;
    return `HTTP/1.1 200 OK\r\nContent-Length: ${path.length}\r\n\r\n${head.startsWith('HEAD') ? '' : path}`;
  });
}

const bodiesOf = (text: string): string[] => [...text.matchAll(/\r\n\r\n([^H]*)/g)].map(([, body]) => body as string);

describe('a connection', () => {
  it('serves one request after the other, over one upstream connection', async () => {
    await using upstream = await pathEcho();
    await using weft = await gateway(upstream);
    using client = await rawClient(weft.port);
    for (const path of ['/1', '/22', '/333']) {
      client.write(`GET ${path} HTTP/1.1\r\nHost: h\r\n\r\n`);
      await client.until((text) => text.endsWith(`\r\n\r\n${path}`));
    }
    assert.equal(weft.counter('connection_total'), 1);
    assert.equal(weft.upstream('c', 'connection_total'), 1);
    assert.equal(weft.books.completed, 3);
  });

  it('answers pipelined requests in their order', async () => {
    await using upstream = await pathEcho();
    await using weft = await gateway(upstream);
    using client = await rawClient(weft.port);
    const paths = Array.from({ length: 50 }, (_, i) => `/${i}`);
    client.write(paths.map((path) => `GET ${path} HTTP/1.1\r\nHost: h\r\n\r\n`).join(''));
    await client.until('\r\n\r\n/49');
    assert.deepEqual(bodiesOf(client.text), paths);
  });

  it('answers a good request before it refuses the bad one behind it', async () => {
    await using upstream = await recordingServer();
    await using weft = await gateway(upstream);
    const text = await exchange(
      weft.port,
      'GET /good HTTP/1.1\r\nHost: h\r\n\r\nGET /bad HTTP/1.1\r\nHost : h\r\n\r\n',
    );
    assert.match(text, /^HTTP\/1\.1 200 OK\r\n.*\r\n\r\nokHTTP\/1\.1 400 Bad Request\r\n/s);
    assert.ok(!upstream.received.includes('/bad'));
    assert.deepEqual(weft.books, { total: 2, completed: 2, reset: 0, active: 0, balanced: true });
  });

  it('ends after the response when the client says so', async () => {
    await using upstream = await pathEcho();
    await using weft = await gateway(upstream);
    const text = await exchange(weft.port, 'GET /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n');
    assert.match(text, /\r\nConnection: close\r\n/i);
    assert.ok(text.endsWith('/x'));
    assert.equal(weft.upstream('c', 'connection_close'), 0, 'the upstream connection lives on');
  });

  it('of an HTTP/1.0 client is kept only when it asks, and gets no chunks', async () => {
    await using upstream = await httpServer((req, res) => {
      res.write('a');
      res.end(req.url);
    });
    await using weft = await gateway(upstream);
    const plain = await exchange(weft.port, 'GET /x HTTP/1.0\r\n\r\n');
    assert.match(plain, /^HTTP\/1\.1 200 OK\r\n/);
    assert.doesNotMatch(plain, /transfer-encoding/i);
    assert.ok(plain.endsWith('\r\n\r\na/x'));
    await using fixed = await pathEcho();
    await using other = await gateway(fixed);
    using client = await rawClient(other.port);
    for (const path of ['/1', '/2']) {
      client.write(`GET ${path} HTTP/1.0\r\nConnection: keep-alive\r\n\r\n`);
      await client.until((text) => text.endsWith(path));
    }
    assert.equal([...client.text.matchAll(/\r\nConnection: keep-alive\r\n/gi)].length, 2);
  });
});

describe('messages', () => {
  it('without a body: HEAD, 204 and 304 keep their lengths to themselves', async () => {
    await using upstream = await scriptedServer((head) => {
      if (head.startsWith('HEAD')) return 'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n';
      if (head.includes('/204')) return 'HTTP/1.1 204 No Content\r\n\r\n';
      if (head.includes('/304')) return 'HTTP/1.1 304 Not Modified\r\nContent-Length: 55\r\nETag: "x"\r\n\r\n';
      return 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlast';
    });
    await using weft = await gateway(upstream);
    using client = await rawClient(weft.port);
    for (const line of ['HEAD /', 'GET /204', 'GET /304', 'GET /end'])
      client.write(`${line} HTTP/1.1\r\nHost: h\r\n\r\n`);
    const text = await client.until('last');
    const heads = text.split('\r\n\r\n');
    assert.equal(heads.length, 5);
    assert.match(heads[0] as string, /^HTTP\/1\.1 200 OK\r\n.*Content-Length: 1000/is);
    assert.match(heads[1] as string, /^HTTP\/1\.1 204 No Content/);
    assert.doesNotMatch(heads[1] as string, /content-length|transfer-encoding/i);
    assert.match(heads[2] as string, /^HTTP\/1\.1 304 Not Modified\r\n.*ETag: "x"/s);
    assert.equal(weft.books.completed, 4);
    assert.equal(weft.upstream('c', 'connection_total'), 1);
  });

  it('in chunks, with trailers, both ways', async () => {
    const upstream = await recordingServer((seen, socket) => {
      if (!seen.endsWith('\r\nX-Sum: 7\r\n\r\n')) return;
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Done\r\n\r\n3\r\nabc\r\n');
      socket.write('4;ext=1\r\ndefg\r\n0\r\nX-Done: yes\r\n\r\n');
    });
    await using _ = upstream;
    await using weft = await gateway(upstream);
    using client = await rawClient(weft.port);
    client.write('POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTE: trailers\r\n\r\n');
    client.write('5\r\nhello\r\n6\r\n world\r\n0\r\nX-Sum: 7\r\n\r\n');
    const text = await client.until('X-Done: yes\r\n\r\n');
    const sent = upstream.received;
    assert.match(sent, /\r\nTransfer-Encoding: chunked\r\n/i);
    assert.match(sent, /\r\nTE: trailers\r\n/i);
    assert.equal(unchunk(sent), 'hello world');
    assert.ok(sent.endsWith('0\r\nX-Sum: 7\r\n\r\n'));
    assert.equal(unchunk(text), 'abcdefg');
    assert.ok(!text.includes('ext=1'), 'chunk extensions concern one hop');
    assert.equal(weft.books.completed, 1);
  });

  it('that end with the connection reach the client in chunks', async () => {
    await using upstream = await tcpServer((socket) => {
      socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\n\r\nuntil the end'));
    });
    await using weft = await gateway(upstream);
    const answer = await request(weft.port, '/');
    assert.equal(answer.headers['transfer-encoding'], 'chunked');
    assert.equal(answer.body, 'until the end');
    assert.equal(weft.books.completed, 1);
  });

  it('keep spelling, order and repetition of their header lines, both ways', async () => {
    const lines = [
      'X-One: 1',
      'x-TWO: 2',
      'X-One: again',
      'Accept: a/b;q=0.5,  c/d',
      'weird-CASE: \xe9\xff',
      'X-Empty: ',
    ];
    const back = ['Server: u', 'set-cookie: a=1', 'Set-Cookie: b=2', 'x-Odd: \t spaced  out'];
    const upstream = await recordingServer((_seen, socket) => {
      socket.write(`HTTP/1.1 299 Fine By Me\r\n${back.join('\r\n')}\r\nContent-Length: 0\r\n\r\n`, 'latin1');
    });
    await using _ = upstream;
    await using weft = await gateway(upstream);
    using client = await rawClient(weft.port);
    client.write(`GET /p?q HTTP/1.1\r\nHost: H.test\r\n${lines.join('\r\n')}\r\n\r\n`);
    const text = await client.until('\r\n\r\n');
    const sent = upstream.received.split('\r\n');
    assert.deepEqual(sent.slice(0, 2 + lines.length), ['GET /p?q HTTP/1.1', 'Host: H.test', ...lines]);
    const got = text.split('\r\n');
    assert.deepEqual(got.slice(0, 1 + back.length), ['HTTP/1.1 299 Fine By Me', ...back]);
  });

  it('lose the headers that concern one connection', async () => {
    const hop = ['Connection: close, X-Hop', 'X-Hop: 1', 'Keep-Alive: timeout=5', 'Proxy-Connection: x', 'TE: gzip'];
    const upstream = await recordingServer((_seen, socket) => {
      socket.write('HTTP/1.1 200 OK\r\nConnection: X-Back\r\nX-Back: 1\r\nKeep-Alive: x\r\nContent-Length: 0\r\n\r\n');
    });
    await using _ = upstream;
    await using weft = await gateway(upstream);
    const text = await exchange(weft.port, `GET / HTTP/1.1\r\nHost: h\r\n${hop.join('\r\n')}\r\nX-Kept: 1\r\n\r\n`);
    assert.doesNotMatch(upstream.received, /x-hop|keep-alive|proxy-connection|\r\nte:|connection:/i);
    assert.match(upstream.received, /X-Kept: 1/);
    assert.doesNotMatch(text, /x-back|keep-alive/i);
  });

  it('do not lose what an upstream trusts to Connection', async () => {
    await using upstream = await recordingServer();
    await using weft = await gateway(upstream);
    const connection = 'Connection: close, X-Forwarded-For, Authorization, Host, Content-Length';
    await exchange(weft.port, `GET / HTTP/1.1\r\nHost: h\r\n${connection}\r\nAuthorization: secret\r\n\r\n`);
    assert.match(upstream.received, /X-Forwarded-For: 127\.0\.0\.1\r\n/i);
    assert.match(upstream.received, /Authorization: secret\r\n/);
    assert.match(upstream.received, /Host: h\r\n/);
  });

  it('in absolute form go out in origin form; the authority is the host', async () => {
    await using upstream = await recordingServer();
    await using weft = await gateway(upstream);
    await exchange(weft.port, 'GET http://a.test/p?q HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n');
    assert.match(upstream.received, /^GET \/p\?q HTTP\/1\.1\r\nHost: a\.test\r\n/);
  });

  it('OPTIONS * passes as it is', async () => {
    await using upstream = await recordingServer();
    await using weft = await gateway(upstream, { routes: [{ match: {}, route: { cluster_name: 'c' } }] });
    const text = await exchange(weft.port, 'OPTIONS * HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n');
    assert.match(text, /^HTTP\/1\.1 200/);
    assert.match(upstream.received, /^OPTIONS \* HTTP\/1\.1\r\n/);
  });

  it('Expect: 100-continue is the upstream’s to answer', async () => {
    const upstream = await recordingServer((seen, socket) => {
      if (seen.endsWith('\r\n\r\n')) socket.write('HTTP/1.1 100 Continue\r\n\r\n');
      else if (seen.endsWith('body')) socket.write('HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n');
    });
    await using _ = upstream;
    await using weft = await gateway(upstream);
    using client = await rawClient(weft.port);
    client.write('PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n');
    assert.equal(await client.until('\r\n\r\n'), 'HTTP/1.1 100 Continue\r\n\r\n');
    assert.match(upstream.received, /\r\nExpect: 100-continue\r\n/);
    client.write('body');
    await client.until('HTTP/1.1 201 Created');
    assert.ok(upstream.received.endsWith('\r\n\r\nbody'));
  });

  it('may be preceded by early hints', async () => {
    await using upstream = await scriptedServer(
      () => 'HTTP/1.1 103 Early Hints\r\nLink: </s.css>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone',
    );
    await using weft = await gateway(upstream);
    using client = await rawClient(weft.port);
    client.write('GET / HTTP/1.1\r\nHost: h\r\n\r\n');
    const text = await client.until('done');
    assert.match(text, /^HTTP\/1\.1 103 Early Hints\r\nLink: <\/s\.css>\r\n\r\nHTTP\/1\.1 200 OK\r\n/);
    const old = await exchange(weft.port, 'GET / HTTP/1.0\r\n\r\n');
    assert.match(old, /^HTTP\/1\.1 200 OK\r\n/, 'a client of HTTP/1.0 does not know interim responses');
  });
});

describe('what a request says of its way', () => {
  const GET = 'GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n';
  const CLAIMS =
    'X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Proto: https\r\nX-Mosn-Try-Timeout: 1\r\nX-Envoy-Internal: 1\r\n';

  it('is not believed: X-Forwarded-* are replaced, steering headers dropped', async () => {
    await using upstream = await recordingServer();
    await using weft = await gateway(upstream);
    await exchange(weft.port, `${GET}${CLAIMS}\r\n`);
    assert.match(upstream.received, /\r\nX-Forwarded-For: 127\.0\.0\.1\r\n/);
    assert.match(upstream.received, /\r\nX-Forwarded-Proto: http\r\n/);
    assert.match(upstream.received, /\r\nvia: 1\.1 weft\r\n/i);
    assert.doesNotMatch(upstream.received, /x-mosn|x-envoy|1\.2\.3\.4|https/i);
  });

  it('is believed from trusted_cidrs: the chain grows', async () => {
    await using upstream = await recordingServer();
    await using weft = await gateway(upstream, { listener: { trusted_cidrs: ['127.0.0.0/8', '::1'] } });
    await exchange(weft.port, `${GET}${CLAIMS}Via: 1.1 other\r\n\r\n`);
    assert.match(upstream.received, /\r\nX-Forwarded-For: 1\.2\.3\.4, 127\.0\.0\.1\r\n/);
    assert.match(upstream.received, /\r\nX-Forwarded-Proto: https\r\n/);
    assert.match(upstream.received, /\r\nX-Envoy-Internal: 1\r\n/);
    assert.match(upstream.received, /\r\nVia: 1\.1 other\r\n.*via: 1\.1 weft\r\n/is);
  });

  it('stays as it came when that is switched off', async () => {
    await using upstream = await recordingServer();
    await using weft = await gateway(upstream, {
      proxy: { forwarding: { x_forwarded_for: false, x_forwarded_proto: false, via: false } },
    });
    await exchange(weft.port, `${GET}X-Forwarded-For: 1.2.3.4\r\n\r\n`);
    assert.match(upstream.received, /\r\nX-Forwarded-For: 1\.2\.3\.4\r\n/);
    assert.doesNotMatch(upstream.received, /via:|x-forwarded-proto/i);
  });

  it('ends a loop with 508', async () => {
    const port = await deadPort();
    await using weft = await startWeft({
      clusters: [cluster('self', port)],
      routes: [routeTo('self')],
      listener: { address: `127.0.0.1:${port}` },
      proxy: { forwarding: { max_hops: 5 } },
    });
    const answer = await request(port, '/');
    assert.equal(answer.status, 508);
    assert.equal(weft.counter('request_total'), 6);
    assert.equal(weft.counter('request_end_loop_detected'), 1);
  });
});

describe('tunnels', () => {
  const UPGRADE =
    'GET /chat HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: k\r\n\r\n';
  const SWITCH = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';

  /** Switches protocols and echoes; says `bye` after the client's FIN. */
  function echo(): Promise<TestServer> {
    return tcpServer((socket) => {
      socket.once('data', () => {
        socket.write(SWITCH);
        socket.on('data', (chunk) => socket.write(chunk));
        socket.on('end', () => socket.end('bye'));
      });
    });
  }

  it('WebSocket: bytes pass both ways, and so does each half-close', async () => {
    await using upstream = await echo();
    await using weft = await gateway(upstream);
    using client = await rawClient(weft.port);
    client.write(UPGRADE);
    const head = await client.until('\r\n\r\n');
    assert.match(head, /^HTTP\/1\.1 101 Switching Protocols\r\n/);
    assert.match(head, /\r\nConnection: Upgrade\r\n/i);
    assert.match(head, /\r\nUpgrade: websocket\r\n/i);
    client.write('\x81\x00raw\r\n\r\n');
    await client.until('\x81\x00raw\r\n\r\n');
    assert.equal(weft.books.active, 1);
    client.end();
    assert.ok((await client.rest()).endsWith('bye'));
    await weft.idle();
    assert.deepEqual(weft.books, { total: 1, completed: 1, reset: 0, active: 0, balanced: true });
  });

  it('WebSocket: the upstream may end first', async () => {
    const upstream = await recordingServer((seen, socket) => {
      if (seen.endsWith('\r\n\r\n')) socket.end(`${SWITCH}only words`);
    });
    await using _ = upstream;
    await using weft = await gateway(upstream);
    using client = await rawClient(weft.port);
    client.write(UPGRADE);
    assert.ok((await client.rest()).endsWith('only words'));
    client.write('still talking');
    client.end();
    await eventually(() => upstream.received.endsWith('still talking'), 'the other half goes on');
    await weft.idle();
    assert.equal(weft.books.completed, 1);
  });

  it('WebSocket: bytes right behind the switch wait with it for a filter that holds it', async () => {
    const upstream = await recordingServer((seen, socket) => {
      if (seen.endsWith('\r\n\r\n')) socket.write(`${SWITCH}first words`);
    });
    await using _ = upstream;
    for (const held of [FilterStatus.StopAndBuffer, FilterStatus.StopNoBuffer]) {
      const filter = shared('hold', [Phase.Send], (context) => ({
        onResponseHeaders(stream) {
          context.clock.timer(() => stream.continueResponse()).start(1);
          return held;
        },
      }));
      await using weft = await gateway(upstream, withFilters(filter));
      using client = await rawClient(weft.port);
      client.write(UPGRADE);
      await client.until('\r\n\r\nfirst words');
      client.write(`answer ${held}`);
      await eventually(() => upstream.received.endsWith(`answer ${held}`), 'the other direction is open');
    }
  });

  it('WebSocket: a refusal is an ordinary response', async () => {
    await using upstream = await scriptedServer(() => 'HTTP/1.1 426 Upgrade Required\r\nContent-Length: 2\r\n\r\nno');
    await using weft = await gateway(upstream);
    using client = await rawClient(weft.port);
    client.write(UPGRADE);
    await client.until('\r\n\r\nno');
    client.write('GET / HTTP/1.1\r\nHost: h\r\n\r\n');
    await client.until((text) => text.split('\r\n\r\nno').length === 3);
    assert.equal(weft.books.completed, 2);
  });

  it('are opened only for the protocols of the route, never for h2c', async () => {
    await using upstream = await recordingServer();
    await using weft = await gateway(upstream, { routes: [routeTo('c', { upgrades: ['other'] })] });
    const ask = (token: string): string =>
      `GET /${token} HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings, close\r\n` +
      `Upgrade: ${token}\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n`;
    for (const token of ['websocket', 'h2c', 'other']) await exchange(weft.port, ask(token));
    const [websocket, h2c, other] = upstream.received.split('\r\n\r\n');
    for (const head of [websocket, h2c]) assert.doesNotMatch(head as string, /upgrade|http2-settings|connection/i);
    assert.match(other as string, /\r\nUpgrade: other/i);
    assert.match(other as string, /\r\nConnection: Upgrade/i);
  });

  it('CONNECT: only where a route allows it, and to its cluster', async () => {
    const upstream = await recordingServer((seen, socket) => {
      if (seen.endsWith('\r\n\r\n')) socket.write('HTTP/1.1 200 OK\r\n\r\n');
      else socket.write('pong');
    });
    await using _ = upstream;
    await using weft = await gateway(upstream, {
      router: {
        router_config_name: 'r',
        virtual_hosts: [
          {
            name: 'open',
            domains: ['db.test:*'],
            routers: [{ match: {}, route: { cluster_name: 'c', connect: true } }],
          },
          { name: 'rest', domains: ['*'], routers: [{ match: {}, route: { cluster_name: 'c' } }] },
        ],
      },
    });
    const refused = await exchange(
      weft.port,
      'CONNECT 10.0.0.1:22 HTTP/1.1\r\nHost: 10.0.0.1:22\r\nConnection: close\r\n\r\n',
    );
    assert.match(refused, /^HTTP\/1\.1 405 /);
    assert.equal(upstream.received, '');
    using client = await rawClient(weft.port);
    client.write('CONNECT db.test:5432 HTTP/1.1\r\nHost: db.test:5432\r\n\r\n');
    const head = await client.until('\r\n\r\n');
    assert.match(head, /^HTTP\/1\.1 200 OK\r\n/);
    assert.doesNotMatch(head, /content-length|transfer-encoding/i);
    assert.match(upstream.received, /^CONNECT db\.test:5432 HTTP\/1\.1\r\n/);
    client.write('ping');
    await client.until('\r\n\r\npong');
    client.end();
    await client.rest();
    await weft.idle();
    assert.equal(weft.books.active, 0);
  });
});

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

/** The body of the one chunked message in a text. */
function unchunk(text: string): string {
  let rest = text.slice(text.indexOf('\r\n\r\n') + 4);
  let body = '';
  for (;;) {
    const end = rest.indexOf('\r\n');
    const size = Number.parseInt(rest.slice(0, end), 16);
    if (!(size > 0)) return body;
    body += rest.slice(end + 2, end + 2 + size);
    rest = rest.slice(end + 4 + size);
  }
}

describe('paths', () => {
  it('are matched in one form and forwarded as they came, dot segments excepted', async () => {
    await using upstream = await httpServer((req, res) => res.end(req.url));
    await using weft = await gateway(upstream, {
      routes: [{ match: { prefix: '/admin' }, direct_response: { status: 403, body: 'closed' } }, routeTo('c')],
    });
    const cases: [string, number, string?][] = [
      ['/admin', 403],
      ['/x/../admin', 403],
      ['/%61dmin', 403],
      ['/x/%2e%2E/admin?q', 403],
      ['/./admin', 403],
      ['/a//b', 200, '/a//b'],
      ['/a%2Fb', 200, '/a%2Fb'],
      ['/%7Euser?x=%2e', 200, '/%7Euser?x=%2e'],
      ['/a/./b/../c?q=..', 200, '/a/c?q=..'],
      ['/a%00', 400],
      ['/a\\b', 400],
      ['/a/..;/b', 400],
      ['/a#b', 400],
    ];
    for (const [path, status, forwarded] of cases) {
      const text = await exchange(weft.port, `GET ${path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n`);
      assert.equal(text.split(' ')[1], String(status), path);
      if (forwarded !== undefined)
        assert.ok(text.endsWith(`\r\n\r\n${forwarded}`) || text.includes(`\r\n${forwarded}\r\n`), text);
    }
  });
});
