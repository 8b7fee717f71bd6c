/**
 * Attacks on framing, over the wire against the whole proxy: what one side means as one message the other must never
 * read as two. Each refusal is answered, counted and logged, its connection closed, and nothing of it reaches the other
 * side.
 */

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import {
  exchange,
  type RecordingServer,
  rawClient,
  recordingServer,
  request,
  scriptedServer,
} from './support/peers.ts';
import { cluster, routeTo, startWeft, type Weft } from './support/weft.ts';

const GET = 'GET / HTTP/1.1\r\nHost: h\r\n';
const POST = 'POST / HTTP/1.1\r\nHost: h\r\n';
const CHUNKED = `${POST}Transfer-Encoding: chunked\r\n\r\n`;

/** What is refused: name, bytes, status. */
type Attack = readonly [name: string, bytes: string, status: number];

const lengthIs = (value: string): string => `${POST}Content-Length:${value}\r\n\r\n12345`;
const encodingIs = (value: string): string => `${POST}Transfer-Encoding:${value}\r\n\r\n0\r\n\r\n`;
const targetIs = (target: string): string => `GET ${target} HTTP/1.1\r\nHost: h\r\n\r\n`;

const BEFORE_FORWARDING: Readonly<Record<string, readonly Attack[]>> = {
  'length and encoding together': [
    ['CL.TE', `${POST}Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG`, 400],
    ['TE.CL', `${POST}Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n8\r\nSMUGGLED\r\n0\r\n\r\n`, 400],
    ['TE.TE', `${POST}Transfer-Encoding: chunked\r\nTransfer-encoding: cow\r\n\r\n0\r\n\r\n`, 400],
    ['TE on HTTP/1.0', 'POST / HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 400],
    ['an underscore twin of the length', `${POST}Content_Length: 5\r\n\r\n`, 400],
    ['an underscore twin of the encoding', `${POST}Transfer_Encoding: chunked\r\n\r\n`, 400],
  ],
  lengths: [
    ['two that differ', `${POST}Content-Length: 5\r\nContent-Length: 6\r\n\r\n12345`, 400],
    ['two that agree', `${POST}Content-Length: 5\r\nContent-Length: 5\r\n\r\n12345`, 400],
    ['a list', lengthIs(' 5, 5'), 400],
    ['a leading zero', lengthIs(' 05'), 400],
    ['a plus sign', lengthIs(' +5'), 400],
    ['a minus sign', lengthIs(' -5'), 400],
    ['hexadecimal', lengthIs(' 0x5'), 400],
    ['an underscore', lengthIs(' 1_0'), 400],
    ['an inner space', lengthIs(' 1 0'), 400],
    ['beyond 2^53', lengthIs(' 9007199254740993'), 400],
    ['beyond 2^64', lengthIs(' 18446744073709551621'), 400],
    ['none', lengthIs(''), 400],
    ['a fraction', lengthIs(' 5.0'), 400],
    ['a form feed before it', lengthIs('\x0c5'), 400],
  ],
  encodings: [
    ['not ending in chunked', encodingIs(' chunked, gzip'), 400],
    ['one we do not have', encodingIs(' gzip, chunked'), 501],
    ['identity', encodingIs(' identity'), 400],
    ['xchunked', encodingIs(' xchunked'), 400],
    ['a parameter', encodingIs(' chunked;q=1'), 400],
    ['a leading comma', encodingIs(' , chunked'), 400],
    ['a trailing comma', encodingIs(' chunked,'), 400],
    ['twice', encodingIs(' chunked, chunked'), 400],
    ['a vertical tab', encodingIs(' \x0bchunked'), 400],
    ['a form feed', encodingIs('\x0cchunked'), 400],
    ['a NUL', encodingIs(' chunked\0'), 400],
    ['a tab', encodingIs('\tchunked'), 400],
    ['none', encodingIs(''), 400],
    ['quotes', encodingIs(' "chunked"'), 400],
    ['on a folded line', `${POST}Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n`, 400],
  ],
  'header lines': [
    ['a space before the colon', `${GET}X-A : 1\r\n\r\n`, 400],
    ['a name that is no token', `${GET}X A: 1\r\n\r\n`, 400],
    ['an empty name', `${GET}: 1\r\n\r\n`, 400],
    ['no colon', `${GET}X-A\r\n\r\n`, 400],
    ['a bare CR in a value', `${GET}X-A: 1\rX-B: 2\r\n\r\n`, 400],
    ['a bare LF in a value', `${GET}X-A: 1\nX-B: 2\r\n\r\n`, 400],
    ['a NUL in a value', `${GET}X-A: 1\x002\r\n\r\n`, 400],
    ['a folded line', `${GET}X-A: 1\r\n 2\r\n\r\n`, 400],
    ['a first line that is folded', 'GET / HTTP/1.1\r\n Host: h\r\n\r\n', 400],
    ['LF as line end', 'GET / HTTP/1.1\nHost: h\n\n', 400],
    ['a high byte in a name', `${GET}X-\xe9: 1\r\n\r\n`, 400],
    ['too many', `${GET}${'X-A: 1\r\n'.repeat(200)}\r\n`, 431],
    ['too large', `${GET}X-A: ${'a'.repeat(40_000)}\r\n\r\n`, 431],
  ],
  'request lines': [
    ['LF as separator', 'GET\n/ HTTP/1.1\r\nHost: h\r\n\r\n', 400],
    ['two spaces', 'GET  / HTTP/1.1\r\nHost: h\r\n\r\n', 400],
    ['a tab', 'GET\t/ HTTP/1.1\r\nHost: h\r\n\r\n', 400],
    ['a NUL', targetIs('/\0'), 400],
    ['a high byte', targetIs('/\xe9'), 400],
    ['an absolute form that Host contradicts', targetIs('http://other/'), 400],
    ['user information', 'GET http://a@h/ HTTP/1.1\r\nHost: h\r\n\r\n', 400],
    ['a backslash', targetIs('/\\evil'), 400],
    ['an encoded NUL', targetIs('/%00'), 400],
    ['an encoded line end', targetIs('/%0d%0aX:1'), 400],
    ['over-long UTF-8', targetIs('/%c0%ae%c0%ae/'), 400],
    ['a relative path', targetIs('evil'), 400],
    ['a lone asterisk on GET', targetIs('*'), 400],
    ['an unknown minor version', 'GET / HTTP/1.2\r\nHost: h\r\n\r\n', 505],
    ['an unknown major version', 'GET / HTTP/3.0\r\nHost: h\r\n\r\n', 505],
    ['HTTP/0.9', 'GET /\r\n\r\n', 400],
    ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 505],
    ['a lower-case version', 'GET / http/1.1\r\nHost: h\r\n\r\n', 400],
    ['too long', targetIs(`/${'a'.repeat(40_000)}`), 414],
    ['no Host', 'GET / HTTP/1.1\r\n\r\n', 400],
    ['two Hosts', `${GET}Host: h\r\n\r\n`, 400],
    ['Host with a comma', 'GET / HTTP/1.1\r\nHost: a,b\r\n\r\n', 400],
    ['Host with a path', 'GET / HTTP/1.1\r\nHost: h/x\r\n\r\n', 400],
    ['Host with user information', 'GET / HTTP/1.1\r\nHost: a@h\r\n\r\n', 400],
    ['CONNECT without a port', 'CONNECT h HTTP/1.1\r\nHost: h\r\n\r\n', 400],
    ['CONNECT with a path', 'CONNECT /x HTTP/1.1\r\nHost: h\r\n\r\n', 400],
  ],
};

