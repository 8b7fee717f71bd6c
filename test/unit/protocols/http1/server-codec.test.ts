import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { HeaderList, Reason, ResponseHeaderList } from '../../../../src/api/index.ts';
import { ServerSide } from './support.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

function get(path: string, lines = ''): string {
  return `GET ${path} HTTP/1.1\r\nHost: a\r\n${lines}\r\n`;
}

function post(lines: string, body = ''): string {
  return `POST / HTTP/1.1\r\nHost: a\r\n${lines}\r\n${body}`;
}

function request(server: ServerSide, text: string): void {
  server.feed(text);
  server.log.take();
}

describe('framing of the response', () => {
  test('content-length when it is known', () => {
    const server = new ServerSide();
    request(server, GET);
    server.reply('hello');
    assert.equal(server.sink.take(), 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello');
    assert.deepEqual(server.log.take(), ['stream end']);
  });

  test('chunked when it is not', () => {
    const server = new ServerSide();
    request(server, GET);
    server.encoder.headers(new ResponseHeaderList(200), false);
    server.encoder.data(Buffer.from('hello'), false);
    server.encoder.data(Buffer.from('world!world!world'), true);
    assert.equal(
      server.sink.take(),
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n11\r\nworld!world!world\r\n0\r\n\r\n',
    );
  });

  test('chunked with trailers, without those that belong in a head', () => {
    const server = new ServerSide();
    request(server, GET);
    server.encoder.headers(new ResponseHeaderList(200), false);
    const trailers = new HeaderList();
    trailers.append('Grpc-Status', '0');
    trailers.append('content-length', '9');
    trailers.append('Transfer-Encoding', 'chunked');
    server.encoder.trailers(trailers);
    assert.match(server.sink.take(), /\r\n\r\n0\r\nGrpc-Status: 0\r\n\r\n$/);
    assert.deepEqual(server.log.take(), ['stream end']);
  });

  test('no body is length 0', () => {
    const server = new ServerSide();
    request(server, GET);
    server.encoder.headers(new ResponseHeaderList(404), true);
    assert.equal(server.sink.take(), 'HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n');
  });

  for (const [status, length, line] of [
    [204, 5, ''],
    [304, 5, 'Content-Length: 5\r\n'],
    [304, -1, ''],
  ] as const) {
    test(`${status} of length ${length} has no body`, () => {
      const server = new ServerSide();
      request(server, GET);
      server.encoder.headers(new ResponseHeaderList(status, length), false);
      server.encoder.data(Buffer.from('hello'), true);
      assert.match(server.sink.take(), new RegExp(`^HTTP/1\\.1 ${status} [A-Za-z ]+\\r\\n${line}\\r\\n$`));
      assert.deepEqual(server.log.take(), ['stream end']);
    });
  }

  test('the answer to HEAD tells the length and has no body', () => {
    const server = new ServerSide();
    request(server, 'HEAD / HTTP/1.1\r\nHost: a\r\n\r\n');
    server.reply('hello');
    assert.equal(server.sink.take(), 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n');
    request(server, GET);
    assert.equal(server.encoders.length, 2);
  });

  test('HTTP/1.0 gets no chunks: the end of the connection ends the body', () => {
    const server = new ServerSide();
    request(server, 'GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n');
    server.encoder.headers(new ResponseHeaderList(200), false);
    server.encoder.data(Buffer.from('hello'), true);
    assert.equal(server.sink.take(), 'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello');
    assert.deepEqual(server.log.take(), ['stream end', 'closable']);
  });

  test('HTTP/1.0 is kept alive only if it asks', () => {
    const server = new ServerSide();
    request(server, 'GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n');
    server.reply('hello');
    assert.match(server.sink.take(), /Content-Length: 5\r\nConnection: keep-alive\r\n\r\nhello$/);
    assert.deepEqual(server.log.take(), ['stream end']);
    request(server, 'GET / HTTP/1.0\r\n\r\n');
    server.reply('hello');
    assert.match(server.sink.take(), /\r\nConnection: close\r\n/);
    assert.deepEqual(server.log.take(), ['stream end', 'closable']);
  });

  test('hop-by-hop lines and framing of a foreign head are not written', () => {
    const server = new ServerSide();
    request(server, GET);
    const head = new ResponseHeaderList(200, 2);
    for (const [name, value] of [
      ['Transfer-Encoding', 'chunked'],
      ['Content-Length', '77'],
      ['Connection', 'x'],
      ['Keep-Alive', 'timeout=5'],
      ['Upgrade', 'h2c'],
      ['X-A', '1'],
    ] as const) {
      head.append(name, value);
    }
    server.encoder.headers(head, false);
    assert.equal(server.sink.take(), 'HTTP/1.1 200 OK\r\nX-A: 1\r\nContent-Length: 2\r\n\r\n');
  });

  test('text beyond Latin-1 leaves as UTF-8, never as another byte', () => {
    const server = new ServerSide();
    request(server, GET);
    const head = new ResponseHeaderList(200, 0);
    head.append('X-A', 'a\u010aX-B: 1');
    server.encoder.headers(head, true);
    assert.match(server.sink.take(), /\r\nX-A: a\xc4\x8aX-B: 1\r\n/);
  });

  test('a body longer than announced ends the connection before a byte of it could be another message', () => {
    const server = new ServerSide();
    request(server, GET);
    server.encoder.headers(new ResponseHeaderList(200, 2), false);
    server.encoder.data(Buffer.from('abc'), false);
    assert.deepEqual(server.log.take(), ['reset internal_error', 'closable']);
    assert.match(server.sink.take(), /\r\n\r\n$/);
  });

  test('a body shorter than announced ends the connection', () => {
    const server = new ServerSide();
    request(server, GET);
    server.encoder.headers(new ResponseHeaderList(200, 3), false);
    server.encoder.data(Buffer.from('ab'), true);
    assert.deepEqual(server.log.take(), ['reset internal_error', 'closable']);
  });
});

describe('interim responses', () => {
  test('go out before the final one', () => {
    const server = new ServerSide();
    request(server, post('Expect: 100-continue\r\nContent-Length: 2\r\n'));
    assert.equal(server.sink.take(), '', 'the codec answers no expectation itself');
    server.encoder.informational(new ResponseHeaderList(100));
    assert.equal(server.sink.take(), 'HTTP/1.1 100 Continue\r\n\r\n');
    server.feed('ab');
    server.reply();
    server.encoder.informational(new ResponseHeaderList(103));
    assert.doesNotMatch(server.sink.take(), /103/);
  });

  test('are kept from HTTP/1.0', () => {
    const server = new ServerSide();
    request(server, 'GET / HTTP/1.0\r\n\r\n');
    server.encoder.informational(new ResponseHeaderList(103));
    assert.equal(server.sink.take(), '');
  });

  test('cannot be given as the final one', () => {
    const server = new ServerSide();
    request(server, GET);
    assert.throws(() => server.encoder.headers(new ResponseHeaderList(101), false), TypeError);
    assert.throws(() => server.encoder.headers(new ResponseHeaderList(100), true), TypeError);
  });
});

describe('several requests on a connection', () => {
  test('pipelined ones are answered in order, one at a time', () => {
    const server = new ServerSide();
    server.feed(get('/1') + get('/2') + get('/3'));
    assert.equal(server.heads.length, 1);
    server.reply('one');
    assert.equal(server.head.path, '/2');
    server.reply('two');
    server.reply('three');
    assert.deepEqual(server.sink.take().match(/one|two|three/g), ['one', 'two', 'three']);
    assert.equal(server.codec.activeStreams, 0);
  });

  test('the next one does not begin inside the encoder that ends the last', () => {
    const server = new ServerSide();
    server.feed(get('/1') + get('/2'));
    server.encoder.headers(new ResponseHeaderList(204), true);
    assert.equal(server.heads.length, 1);
    server.sink.turn();
    assert.equal(server.heads.length, 2);
  });

  test('many that are answered at once do not nest', () => {
    const server = new ServerSide();
    let depth = 0;
    server.onRequest = (encoder) => {
      assert.equal(++depth, 1);
      encoder.headers(new ResponseHeaderList(204), true);
      depth--;
    };
    server.feed(GET.repeat(2000));
    assert.equal(server.heads.length, 2000);
  });

  test('a bad second one does not touch the first', () => {
    const server = new ServerSide();
    server.feed(`${GET}BAD\r\n\r\n`);
    assert.doesNotMatch(server.sink.output, /400/);
    server.reply('one');
    assert.match(server.sink.take(), /^HTTP\/1\.1 200 OK\r\nContent-Length: 3\r\n\r\noneHTTP\/1\.1 400 Bad Request/);
    assert.deepEqual(server.log.take().slice(-2), ['stream end', 'protocol error 400']);
  });

  test('bodies are kept apart', () => {
    const server = new ServerSide();
    server.feed(post('Content-Length: 3\r\n', 'abc') + post('Transfer-Encoding: chunked\r\n', '1\r\nd\r\n0\r\n\r\n'));
    assert.deepEqual(server.log.take().slice(1), ['data abc', 'end']);
    server.reply();
    assert.deepEqual(server.log.take().slice(2), ['data d', 'end']);
  });

  test('reading stops at max_pipelined and goes on when there is room', () => {
    const server = new ServerSide({ max_pipelined: 100 });
    request(server, GET);
    server.feed(get('/2'));
    assert.equal(server.sink.pauses, 0, 'an abort must be seen');
    server.feed(get('/3', `X: ${'1'.repeat(100)}\r\n`));
    assert.equal(server.sink.pauses, 1);
    server.reply();
    server.reply();
    assert.equal(server.head.path, '/3');
    assert.equal(server.sink.pauses, 0);
  });

  test('a client that reads no answers gets no further ones', () => {
    const server = new ServerSide();
    request(server, GET);
    server.sink.blocked = true;
    server.feed(GET);
    server.reply();
    assert.equal(server.heads.length, 1);
    assert.equal(server.sink.pauses, 1);
    server.sink.blocked = false;
    server.codec.onWritable();
    server.sink.turn();
    assert.equal(server.heads.length, 2);
    assert.equal(server.sink.pauses, 0);
  });

  test('Connection: close of the client drops what it sends after it', () => {
    const server = new ServerSide();
    server.feed(get('/1', 'Connection: close\r\n') + GET);
    server.reply();
    assert.match(server.sink.take(), /\r\nConnection: close\r\n/);
    assert.deepEqual(server.log.take().slice(2), ['stream end', 'closable lingering']);
    assert.equal(server.heads.length, 1);
  });
});

describe('an early response', () => {
  test('is delivered whole, closes the connection and drops the rest of the request', () => {
    const server = new ServerSide();
    request(server, post('Content-Length: 10\r\n', 'abc'));
    server.reply('no', 403);
    assert.equal(server.sink.take(), 'HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno');
    assert.deepEqual(server.log.take(), ['stream end', 'closable lingering']);
    server.feed('defghij');
    assert.deepEqual(server.log.take(), []);
  });

  test('goes on beside the request', () => {
    const server = new ServerSide();
    request(server, post('Content-Length: 6\r\n', 'abc'));
    server.encoder.headers(new ResponseHeaderList(200), false);
    assert.equal(server.encoder.requestComplete, false);
    server.feed('def');
    assert.deepEqual(server.log.take(), ['data def', 'end']);
    assert.equal(server.encoder.requestComplete, true);
    server.encoder.data(Buffer.from('x'), true);
    assert.deepEqual(server.log.take(), ['stream end', 'closable']);
  });
});

describe('pausing', () => {
  test('holds a body from its head on, in the middle of a read', () => {
    const server = new ServerSide();
    server.onRequest = (encoder) => encoder.pauseReading();
    server.feed(post('Content-Length: 6\r\n', 'abc'));
    assert.equal(server.log.take().length, 1);
    assert.equal(server.sink.pauses, 1);
    server.encoder.resumeReading();
    assert.deepEqual(server.log.take(), [], 'not inside the encoder');
    server.sink.turn();
    assert.deepEqual(server.log.take(), ['data abc']);
    assert.equal(server.sink.pauses, 0);
    server.feed('def');
    assert.deepEqual(server.log.take(), ['data def', 'end']);
  });

  test('holds between two chunks of a read', () => {
    const server = new ServerSide();
    request(server, post('Transfer-Encoding: chunked\r\n', '1\r\na\r\n'));
    server.encoder.pauseReading();
    server.feed('1\r\nb\r\n0\r\n\r\n');
    assert.deepEqual(server.log.take(), []);
    server.encoder.resumeReading();
    server.sink.turn();
    assert.deepEqual(server.log.take(), ['data b', 'end']);
  });

  test('a client that reads slowly: the stream is told when it goes on', () => {
    const server = new ServerSide();
    request(server, GET);
    server.encoder.headers(new ResponseHeaderList(200), false);
    server.sink.blocked = true;
    assert.equal(server.encoder.blocked, true);
    server.sink.blocked = false;
    server.codec.onWritable();
    assert.deepEqual(server.log.take(), ['writable']);
  });

  test('does nothing to a request that is complete', () => {
    const server = new ServerSide();
    request(server, GET);
    server.encoder.pauseReading();
    assert.equal(server.sink.pauses, 0);
    server.reply();
    request(server, post('Content-Length: 1\r\n', 'a'));
    assert.equal(server.encoder.requestComplete, true);
  });

  test('a long body asks for larger reads until its end', () => {
    const server = new ServerSide();
    request(server, post('Content-Length: 70000\r\n'));
    assert.equal(server.sink.bulkOn, true);
    server.feed('a'.repeat(69_999));
    server.feed('a');
    assert.equal(server.sink.bulkOn, false);
    server.reply();
    request(server, post('Content-Length: 60000\r\n'));
    assert.equal(server.sink.bulkOn, false);
  });

  test('a chunked body asks for larger reads once it has proved to be long', () => {
    const server = new ServerSide();
    request(server, post('Transfer-Encoding: chunked\r\n', '1\r\na\r\n'));
    assert.equal(server.sink.bulkOn, false);
    request(server, `11170\r\n${'a'.repeat(70_000)}\r\n`);
    assert.equal(server.sink.bulkOn, true);
    server.encoder.reset();
    assert.equal(server.sink.bulkOn, false);
  });
});

describe('ends', () => {
  test('a head that takes too long', () => {
    const server = new ServerSide();
    server.feed('GET / HTTP/1.1\r\nHo');
    server.codec.refuse(Reason.HeaderTimeout);
    assert.deepEqual(server.log.take(), ['protocol error 408']);
    assert.match(server.sink.take(), /^HTTP\/1\.1 408 Request Timeout\r\n/);
    server.codec.refuse(Reason.HeaderTimeout);
    server.feed('st: a\r\n\r\n');
    assert.deepEqual(server.log.take(), []);
  });

  test('FIN without a request', () => {
    const server = new ServerSide();
    server.codec.onEnd();
    assert.deepEqual(server.log.take(), ['closable']);
  });

  test('FIN inside a head', () => {
    const server = new ServerSide();
    server.feed('GET / HT');
    server.codec.onEnd();
    assert.deepEqual(server.log.take(), ['closable']);
  });

  test('FIN inside a body resets its stream', () => {
    const server = new ServerSide();
    request(server, post('Content-Length: 2\r\n', 'a'));
    server.codec.onEnd();
    assert.deepEqual(server.log.take(), ['reset downstream_reset', 'closable']);
    assert.equal(server.codec.activeStreams, 0);
  });

  test('FIN after a request: the answer is still owed, and is the last', () => {
    const server = new ServerSide();
    request(server, GET);
    server.codec.onEnd();
    assert.deepEqual(server.log.take(), []);
    server.reply();
    assert.match(server.sink.take(), /\r\nConnection: close\r\n/);
    assert.deepEqual(server.log.take(), ['stream end', 'closable']);
  });

  test('FIN after pipelined requests: all are answered', () => {
    const server = new ServerSide();
    server.feed(get('/1') + get('/2'));
    server.codec.onEnd();
    server.reply();
    assert.equal(server.head.path, '/2');
    server.log.take();
    server.reply();
    assert.deepEqual(server.log.take(), ['stream end', 'closable']);
  });

  test('FIN while a body is held back: the body is delivered first', () => {
    const server = new ServerSide();
    server.onRequest = (encoder) => encoder.pauseReading();
    server.feed(post('Content-Length: 3\r\n', 'abc'));
    server.codec.onEnd();
    server.log.take();
    server.encoder.resumeReading();
    server.sink.turn();
    assert.deepEqual(server.log.take(), ['data abc', 'end']);
    server.reply();
    assert.deepEqual(server.log.take(), ['stream end', 'closable']);
  });

  test('FIN after the head of the response: closes at its end', () => {
    const server = new ServerSide();
    request(server, GET);
    server.encoder.headers(new ResponseHeaderList(200, 2), false);
    server.codec.onEnd();
    server.encoder.data(Buffer.from('ok'), true);
    server.sink.turn();
    assert.deepEqual(server.log.take(), ['stream end', 'closable']);
  });

  test('a lost connection resets the stream with the reason given', () => {
    const server = new ServerSide();
    request(server, GET);
    server.codec.onClose(Reason.Shutdown);
    assert.deepEqual(server.log.take(), ['reset shutdown']);
    server.reply();
    assert.equal(server.sink.take(), '');
    assert.deepEqual(server.log.take(), []);
  });

  test('reset by the proxy', () => {
    const server = new ServerSide();
    request(server, GET);
    server.encoder.reset();
    server.encoder.reset();
    assert.deepEqual(server.log.take(), ['closable']);
    server.feed(GET);
    assert.equal(server.heads.length, 1);
  });

  test('drain of an idle connection', () => {
    const server = new ServerSide();
    server.codec.drain();
    assert.deepEqual(server.log.take(), ['closable']);
  });

  test('drain of a connection that is about to close', () => {
    const server = new ServerSide();
    request(server, 'BAD\r\n');
    server.codec.drain();
    assert.deepEqual(server.log.take(), []);
  });

  test('drain during a request', () => {
    const server = new ServerSide();
    request(server, GET);
    server.codec.drain();
    assert.deepEqual(server.log.take(), []);
    server.reply();
    assert.match(server.sink.take(), /\r\nConnection: close\r\n/);
    assert.deepEqual(server.log.take(), ['stream end', 'closable']);
  });

  test('drain after the head of the response', () => {
    const server = new ServerSide();
    request(server, GET);
    server.encoder.headers(new ResponseHeaderList(200, 2), false);
    server.codec.drain();
    server.encoder.data(Buffer.from('ok'), true);
    assert.deepEqual(server.log.take(), ['stream end', 'closable']);
  });

  test('drain inside a head lets the request finish', () => {
    const server = new ServerSide();
    server.feed('GET / HTTP/1.1\r\n');
    server.codec.drain();
    assert.deepEqual(server.log.take(), []);
    server.feed('Host: a\r\n\r\n');
    server.reply();
    assert.match(server.sink.take(), /\r\nConnection: close\r\n/);
  });
});

describe('tunnels', () => {
  const UPGRADE = get('/', 'Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n');
  const CONNECT = 'CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n';

  test('101: bytes pass both ways, also those that came before the answer', () => {
    const server = new ServerSide();
    let sawEnd: boolean | undefined;
    server.onRequest = (_encoder, _headers, end) => {
      sawEnd = end;
    };
    server.feed(`${UPGRADE}early`);
    assert.match(server.log.take()[0] ?? '', / upgrade=websocket /);
    assert.equal(sawEnd, false);
    assert.equal(server.encoder.requestComplete, true);
    const head = new ResponseHeaderList(101);
    head.append('Sec-WebSocket-Accept', 'x');
    head.append('Content-Length', '5');
    server.encoder.headers(head, false);
    assert.equal(
      server.sink.take(),
      'HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
    );
    server.sink.turn();
    assert.deepEqual(server.log.take(), ['data early']);
    server.feed(GET);
    assert.deepEqual(server.log.take(), [`data ${GET}`]);
    server.encoder.data(Buffer.from('down'), false);
    assert.equal(server.sink.take(), 'down');
  });

  test('each half ends by itself, the client first', () => {
    const server = new ServerSide();
    request(server, UPGRADE);
    server.encoder.headers(new ResponseHeaderList(101), false);
    assert.equal(server.codec.owesAnswer, false);
    server.codec.onEnd();
    assert.deepEqual(server.log.take(), ['end']);
    assert.equal(server.sink.ended, false);
    server.encoder.data(Buffer.from('x'), true);
    assert.equal(server.sink.ended, true);
    assert.deepEqual(server.log.take(), ['stream end', 'closable']);
  });

  test('each half ends by itself, the host first', () => {
    const server = new ServerSide();
    request(server, CONNECT);
    server.encoder.headers(new ResponseHeaderList(200, 0), false);
    assert.equal(server.sink.take(), 'HTTP/1.1 200 OK\r\n\r\n');
    server.encoder.data(Buffer.from('x'), true);
    assert.equal(server.sink.ended, true);
    assert.deepEqual(server.log.take(), []);
    server.feed('more');
    server.codec.onEnd();
    assert.deepEqual(server.log.take(), ['data more', 'end', 'stream end', 'closable']);
  });

  test('pausing works in a tunnel', () => {
    const server = new ServerSide();
    request(server, CONNECT);
    server.encoder.headers(new ResponseHeaderList(200), false);
    server.encoder.pauseReading();
    assert.equal(server.sink.pauses, 1);
    server.feed('x');
    assert.deepEqual(server.log.take(), []);
    server.encoder.resumeReading();
    server.sink.turn();
    assert.deepEqual(server.log.take(), ['data x']);
    assert.equal(server.sink.pauses, 0);
  });

  test('an upgrade that is refused leaves an ordinary connection', () => {
    const server = new ServerSide();
    request(server, UPGRADE + GET);
    server.reply('no', 403);
    assert.match(server.sink.take(), /^HTTP\/1\.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno$/);
    assert.equal(server.heads.length, 2);
  });

  test('a CONNECT that is refused ends its connection: what follows it was meant for the tunnel', () => {
    const server = new ServerSide();
    request(server, CONNECT + GET);
    server.reply('no', 403);
    assert.match(server.sink.take(), /\r\nConnection: close\r\n\r\nno$/);
    assert.equal(server.heads.length, 1);
    assert.deepEqual(server.log.take().slice(-1), ['closable lingering']);
  });

  for (const [name, lines] of [
    ['h2c', 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAAA\r\n'],
    ['without the option in Connection', 'Upgrade: websocket\r\n'],
    ['with a body', 'Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 1\r\n'],
    ['of several', 'Connection: Upgrade\r\nUpgrade: websocket, h2c\r\n'],
    ['in two lines', 'Connection: Upgrade\r\nUpgrade: websocket\r\nUpgrade: h2c\r\n'],
  ] as const) {
    test(`no upgrade ${name}`, () => {
      const server = new ServerSide();
      server.feed(get('/', lines));
      const [line] = server.log.take();
      assert.match(line ?? '', / upgrade= /);
      assert.doesNotMatch(line ?? '', /settings/i);
    });
  }

  test('no upgrade on HTTP/1.0', () => {
    const server = new ServerSide();
    server.feed('GET / HTTP/1.0\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
    assert.match(server.log.take()[0] ?? '', / upgrade= /);
  });
});
