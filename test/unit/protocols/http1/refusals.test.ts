/** One case for each way in which a request is refused, with its status; and what is close to them and passes. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ResponseHeaderList } from '../../../../src/api/index.ts';
import { ServerSide } from './support.ts';

const HOST = 'Host: a\r\n';

function get(lines: string, line = 'GET / HTTP/1.1'): string {
  return `${line}\r\n${HOST}${lines}\r\n`;
}

function post(lines: string, body = ''): string {
  return `POST / HTTP/1.1\r\n${HOST}${lines}\r\n${body}`;
}

function chunked(body: string): string {
  return post('Transfer-Encoding: chunked\r\n', body);
}

const refusedHeads: Record<string, readonly [number, string]> = {
  // Framing fields
  'Content-Length and Transfer-Encoding': [400, post('Content-Length: 3\r\nTransfer-Encoding: chunked\r\n')],
  'Transfer-Encoding and Content-Length': [400, post('Transfer-Encoding: chunked\r\nContent-Length: 3\r\n')],
  'two equal Content-Length lines': [400, post('Content-Length: 3\r\nContent-Length: 3\r\n')],
  'two different Content-Length lines': [400, post('Content-Length: 3\r\nContent-Length: 4\r\n')],
  'a list as Content-Length': [400, post('Content-Length: 5, 5\r\n')],
  'leading zero in Content-Length': [400, post('Content-Length: 05\r\n')],
  'plus sign in Content-Length': [400, post('Content-Length: +5\r\n')],
  'minus sign in Content-Length': [400, post('Content-Length: -5\r\n')],
  'hexadecimal Content-Length': [400, post('Content-Length: 0x5\r\n')],
  'underscore in Content-Length': [400, post('Content-Length: 1_0\r\n')],
  'space inside Content-Length': [400, post('Content-Length: 1 0\r\n')],
  'Content-Length of 2^53': [400, post('Content-Length: 9007199254740992\r\n')],
  'Content-Length of 20 digits': [400, post('Content-Length: 18446744073709551617\r\n')],
  'empty Content-Length': [400, post('Content-Length:\r\n')],
  'tab before Content-Length': [400, post('Content-Length:\t5\r\n')],
  'tab after Content-Length': [400, post('Content-Length: 5\t\r\n')],
  xchunked: [400, post('Transfer-Encoding: xchunked\r\n')],
  'chunked with a parameter': [400, post('Transfer-Encoding: chunked;q=1\r\n')],
  'chunked first': [400, post('Transfer-Encoding: chunked, gzip\r\n')],
  'chunked twice': [400, post('Transfer-Encoding: chunked, chunked\r\n')],
  'chunked after a comma': [400, post('Transfer-Encoding: , chunked\r\n')],
  'chunked before a comma': [400, post('Transfer-Encoding: chunked,\r\n')],
  identity: [400, post('Transfer-Encoding: identity\r\n')],
  'empty Transfer-Encoding': [400, post('Transfer-Encoding:\r\n')],
  'two Transfer-Encoding lines': [400, post('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n')],
  'quoted chunked': [400, post('Transfer-Encoding: "chunked"\r\n')],
  'tab before chunked': [400, post('Transfer-Encoding:\tchunked\r\n')],
  'vertical tab before chunked': [400, post('Transfer-Encoding: \x0bchunked\r\n')],
  'form feed before chunked': [400, post('Transfer-Encoding: \x0cchunked\r\n')],
  'NUL before chunked': [400, post('Transfer-Encoding: \0chunked\r\n')],
  'folded Transfer-Encoding': [400, post('Transfer-Encoding:\r\n chunked\r\n')],
  'a coding before chunked': [501, post('Transfer-Encoding: gzip, chunked\r\n')],
  'chunked on HTTP/1.0': [400, 'POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n'],
  Transfer_Encoding: [400, post('Transfer_Encoding: chunked\r\n')],
  content_length: [400, post('content_length: 3\r\n')],
  // Lines
  'space before the colon': [400, get('X-A : 1\r\n')],
  'tab before the colon': [400, get('X-A\t: 1\r\n')],
  'parenthesis in a name': [400, get('X(A: 1\r\n')],
  'byte over 127 in a name': [400, get('X-\xe9: 1\r\n')],
  'NUL in a name': [400, get('X-\0: 1\r\n')],
  'empty name': [400, get(': 1\r\n')],
  'no colon': [400, get('X-A\r\n')],
  'obs-fold': [400, get('X-A: 1\r\n 2\r\n')],
  'obs-fold by tab': [400, get('X-A: 1\r\n\t2\r\n')],
  'space before the first name': [400, `GET / HTTP/1.1\r\n ${HOST}\r\n`],
  'bare CR in a value': [400, get('X-A: 1\r2\r\n')],
  'bare LF in a value': [400, get('X-A: 1\nX-B: 2\r\n')],
  'NUL in a value': [400, get('X-A: 1\x002\r\n')],
  'DEL in a value': [400, get('X-A: 1\x7f2\r\n')],
  'CR CR LF at the end of a line': [400, get('X-A: 1\r\r\n')],
  'LF alone as empty line': [400, `GET / HTTP/1.1\r\n${HOST}\n`],
  'LF alone everywhere': [400, 'GET / HTTP/1.1\nHost: a\n\n'],
  // Request line
  'two spaces before the target': [400, get('', 'GET  / HTTP/1.1')],
  'two spaces after the target': [400, get('', 'GET /  HTTP/1.1')],
  'space after the version': [400, get('', 'GET / HTTP/1.1 ')],
  'tab as separator': [400, get('', 'GET\t/ HTTP/1.1')],
  'space before the method': [400, get('', ' GET / HTTP/1.1')],
  'no target': [400, get('', 'GET HTTP/1.1')],
  'NUL in the target': [400, get('', 'GET /\0 HTTP/1.1')],
  'byte over 127 in the target': [400, get('', 'GET /\xe9 HTTP/1.1')],
  'fragment in the target': [400, get('', 'GET /a#b HTTP/1.1')],
  'target without a slash': [400, get('', 'GET a HTTP/1.1')],
  'no byte of a token in the method': [400, get('', 'G(T / HTTP/1.1')],
  'lower case version': [400, get('', 'GET / http/1.1')],
  'version of three parts': [400, get('', 'GET / HTTP/1.1.1')],
  'version without a dot': [400, get('', 'GET / HTTP/11')],
  'HTTP/0.9': [400, 'GET /\r\n'],
  'version 1.2': [505, get('', 'GET / HTTP/1.2')],
  'version 2.0': [505, get('', 'GET / HTTP/2.0')],
  'the preface of HTTP/2': [505, 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  'two empty lines before the request': [400, `\r\n\r\n${get('')}`],
  'LF before the request': [400, `\n${get('')}`],
  'asterisk outside OPTIONS': [400, get('', 'GET * HTTP/1.1')],
  'asterisk and more': [400, get('', 'OPTIONS *a HTTP/1.1')],
  'another scheme': [400, get('', 'GET ftp://a/ HTTP/1.1')],
  'absolute form without a host': [400, get('', 'GET http:/// HTTP/1.1')],
  'absolute form that differs from Host': [400, get('', 'GET http://b/ HTTP/1.1')],
  'absolute form whose prefix is Host': [400, get('', 'GET http://ab/ HTTP/1.1')],
  'user information in the target': [400, get('', 'GET http://u@a/ HTTP/1.1')],
  'CONNECT without a port': [400, get('', 'CONNECT a HTTP/1.1')],
  'CONNECT to a path': [400, get('', 'CONNECT /a HTTP/1.1')],
  'CONNECT to port 0': [400, get('', 'CONNECT a:0 HTTP/1.1')],
  'CONNECT to port 65536': [400, get('', 'CONNECT a:65536 HTTP/1.1')],
  'CONNECT to a port with a letter': [400, get('', 'CONNECT a:8o HTTP/1.1')],
  'CONNECT to another host than Host': [400, get('', 'CONNECT b:80 HTTP/1.1')],
  'CONNECT with a body': [400, get('Content-Length: 1\r\n', 'CONNECT a:80 HTTP/1.1')],
  // Host
  'no Host': [400, 'GET / HTTP/1.1\r\n\r\n'],
  'two Host lines': [400, get('Host: a\r\n')],
  'two Host lines on HTTP/1.0': [400, 'GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n'],
  'comma in Host': [400, 'GET / HTTP/1.1\r\nHost: a,b\r\n\r\n'],
  'space in Host': [400, 'GET / HTTP/1.1\r\nHost: a b\r\n\r\n'],
  'slash in Host': [400, 'GET / HTTP/1.1\r\nHost: a/b\r\n\r\n'],
  'at sign in Host': [400, 'GET / HTTP/1.1\r\nHost: a@b\r\n\r\n'],
  'percent in Host': [400, 'GET / HTTP/1.1\r\nHost: a%0d\r\n\r\n'],
  'two ports in Host': [400, 'GET / HTTP/1.1\r\nHost: a:1:2\r\n\r\n'],
  'empty port in Host': [400, 'GET / HTTP/1.1\r\nHost: a:\r\n\r\n'],
  'open bracket in Host': [400, 'GET / HTTP/1.1\r\nHost: [::1\r\n\r\n'],
  'letters beyond f in an address': [400, 'GET / HTTP/1.1\r\nHost: [::g]\r\n\r\n'],
  // Connection
  'Connection that is no list of tokens': [400, get('Connection: close; x\r\n')],
  'Connection with 17 names': [400, get(`Connection: ${Array.from({ length: 17 }, (_, i) => `n${i}`)}\r\n`)],
  // Limits
  'long target': [414, `GET /${'a'.repeat(70)}`],
  'long method': [414, 'A'.repeat(70)],
  'long head': [431, get('X-A: 1234567890123456789012345678901234567890\r\n')],
  'long head without an end': [431, `GET / HTTP/1.1\r\nX-A: ${'1'.repeat(70)}`],
};

const limits: Record<string, { max_header_size: number }> = {
  'long target': { max_header_size: 64 },
  'long method': { max_header_size: 64 },
  'long head': { max_header_size: 64 },
  'long head without an end': { max_header_size: 64 },
};

describe('a head is refused', () => {
  for (const [name, [status, request]] of Object.entries(refusedHeads)) {
    test(`${status} ${name}`, () => {
      const server = new ServerSide(limits[name]);
      server.feed(request);
      assert.deepEqual(server.log.take(), [`protocol error ${status}`]);
      assert.match(server.sink.output, new RegExp(`^HTTP/1\\.1 ${status} [A-Z][^\\r]+\\r\\n`));
      assert.match(server.sink.output, /\r\nConnection: close\r\n/);
      // What comes after an error is nobody's.
      server.feed(get(''));
      assert.deepEqual(server.log.take(), []);
    });
  }

  test('431 more lines than max_headers', () => {
    const server = new ServerSide({ max_headers: 3 });
    server.feed(get('A: 1\r\nB: 2\r\n'));
    assert.equal(server.heads.length, 1);
    server.reply();
    server.log.take();
    server.feed(get('A: 1\r\nB: 2\r\nC: 3\r\n'));
    assert.deepEqual(server.log.take(), ['protocol error 431']);
  });

  test('413 a Content-Length beyond max_request_body_size', () => {
    const server = new ServerSide({ max_request_body_size: 5 });
    server.feed(post('Content-Length: 6\r\n', '123456'));
    assert.deepEqual(server.log.take(), ['protocol error 413']);
    assert.match(server.sink.output, /^HTTP\/1\.1 413 /);
  });
});

const refusedBodies: Record<string, readonly [number, string]> = {
  'prefix 0x': [400, '0x5\r\nhello\r\n'],
  sign: [400, '+5\r\nhello\r\n'],
  negative: [400, '-5\r\nhello\r\n'],
  underscore: [400, '1_0\r\n'],
  'leading space': [400, ' 5\r\nhello\r\n'],
  'trailing space': [400, '5 \r\nhello\r\n'],
  'trailing tab': [400, '5\t\r\nhello\r\n'],
  '17 digits': [400, '00000000000000005\r\nhello\r\n'],
  '2^53': [400, '20000000000000\r\n'],
  'no digits': [400, '\r\nhello\r\n'],
  'no digits before an extension': [400, ';a=b\r\n'],
  'LF after the size': [400, '5\nhello\r\n'],
  'CR and another byte after the size': [400, '5\rXhello\r\n'],
  'LF in an extension': [400, '5;a\nhello\r\n'],
  'CR in an extension': [400, '5;a\rb\r\nhello\r\n'],
  'NUL in an extension': [400, '5;a\0\r\nhello\r\n'],
  'an extension without a name': [400, '5;\r\nhello\r\n'],
  'space before an extension': [400, '5 ;a\r\nhello\r\n'],
  'no line end after the data': [400, '5\r\nhello0\r\n\r\n'],
  'LF after the data': [400, '5\r\nhello\n0\r\n\r\n'],
  'CR alone after the data': [400, '5\r\nhello\rX0\r\n\r\n'],
  'data longer than its size': [400, '5\r\nhello!\r\n'],
  'trailer without a colon': [400, '0\r\nX\r\n\r\n'],
  'trailer with a bare LF': [400, '0\r\nX: 1\n\r\n'],
  'LF as end of the trailers': [400, '0\r\n\n'],
  'trailers too long': [431, `0\r\nX: ${'1'.repeat(9000)}`],
  'too many trailers': [431, `0\r\n${'X: 1\r\n'.repeat(33)}\r\n`],
};

describe('a chunked body is refused', () => {
  for (const [name, [status, body]] of Object.entries(refusedBodies)) {
    test(`${status} ${name}`, () => {
      const server = new ServerSide();
      server.feed(chunked(body));
      const lines = server.log.take();
      assert.match(lines.at(-2) ?? '', /^reset /);
      assert.equal(lines.at(-1), 'closable lingering');
      assert.match(server.sink.output, new RegExp(`^HTTP/1\\.1 ${status} `));
      assert.equal(server.codec.activeStreams, 0);
    });
  }

  test('400 extensions beyond max_chunk_extension, over several chunks', () => {
    const server = new ServerSide({ max_chunk_extension: 8 });
    server.feed(chunked('1;1234\r\na\r\n1;1234\r\nb\r\n'));
    assert.deepEqual(server.log.take().slice(1), ['data ab']);
    server.feed('1;1\r\nc\r\n');
    assert.deepEqual(server.log.take(), ['reset bad_request', 'closable lingering']);
  });

  test('413 more than max_request_body_size', () => {
    const server = new ServerSide({ max_request_body_size: 5 });
    server.feed(chunked('5\r\nhello\r\n1\r\n'));
    assert.deepEqual(server.log.take().slice(1), ['data hello', 'reset body_too_large', 'closable lingering']);
    assert.match(server.sink.output, /^HTTP\/1\.1 413 /);
  });

  test('without an answer of the codec once the response has begun', () => {
    const server = new ServerSide();
    server.onRequest = (encoder) => encoder.headers(new ResponseHeaderList(200, 10), false);
    server.feed(chunked('x'));
    assert.deepEqual(server.log.take().slice(1), ['reset bad_request', 'closable lingering']);
    assert.doesNotMatch(server.sink.output, /400/);
  });
});

const accepted: Record<string, string> = {
  'an empty line before the request': `\r\n${get('')}`,
  'a method nobody knows': get('', "BREW!#$%&'*+-.^_`|~ / HTTP/1.1"),
  'a quoted string and obs-text in a value': get('X-A: "a, b" \xe9\t\r\n'),
  'an empty value': get('X-A:\r\n'),
  'a space after Content-Length': post('Content-Length:  2  \r\n', 'ab'),
  'chunked in capitals': post('TRANSFER-ENCODING: CHUNKED\r\n', '0\r\n\r\n'),
  'sixteen digits of a chunk size': chunked('0000000000000002\r\nab\r\n0\r\n\r\n'),
  'an empty Host': 'GET / HTTP/1.1\r\nHost:\r\n\r\n',
  'HTTP/1.0 without Host': 'GET / HTTP/1.0\r\n\r\n',
  'an address as Host': 'GET / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n',
  'an underscore in Host': 'GET / HTTP/1.1\r\nHost: my_service:80\r\n\r\n',
  'OPTIONS of everything': get('', 'OPTIONS * HTTP/1.1'),
  'absolute form': get('', 'GET http://A/x HTTP/1.1'),
  'two slashes': get('', 'GET //a HTTP/1.1'),
  'CONNECT whose Host has no port': get('', 'CONNECT a:443 HTTP/1.1'),
};

describe('a request passes', () => {
  for (const [name, request] of Object.entries(accepted)) {
    test(name, () => {
      const server = new ServerSide();
      server.feed(request);
      assert.match(server.log.take()[0] ?? '', /^request /);
      assert.equal(server.sink.output, '');
    });
  }
});