/** Refused when the head has been forwarded already: the upstream must see an unfinished body and a closed connection. */
const IN_BODY: Readonly<Record<string, readonly Attack[]>> = {
  'chunk sizes': [
    ['0x', `${CHUNKED}0x5\r\nhello\r\n0\r\n\r\n`, 400],
    ['a sign', `${CHUNKED}+5\r\nhello\r\n0\r\n\r\n`, 400],
    ['a minus', `${CHUNKED}-5\r\nhello\r\n0\r\n\r\n`, 400],
    ['an underscore', `${CHUNKED}0_5\r\nhello\r\n0\r\n\r\n`, 400],
    ['a leading space', `${CHUNKED} 5\r\nhello\r\n0\r\n\r\n`, 400],
    ['a trailing space', `${CHUNKED}5 \r\nhello\r\n0\r\n\r\n`, 400],
    ['more than 16 digits', `${CHUNKED}00000000000000005\r\nhello\r\n0\r\n\r\n`, 400],
    ['overflow', `${CHUNKED}ffffffffffffffff\r\nhello\r\n0\r\n\r\n`, 400],
    ['none', `${CHUNKED}\r\nhello\r\n0\r\n\r\n`, 400],
    ['LF as line end', `${CHUNKED}5\nhello\r\n0\r\n\r\n`, 400],
    ['CR and something else', `${CHUNKED}5\rXhello\r\n0\r\n\r\n`, 400],
    ['no line end after the data', `${CHUNKED}5\r\nhello0\r\n\r\n`, 400],
    ['more data than announced', `${CHUNKED}3\r\nhello\r\n0\r\n\r\n`, 400],
    ['LF after the data', `${CHUNKED}5\r\nhello\n0\r\n\r\n`, 400],
    ['LF in an extension', `${CHUNKED}5;a\nb\r\nhello\r\n0\r\n\r\n`, 400],
    ['CR in an extension', `${CHUNKED}5;a\rb\r\nhello\r\n0\r\n\r\n`, 400],
    ['NUL in an extension', `${CHUNKED}5;a\0b\r\nhello\r\n0\r\n\r\n`, 400],
    ['extensions without end', `${CHUNKED}5;${'a'.repeat(20_000)}\r\nhello\r\n0\r\n\r\n`, 400],
    ['LF after the last chunk', `${CHUNKED}0\n\n`, 400],
    ['a bad line in the trailers', `${CHUNKED}0\r\nX A: 1\r\n\r\n`, 400],
  ],
};

