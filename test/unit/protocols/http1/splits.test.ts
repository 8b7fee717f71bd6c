/** How the bytes are cut changes nothing: not what is told, not the verdict; and not, by much, the work. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { scan } from '../../../../protocols/http1/head-scan.ts';
import { RequestHeaderList, ResponseHeaderList } from '../../../../src/api/index.ts';
import { ClientSide, ServerSide } from './support.ts';

/** What a server says and writes of these pieces; each request is answered when it has come whole. */
function serve(pieces: readonly string[], answerEarly: boolean): string[] {
  const server = new ServerSide({ max_header_size: 256, max_headers: 8, max_chunk_extension: 16 });
  const answer = (): void => server.encoder.headers(new ResponseHeaderList(200), true);
  if (answerEarly) server.onRequest = answer;
  else server.onRequestEnd = answer;
  for (const piece of pieces) server.feed(piece);
  server.codec.onEnd();
  server.sink.turn();
  // Whether bytes followed the last request is seen only if they came with it.
  return [...server.log.take().map((line) => line.replace(' lingering', '')), server.sink.take()];
}

/** What a client says of these pieces, as the answer to a request. */
function receive(pieces: readonly string[], method: string): string[] {
  const client = new ClientSide({ max_header_size: 256, max_headers: 8, max_chunk_extension: 16 });
  const request = new RequestHeaderList(method, method === 'CONNECT' ? 'a:1' : '/', 'a');
  if (method === 'OPTIONS') request.upgrade = 'websocket';
  client.request(request, method !== 'CONNECT');
  for (const piece of pieces) client.feed(piece);
  const left = client.codec.activeStreams;
  if (left > 0) client.codec.onEnd();
  // That bytes follow a response is seen at once or with the next read.
  const lines = client.log.take().map((line) => (line === 'reusable' || line === 'unusable' ? 'spent' : line));
  return lines.filter((line, i) => line !== 'spent' || lines[i - 1] !== 'spent');
}

const requests: Record<string, string> = {
  simple: 'GET /a HTTP/1.1\r\nHost: a\r\n\r\n',
  'after an empty line': '\r\nGET /a HTTP/1.1\r\nHost: a\r\n\r\n',
  'hop by hop': 'GET /a HTTP/1.1\r\nHost: a\r\nConnection: x-a, close\r\nX-A: 1\r\nTE: trailers\r\n\r\n',
  'with a length': 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\nhello\r\n\r\nabGET',
  chunked:
    'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\nA\r\n0123456789\r\n0\r\nX-T: 1\r\nHost: b\r\nY: 2\r\n\r\n',
  pipelined:
    'GET /1 HTTP/1.1\r\nHost: a\r\n\r\n\r\nPOST /2 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nz\r\n0\r\n\r\nGET /3 HTTP/1.0\r\n\r\nGET /4 HTTP/1.1\r\n\r\n',
  'second one bad': 'GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost : a\r\n\r\n',
  'bad chunk': 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n 2\r\nab\r\n0\r\n\r\n',
  'bad trailer': 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: 1\r\nX : 2\r\n\r\n',
  'bad version after a long line': `GET /${'a'.repeat(100)} HTTP/1.7\r\nHost: a\r\n\r\n`,
  'too long': `GET / HTTP/1.1\r\nHost: a\r\nX-A: ${'1'.repeat(240)}\r\n\r\n`,
  'target too long': `GET /${'1'.repeat(280)} HTTP/1.1\r\nHost: a\r\n\r\n`,
  'too many lines': `GET / HTTP/1.1\r\nHost: a\r\n${'X: 1\r\n'.repeat(9)}\r\n`,
  'two faults': 'GET / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\nX\0: 1\r\n\r\n',
  'bare line feeds': 'GET / HTTP/1.1\nHost: a\n\n',
  incomplete: 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc',
  'incomplete head': 'POST / HTTP/1.1\r\nHost: a\r\nContent-Le',
  'not HTTP': '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
};

const responses: Record<string, string> = {
  length: 'HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 5\r\n\r\nhello',
  chunked:
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1;a\r\nx\r\n0\r\nX: 1\r\nContent-Length: 2\r\n\r\n',
  close: 'HTTP/1.1 200\r\n\r\nhello\r\n\r\nworld',
  interim: 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 X\r\nLink: y\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n',
  switching: 'HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n\x81\x05hello',
  'more than its length': 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhello',
  'two codings': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n',
  'cut off': 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello',
  'too long': `HTTP/1.1 200 OK\r\nX-A: ${'1'.repeat(300)}\r\n\r\n`,
};

