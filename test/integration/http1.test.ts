/** HTTP/1 end to end: what passes, what is added, and what stays with the connection. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  deadPort,
  exchange,
  httpServer,
  pathEcho,
  rawClient,
  recordingServer,
  request,
  scriptedServer,
  tcpServer,
} from './support/peers.ts';
import { cluster, gateway, routeTo, startWeft } from './support/weft.ts';

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
    await using weft = await gateway(upstream, {}, { routes: [{ match: {}, route: { cluster_name: 'c' } }] });
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

describe('what a request says of its way', () => {
  const GET = 'GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n';
  const CLAIMS =
    'X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: evil.test\r\n' +
    'X-Mosn-Try-Timeout: 1\r\nX-Envoy-Internal: 1\r\n';

  it('is not believed: X-Forwarded-* are replaced, steering headers dropped', async () => {
    await using upstream = await recordingServer();
    await using weft = await gateway(upstream);
    await exchange(weft.port, `${GET}${CLAIMS}\r\n`);
    assert.match(upstream.received, /\r\nX-Forwarded-For: 127\.0\.0\.1\r\n/i);
    assert.match(upstream.received, /\r\nX-Forwarded-Proto: http\r\n/i);
    assert.match(upstream.received, /\r\ncdn-loop: weft\r\n/i);
    assert.doesNotMatch(upstream.received, /x-mosn|x-envoy|1\.2\.3\.4|https|evil/i);
  });

  it('is believed from trusted_cidrs: the chain grows', async () => {
    await using upstream = await recordingServer();
    await using weft = await gateway(
      upstream,
      {},
      { listener: { trusted_cidrs: ['127.0.0.0/8', '::1'] }, proxy: { forwarding: { via: true } } },
    );
    await exchange(weft.port, `${GET}${CLAIMS}Via: 1.1 other\r\n\r\n`);
    assert.match(upstream.received, /\r\nX-Forwarded-For: 1\.2\.3\.4, 127\.0\.0\.1\r\n/);
    assert.match(upstream.received, /\r\nX-Forwarded-Proto: https\r\n/);
    assert.match(upstream.received, /\r\nX-Envoy-Internal: 1\r\n/);
    assert.match(upstream.received, /\r\nVia: 1\.1 other\r\n.*via: 1\.1 weft\r\n/is);
  });

  it('stays as it came when that is switched off', async () => {
    await using upstream = await recordingServer();
    await using weft = await gateway(
      upstream,
      {},
      {
        proxy: { forwarding: { x_forwarded_for: false, x_forwarded_proto: false, loop_detection: false } },
      },
    );
    await exchange(weft.port, `${GET}X-Forwarded-For: 1.2.3.4\r\n\r\n`);
    assert.match(upstream.received, /\r\nX-Forwarded-For: 1\.2\.3\.4\r\n/);
    assert.doesNotMatch(upstream.received, /via:|cdn-loop|x-forwarded-proto/i);
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

describe('paths', () => {
  it('are matched in one form and forwarded as they came, dot segments excepted', async () => {
    await using upstream = await httpServer((req, res) => res.end(req.url));
    await using weft = await gateway(
      upstream,
      {},
      {
        routes: [{ match: { prefix: '/admin' }, direct_response: { status: 403, body: 'closed' } }, routeTo('c')],
      },
    );
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