const LOG = '%response_code% %upstream_host% %request_header_x-none% %response_flag%';

for (const [groups, forwardsHead] of [
  [BEFORE_FORWARDING, false],
  [IN_BODY, true],
] as const) {
  for (const [group, attacks] of Object.entries(groups)) {
    describe(`${group}: refused`, () => {
      let upstream: RecordingServer;
      let weft: Weft;
      before(async () => {
        upstream = await recordingServer((seen, socket) => {
          // A peer that believes in the smuggled request would answer it.
          if (seen.includes('SMUGGLED') || (!forwardsHead && seen.endsWith('\r\n\r\n')))
            socket.write('HTTP/1.1 200 OK\r\n');
        });
        weft = await startWeft({
          clusters: [cluster('c', upstream.port)],
          routes: [routeTo('c')],
          accessLog: LOG,
        });
      });
      after(async () => {
        await weft[Symbol.asyncDispose]();
        await upstream[Symbol.asyncDispose]();
      });

      for (const [name, bytes, status] of attacks) {
        it(name, async () => {
          upstream.received = '';
          const errors = weft.counter('protocol_error') + weft.counter('request_end_bad_request');
          const total = weft.counter('request_total');
          // What is behind it on the connection must not be read any more.
          const text = await exchange(weft.port, `${bytes}GET /second HTTP/1.1\r\nHost: h\r\n\r\n`);
          assert.match(text, new RegExp(`^HTTP/1\\.1 ${status} `), text.slice(0, 200));
          assert.equal(text.split('HTTP/1.1 ').length, 2, 'one answer and no more');
          assert.match(text, /\r\nConnection: close\r\n/i);
          if (!forwardsHead) assert.equal(upstream.received, '');
          assert.ok(!upstream.received.includes('/second'));
          assert.ok(!upstream.received.endsWith('0\r\n\r\n'), 'the upstream sees no end of the body');
          assert.ok(weft.counter('protocol_error') + weft.counter('request_end_bad_request') > errors);
          assert.equal(weft.counter('request_total'), total + 1);
          await weft.idle();
          assert.ok(weft.books.balanced);
        });
      }

      it('and every refusal has its line in the access log', async () => {
        const lines = await weft.accessLines();
        assert.deepEqual(
          lines.map((line) => line.split(' ')[0]),
          attacks.map(([, , status]) => String(status)),
        );
        for (const line of lines) assert.match(line, / true$/, 'a response flag is set');
      });
    });
  }
}