describe('cut in two at every byte, and into single bytes', () => {
  for (const [name, text] of Object.entries(requests)) {
    for (const early of [false, true]) {
      test(`request, ${early ? 'answered at its head' : 'answered at its end'}: ${name}`, () => {
        const whole = serve([text], early);
        for (let i = 1; i < text.length; i++) {
          assert.deepEqual(serve([text.slice(0, i), text.slice(i)], early), whole, `cut at ${i}`);
        }
        assert.deepEqual(serve([...text], early), whole);
      });
    }
  }

  for (const [name, text] of Object.entries(responses)) {
    test(`response: ${name}`, () => {
      for (const method of ['GET', 'HEAD', 'CONNECT', 'OPTIONS']) {
        const whole = receive([text], method);
        for (let i = 1; i < text.length; i++) {
          assert.deepEqual(receive([text.slice(0, i), text.slice(i)], method), whole, `${method} cut at ${i}`);
        }
        assert.deepEqual(receive([...text], method), whole);
      }
    });
  }
});

/** Cuts a text at any places. */
function cut(text: string, places: readonly number[]): string[] {
  const at = [0, ...places.map((place) => place % (text.length + 1)).sort((a, b) => a - b), text.length];
  return at
    .slice(1)
    .map((end, i) => text.slice(at[i], end))
    .filter((piece) => piece !== '');
}

describe('any cuts of any damage', () => {
  const places = fc.array(fc.nat(), { maxLength: 6 });
  const damage = fc.array(
    fc.tuple(fc.nat(), fc.constantFrom('\r', '\n', '\r\n', ' ', '\t', ':', '\0', '0', 'a', ';', ',', '\xff', '')),
    { maxLength: 3 },
  );
  const spoil = (text: string, changes: readonly (readonly [number, string])[]): string =>
    changes.reduce((t, [at, by]) => t.slice(0, at % t.length) + by + t.slice((at % t.length) + 1), text);

  test('requests', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...Object.values(requests)),
        damage,
        places,
        fc.boolean(),
        (text, changes, at, early) => {
          const spoilt = spoil(text, changes);
          assert.deepEqual(serve(cut(spoilt, at), early), serve([spoilt], early));
        },
      ),
      { numRuns: 2000 },
    );
  });

  test('responses', () => {
    const method = fc.constantFrom('GET', 'HEAD', 'CONNECT', 'OPTIONS');
    fc.assert(
      fc.property(fc.constantFrom(...Object.values(responses)), damage, places, method, (text, changes, at, m) => {
        const spoilt = spoil(text, changes);
        assert.deepEqual(receive(cut(spoilt, at), m), receive([spoilt], m));
      }),
      { numRuns: 2000 },
    );
  });
});

describe('a head that drips in byte by byte', () => {
  test('is not scanned for each byte', () => {
    const server = new ServerSide();
    const text = `GET / HTTP/1.1\r\nHost: a\r\n${`X-A: ${'1'.repeat(300)}\r\n`.repeat(90)}\r\n`;
    const before = scan.scans;
    for (const byte of text) server.codec.onData(Buffer.from(byte));
    assert.equal(server.heads.length, 1);
    // Once for each doubling of its length, and at its end.
    assert.ok(scan.scans - before <= Math.log2(text.length) + 2, `${scan.scans - before} scans`);
  });

  test('trailers neither', () => {
    const server = new ServerSide();
    server.feed('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n');
    const before = scan.scans;
    for (const byte of `${`X: ${'1'.repeat(300)}\r\n`.repeat(20)}\r\n`) server.codec.onData(Buffer.from(byte));
    assert.equal(server.encoder.requestComplete, true);
    assert.ok(scan.scans - before <= 15, `${scan.scans - before} scans`);
  });

  test('is refused before its end when it is nonsense', () => {
    const server = new ServerSide();
    const nonsense = 'this is no request line and will never be one';
    let fed = 0;
    while (server.log.lines.length === 0 && fed < nonsense.length) server.feed(nonsense[fed++] as string);
    assert.deepEqual(server.log.take(), ['protocol error 400']);
    assert.ok(fed <= 32, `${fed} bytes`);
  });

  test('is refused at the first control byte', () => {
    const server = new ServerSide();
    server.feed('GET / HTTP/1.1\r\nHost: a\r\nX-A: 1');
    server.feed('2\0');
    assert.deepEqual(server.log.take(), ['protocol error 400']);
  });

  test('leaves no bytes behind', () => {
    const server = new ServerSide();
    server.feed('GET /1 HTTP/1.1\r\nHo');
    server.feed('st: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n');
    server.reply();
    server.feed('\r\n');
    assert.equal(server.head.path, '/2');
  });
});
