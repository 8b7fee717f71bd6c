import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { HeaderList, Reason, RequestHeaderList } from '../../../../src/api/index.ts';
import { ClientSide } from './support.ts';

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

function get(): RequestHeaderList {
  return new RequestHeaderList('GET', '/', 'a');
}

function post(length: number): RequestHeaderList {
  return new RequestHeaderList('POST', '/', 'a', length);
}

/** A client that has sent a GET. */
function asked(headers = get(), end = true): ClientSide {
  const client = new ClientSide();
  client.request(headers, end);
  client.sink.take();
  return client;
}

function upgrade(): RequestHeaderList {
  const headers = get();
  headers.upgrade = 'websocket';
  return headers;
}

describe('requests', () => {
  test('without a body', () => {
    const client = new ClientSide();
    client.request(get());
    assert.equal(client.sink.take(), 'GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  });

  for (const [method, line] of [
    ['POST', 'Content-Length: 0\r\n'],
    ['PUT', 'Content-Length: 0\r\n'],
    ['PATCH', 'Content-Length: 0\r\n'],
    ['DELETE', ''],
    ['OPTIONS', ''],
  ] as const) {
    test(`${method} without a body`, () => {
      const client = new ClientSide();
      client.request(new RequestHeaderList(method, '/', 'a', 5));
      assert.equal(client.sink.take(), `${method} / HTTP/1.1\r\nHost: a\r\n${line}\r\n`);
    });
  }

  test('with a body of known length', () => {
    const client = new ClientSide();
    const encoder = client.request(post(5), false);
    encoder.data(Buffer.from('hello'), true);
    assert.equal(client.sink.take(), 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello');
  });

  test('with chunks and trailers', () => {
    const client = new ClientSide();
    const encoder = client.request(post(-1), false);
    encoder.data(Buffer.from('hello'), false);
    const trailers = new HeaderList();
    trailers.append('X-Sum', '1');
    encoder.trailers(trailers);
    assert.equal(
      client.sink.take(),
      'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n',
    );
  });

  test('a foreign head: cookies are joined, what belongs to one connection is left out', () => {
    const client = new ClientSide();
    const headers = get();
    for (const [name, value] of [
      ['cookie', 'a=1'],
      ['x-a', '1'],
      ['cookie', 'b=2'],
      ['host', 'other'],
      ['connection', 'x-a'],
      ['transfer-encoding', 'chunked'],
      ['te', 'trailers'],
    ] as const) {
      headers.append(name, value);
    }
    client.request(headers);
    assert.equal(
      client.sink.take(),
      'GET / HTTP/1.1\r\nHost: a\r\nx-a: 1\r\nTE: trailers\r\nCookie: a=1; b=2\r\nConnection: TE\r\n\r\n',
    );
  });

  for (const [name, spoil] of [
    ['path with a line end', (h: RequestHeaderList) => (h.path = '/ HTTP/1.1\r\nX: 1')],
    ['path with a space', (h: RequestHeaderList) => (h.path = '/ a')],
    ['empty path', (h: RequestHeaderList) => (h.path = '')],
    ['path beyond Latin-1', (h: RequestHeaderList) => (h.path = '/\u010a')],
    ['method with a space', (h: RequestHeaderList) => (h.method = 'GET /')],
    ['host with a line end', (h: RequestHeaderList) => (h.authority = 'a\r\nX: 1')],
    ['upgrade with a line end', (h: RequestHeaderList) => (h.upgrade = 'a\r\nX: 1')],
    ['twin of a framing field', (h: RequestHeaderList) => h.append('content_length', '1')],
  ] as const) {
    test(`refuses a foreign head: ${name}`, () => {
      const client = new ClientSide();
      const headers = get();
      spoil(headers);
      assert.throws(() => client.request(headers), TypeError);
      assert.equal(client.sink.take(), '');
    });
  }

  test('a body longer than announced ends the connection and tells the stream', () => {
    const client = new ClientSide();
    const encoder = client.request(post(2), false);
    encoder.data(Buffer.from('abc'), false);
    assert.deepEqual(client.log.take(), ['spent', 'reset internal_error']);
    assert.match(client.sink.take(), /\r\n\r\n$/);
  });

  test('one at a time', () => {
    const client = asked();
    assert.equal(client.codec.activeStreams, 1);
    assert.throws(() => client.codec.newStream(client.receiver()));
  });
});

describe('the end of a response', () => {
  for (const [name, text, events] of [
    ['by length', OK, ['data ok', 'end', 'reusable']],
    ['by length 0', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', ['end', 'reusable']],
    [
      'by chunks',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
      ['data ok', 'end', 'reusable'],
    ],
    [
      'by chunks with trailers',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: 1\r\nContent-Length: 3\r\nHost: b\r\n\r\n',
      ['trailers X="1"', 'reusable'],
    ],
    ['204', 'HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n', ['end', 'reusable']],
    ['304', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n', ['end', 'reusable']],
    [
      'Connection: close',
      `HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok`,
      ['data ok', 'end', 'spent'],
    ],
    [
      'HTTP/1.0',
      'HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok',
      ['data ok', 'end', 'spent'],
    ],
    ['more bytes than its length', `${OK}x`, ['data ok', 'end', 'spent']],
    ['a second response', OK + OK, ['data ok', 'end', 'spent']],
    ['a body after 204', 'HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nok', ['end', 'spent']],
  ] as const) {
    test(name, () => {
      const client = asked();
      client.feed(text);
      assert.deepEqual(client.log.take().slice(1), events);
      assert.equal(client.codec.activeStreams, 0);
    });
  }

  test('HEAD', () => {
    const client = asked(new RequestHeaderList('HEAD', '/', 'a'));
    client.feed('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n');
    assert.deepEqual(client.log.take().slice(1), ['end', 'reusable']);
    assert.equal(client.head?.contentLength, 5);
  });

  test('by the end of the connection', () => {
    const client = asked();
    client.feed('HTTP/1.1 200 OK\r\n\r\nhello');
    client.feed(' world');
    client.codec.onEnd();
    assert.deepEqual(client.log.take().slice(1), ['data hello world', 'end', 'spent']);
  });

  test('the same connection again', () => {
    const client = asked();
    client.feed(OK);
    client.log.take();
    client.request(get());
    client.feed(OK);
    assert.deepEqual(client.log.take().slice(1), ['data ok', 'end', 'reusable']);
  });
});

describe('interim responses', () => {
  test('are told one by one, before the final one', () => {
    const client = asked(post(2), false);
    client.feed('HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n');
    client.encoder.data(Buffer.from('ab'), true);
    client.feed(OK);
    assert.deepEqual(client.log.take(), [
      'interim 100',
      'interim 103 Link="x"',
      'response 200 length=2 Content-Length="2"',
      'data ok',
      'end',
      'reusable',
    ]);
  });

  test('without end are refused', () => {
    const client = asked();
    client.feed('HTTP/1.1 100 Continue\r\n\r\n'.repeat(33));
    assert.deepEqual(client.log.take().slice(-3), ['protocol error', 'spent', 'reset upstream_protocol_error']);
  });
});

describe('a response is refused', () => {
  const head = 'HTTP/1.1 200 OK\r\n';
  for (const [name, text] of [
    ['both lengths', `${head}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n`],
    ['two lengths', `${head}Content-Length: 2\r\nContent-Length: 2\r\n\r\n`],
    ['a list of lengths', `${head}Content-Length: 2, 2\r\n\r\n`],
    ['a negative length', `${head}Content-Length: -2\r\n\r\n`],
    ['a coding that is not chunked', `${head}Transfer-Encoding: gzip\r\n\r\n`],
    ['a coding before chunked', `${head}Transfer-Encoding: gzip, chunked\r\n\r\n`],
    ['chunked on HTTP/1.0', 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'],
    ['obs-fold', `${head}X: 1\r\n 2\r\n\r\n`],
    ['space before the colon', `${head}Content-Length : 2\r\n\r\n`],
    ['bare LF', 'HTTP/1.1 200 OK\nContent-Length: 2\n\n'],
    ['bare CR in the phrase', 'HTTP/1.1 200 O\rK\r\n\r\n'],
    ['no version', '200 OK\r\n\r\n'],
    ['an unknown version', 'HTTP/2.0 200 OK\r\n\r\n'],
    ['two digits', 'HTTP/1.1 20 OK\r\n\r\n'],
    ['four digits', 'HTTP/1.1 2000 OK\r\n\r\n'],
    ['a status below 100', 'HTTP/1.1 099 OK\r\n\r\n'],
    ['an empty line before it', `\r\n${head}\r\n`],
    [
      '101 that nobody asked for',
      'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
    ],
    ['a head too long', `${head}X: ${'1'.repeat(40_000)}`],
    ['too many lines', `${head}${'X: 1\r\n'.repeat(101)}\r\n`],
    ['a bad chunk size', `${head}Transfer-Encoding: chunked\r\n\r\nx\r\n`],
    ['too long chunk extensions', `${head}Transfer-Encoding: chunked\r\n\r\n1;${'a'.repeat(17_000)}`],
    ['too many trailers', `${head}Transfer-Encoding: chunked\r\n\r\n0\r\n${'X: 1\r\n'.repeat(40)}\r\n`],
  ] as const) {
    test(name, () => {
      const client = asked();
      client.feed(text);
      const lines = client.log.take();
      assert.deepEqual(lines.slice(-3), ['protocol error', 'spent', 'reset upstream_protocol_error']);
      client.feed(OK);
      assert.deepEqual(client.log.take(), []);
    });
  }

  test('a phrase may be missing, with its space', () => {
    for (const line of ['HTTP/1.1 200', 'HTTP/1.1 200 ']) {
      const client = asked();
      client.feed(`${line}\r\nContent-Length: 0\r\n\r\n`);
      assert.deepEqual(client.log.take().slice(1), ['end', 'reusable']);
    }
  });
});

describe('what the peer does unasked', () => {
  test('bytes on an idle connection', () => {
    const client = new ClientSide();
    client.feed(OK);
    assert.deepEqual(client.log.take(), ['unusable']);
  });

  test('bytes on a connection that was used', () => {
    const client = asked();
    client.feed(OK);
    client.log.take();
    client.feed('HTTP/1.1 408 Request Timeout\r\n\r\n');
    assert.deepEqual(client.log.take(), ['unusable']);
    assert.throws(() => client.codec.newStream(client.receiver()));
  });

  test('bytes before the request is written', () => {
    const client = new ClientSide();
    client.codec.newStream(client.receiver());
    client.feed(OK);
    assert.deepEqual(client.log.take(), ['spent', 'reset upstream_reset']);
  });

  test('FIN on an idle connection', () => {
    const client = new ClientSide();
    client.codec.onEnd();
    assert.deepEqual(client.log.take(), ['unusable']);
  });

  test('FIN before the head', () => {
    const client = asked();
    client.codec.onEnd();
    assert.deepEqual(client.log.take(), ['spent', 'reset upstream_reset']);
  });

  test('FIN inside the head', () => {
    const client = asked();
    client.feed('HTTP/1.1 20');
    client.codec.onEnd();
    assert.deepEqual(client.log.take(), ['spent', 'reset upstream_reset']);
  });

  for (const [name, text] of [
    ['of known length', 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok'],
    ['of chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n'],
  ] as const) {
    test(`FIN inside a body ${name}`, () => {
      const client = asked();
      client.feed(text);
      client.codec.onEnd();
      assert.deepEqual(client.log.take().slice(-2), ['spent', 'reset upstream_truncated']);
    });
  }

  test('a lost connection before and after the head', () => {
    const before = asked();
    before.codec.onClose(Reason.UpstreamReset);
    assert.deepEqual(before.log.take(), ['spent', 'reset upstream_reset']);
    const after = asked();
    after.feed('HTTP/1.1 200 OK\r\n\r\n');
    after.codec.onClose(Reason.UpstreamReset);
    assert.deepEqual(after.log.take().slice(1), ['spent', 'reset upstream_truncated']);
  });

  test('an answer before the request is written whole spends the connection', () => {
    const client = asked(post(5), false);
    client.feed(OK);
    assert.deepEqual(client.log.take().slice(1), ['data ok', 'end', 'spent']);
    client.encoder.data(Buffer.from('hello'), true);
    assert.equal(client.sink.take(), '');
  });

  test('an answer that only begins before that, too', () => {
    const client = asked(post(5), false);
    client.feed('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n');
    client.encoder.data(Buffer.from('hello'), true);
    client.feed('ok');
    assert.deepEqual(client.log.take().slice(1), ['data ok', 'end', 'spent']);
  });

  test('reset by the proxy', () => {
    const client = asked();
    client.encoder.reset();
    assert.deepEqual(client.log.take(), ['spent']);
    client.encoder.reset();
    client.feed(OK);
    assert.deepEqual(client.log.take(), []);
  });

  test('the encoder of a stream that is over does nothing to the next one', () => {
    const client = asked();
    const old = client.encoder;
    client.feed(OK);
    client.request(get());
    client.log.take();
    old.reset();
    old.pauseReading();
    client.feed(OK);
    assert.deepEqual(client.log.take().slice(1), ['data ok', 'end', 'reusable']);
  });
});

describe('pausing', () => {
  test('a host that reads slowly: the stream is told when it goes on, and the answer is read meanwhile', () => {
    const client = asked(post(5), false);
    client.sink.blocked = true;
    assert.equal(client.encoder.blocked, true);
    client.feed('HTTP/1.1 413 X\r\nContent-Length: 0\r\n\r\n');
    assert.deepEqual(client.log.take().slice(1), ['end', 'spent']);
    const other = asked(post(5), false);
    other.codec.onWritable();
    assert.deepEqual(other.log.take(), ['writable']);
  });

  test('holds the body; what has come whole survives the connection', () => {
    const client = asked();
    client.encoder.pauseReading();
    client.feed('HTTP/1.1 200 OK\r\n\r\nhello');
    assert.equal(client.log.take().length, 1);
    assert.equal(client.sink.pauses, 1);
    client.codec.onEnd();
    client.codec.onClose(Reason.UpstreamReset);
    assert.deepEqual(client.log.take(), []);
    client.encoder.resumeReading();
    client.sink.turn();
    assert.deepEqual(client.log.take(), ['data hello', 'end', 'spent']);
  });

  test('a response that was held can be reused after', () => {
    const client = asked();
    client.encoder.pauseReading();
    client.feed(OK);
    client.encoder.resumeReading();
    client.sink.turn();
    assert.deepEqual(client.log.take().slice(1), ['data ok', 'end', 'reusable']);
    assert.equal(client.sink.pauses, 0);
    client.request(get());
    client.feed(OK);
    assert.deepEqual(client.log.take().slice(1), ['data ok', 'end', 'reusable']);
  });
});

describe('tunnels', () => {
  const SWITCHED = 'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: WebSocket\r\n\r\n';

  test('an upgrade', () => {
    const client = new ClientSide();
    client.request(upgrade(), false);
    assert.equal(client.sink.take(), 'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
    client.feed(`${SWITCHED}first`);
    assert.deepEqual(client.log.take(), ['response 101 length=-1', 'data first']);
    client.encoder.data(Buffer.from('up'), false);
    assert.equal(client.sink.take(), 'up');
    client.codec.onEnd();
    assert.deepEqual(client.log.take(), ['end']);
    client.encoder.data(Buffer.from('last'), true);
    assert.equal(client.sink.take(), 'last');
    assert.equal(client.sink.ended, true);
    assert.deepEqual(client.log.take(), ['spent']);
  });

  test('the other half first', () => {
    const client = asked(upgrade(), false);
    client.feed(SWITCHED);
    client.encoder.data(Buffer.from(''), true);
    assert.equal(client.sink.ended, true);
    client.log.take();
    client.feed('more');
    client.codec.onEnd();
    assert.deepEqual(client.log.take(), ['data more', 'end', 'spent']);
  });

  test('CONNECT', () => {
    const client = new ClientSide();
    client.request(new RequestHeaderList('CONNECT', 'a:443', 'a:443'), false);
    assert.equal(client.sink.take(), 'CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n');
    client.feed('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello!');
    assert.deepEqual(client.log.take().slice(1), ['data hello!']);
  });

  test('an upgrade to something else is refused', () => {
    const client = asked(upgrade(), false);
    client.feed(SWITCHED.replace('WebSocket', 'h2c'));
    assert.deepEqual(client.log.take(), ['protocol error', 'spent', 'reset upstream_protocol_error']);
  });

  test('an upgrade that the host declines is an ordinary response', () => {
    const client = asked(upgrade(), false);
    client.feed(OK);
    assert.deepEqual(client.log.take().slice(1), ['data ok', 'end', 'reusable']);
  });
});