describe('a request', () => {
  it('that hides in the body of another stays there', async () => {
    const hidden = 'GET /admin HTTP/1.1\r\nHost: h\r\n\r\n';
    await using upstream = await recordingServer((seen, socket) => {
      if (seen.includes(hidden)) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    });
    await using weft = await startWeft({ clusters: [cluster('c', upstream.port)], routes: [routeTo('c')] });
    for (const bytes of [
      `${POST}Content-Length: ${hidden.length}\r\nConnection: close\r\n\r\n${hidden}`,
      `${POST}Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n${hidden.length.toString(16)}\r\n${hidden}\r\n0\r\n\r\n`,
    ]) {
      upstream.received = '';
      const text = await exchange(weft.port, bytes);
      assert.equal(text.split('HTTP/1.1 ').length, 2);
      assert.equal(upstream.received.split('HTTP/1.1\r\n').length, 3, 'head and body, nothing of our making');
    }
    assert.equal(weft.counter('request_total'), 2);
  });

  it('cannot smuggle framing or identity in its trailers', async () => {
    await using upstream = await recordingServer((seen, socket) => {
      if (seen.endsWith('X-Fine: 1\r\n\r\n')) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    });
    await using weft = await startWeft({ clusters: [cluster('c', upstream.port)], routes: [routeTo('c')] });
    using client = await rawClient(weft.port);
    const trailers = [
      'Content-Length: 9',
      'Transfer-Encoding: x',
      'Host: evil',
      'Authorization: me',
      'Content-Type: x/y',
    ];
    client.write(`${CHUNKED}0\r\n${trailers.join('\r\n')}\r\nX-Fine: 1\r\n\r\n`);
    await client.until('ok');
    assert.ok(upstream.received.endsWith('0\r\nX-Fine: 1\r\n\r\n'), upstream.received);
  });

  it('over the limit of its body is a 413, with a length at once, in chunks when it is exceeded', async () => {
    await using upstream = await recordingServer();
    await using weft = await startWeft({
      clusters: [cluster('c', upstream.port)],
      routes: [routeTo('c')],
      proxy: { extend_config: { max_request_body_size: 10 } },
    });
    const long = await exchange(weft.port, `${POST}Content-Length: 11\r\n\r\n12345678901`);
    assert.match(long, /^HTTP\/1\.1 413 /);
    const chunked = await exchange(weft.port, `${CHUNKED}6\r\n123456\r\n6\r\n123456\r\n0\r\n\r\n`);
    assert.match(chunked, /^HTTP\/1\.1 413 /);
    assert.ok(!upstream.received.endsWith('0\r\n\r\n'));
    await weft.idle();
    assert.ok(weft.books.balanced);
  });
});

describe('an upstream that attacks', () => {
  /** Answers with these bytes; the connection stays open unless `end`. */
  async function answerWith(
    bytes: string,
    end = false,
  ): Promise<{ status: number; body: string; weft: Weft; text: string }> {
    await using upstream = await scriptedServer((_head, socket) => {
      if (!end) return bytes;
      socket.end(bytes, 'latin1');
      return undefined;
    });
    await using weft = await startWeft({
      clusters: [cluster('c', upstream.port)],
      routes: [routeTo('c')],
      proxy: { extend_config: { max_informational: 5 } },
    });
    const text = await exchange(weft.port, `${GET}Connection: close\r\n\r\n`);
    await weft.idle();
    assert.ok(weft.books.balanced);
    assert.equal(weft.upstream('c', 'connection_active'), 0, 'its connection is not used again');
    return { status: Number(text.split(' ')[1]), body: text.slice(text.indexOf('\r\n\r\n') + 4), weft, text };
  }

  const OK = 'HTTP/1.1 200 OK\r\n';
  const heads: [string, string][] = [
    ['length and encoding together', `${OK}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
    ['two lengths', `${OK}Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd`],
    ['a bad length', `${OK}Content-Length: 0x3\r\n\r\nabc`],
    ['a space before the colon', `${OK}X-A : 1\r\n\r\n`],
    ['a bare LF', 'HTTP/1.1 200 OK\nContent-Length: 0\n\n'],
    ['a folded line', `${OK}X-A: 1\r\n 2\r\nContent-Length: 0\r\n\r\n`],
    ['an encoding we do not have', `${OK}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`],
    ['no status', 'HTTP/1.1\r\n\r\n'],
    ['a status of two digits', 'HTTP/1.1 20 OK\r\n\r\n'],
    ['a status of four digits', 'HTTP/1.1 2000 OK\r\n\r\n'],
    ['something that is no HTTP', 'SSH-2.0-OpenSSH\r\n\r\n'],
    ['101 without being asked', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n'],
    ['a head without end', `${OK}X-A: ${'a'.repeat(70_000)}`],
    ['too many header lines', `${OK}${'X-A: 1\r\n'.repeat(300)}\r\n`],
    ['interim responses without end', 'HTTP/1.1 102 Processing\r\n\r\n'.repeat(50)],
  ];
  for (const [name, bytes] of heads) {
    it(`by ${name} costs its request a 502`, async () => {
      const { status, weft, text } = await answerWith(bytes);
      const final = text.slice(text.lastIndexOf('HTTP/1.1 '));
      assert.match(final, /^HTTP\/1\.1 502 Bad Gateway\r\n/, `${status} ${JSON.stringify(text.slice(0, 200))}`);
      assert.equal(weft.counter('request_502_total'), 1);
    });
  }

  it('by a body with 204 and 304 has it thrown away', async () => {
    for (const status of ['204 No Content', '304 Not Modified']) {
      const { text } = await answerWith(`HTTP/1.1 ${status}\r\nETag: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\nsmuggled`);
      assert.match(text, new RegExp(`^HTTP/1\\.1 ${status.slice(0, 3)} `));
      assert.ok(!text.includes('smuggled'));
    }
  });

  it('by a second response nobody asked for does not reach the next client', async () => {
    let turn = 0;
    await using upstream = await scriptedServer(() => {
      const wanted = `${OK}Content-Length: 1\r\n\r\n${turn++}`;
      return turn === 1 ? `${wanted}${OK}Content-Length: 6\r\n\r\npoison` : wanted;
    });
    await using weft = await startWeft({ clusters: [cluster('c', upstream.port)], routes: [routeTo('c')] });
    assert.equal((await request(weft.port, '/')).body, '0');
    assert.equal((await request(weft.port, '/')).body, '1');
    assert.equal(weft.upstream('c', 'connection_total'), 2);
  });

  const broken: [string, string, boolean][] = [
    ['a bad chunk', `${OK}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nxyz\r\n`, false],
    ['endless chunk extensions', `${OK}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3;${'e'.repeat(40_000)}`, false],
    [
      'a flood of trailers',
      `${OK}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n${'X-T: 1\r\n'.repeat(500)}\r\n`,
      false,
    ],
    ['too short a body', `${OK}Content-Length: 10\r\n\r\nabc`, true],
    ['a chunked body without its end', `${OK}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n`, true],
  ];
  for (const [name, bytes, end] of broken) {
    it(`by ${name} cuts the response off where the client can see it`, async () => {
      const { text, weft } = await answerWith(bytes, end);
      assert.match(text, /^HTTP\/1\.1 200 OK\r\n/);
      assert.ok(text.includes('abc'));
      assert.ok(!text.endsWith('0\r\n\r\n'), 'an end that was never sent is not invented');
      assert.equal(weft.books.reset, 1);
    });
  }
});
