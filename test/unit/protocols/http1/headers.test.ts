/** Heads over their text: what is seen, what changes, what leaves. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { scan } from '../../../../protocols/http1/head-scan.ts';
import type { RequestHeaders, ResponseHeaders } from '../../../../src/api/index.ts';
import { RequestHeaderList } from '../../../../src/api/index.ts';
import { ClientSide, ServerSide } from './support.ts';

function parse(text: string): RequestHeaders {
  const server = new ServerSide();
  server.feed(text);
  return server.head;
}

function get(lines: string): RequestHeaders {
  return parse(`GET /p?q HTTP/1.1\r\nHost: a\r\n${lines}\r\n`);
}

/** The head as it goes to a host. */
function sent(headers: RequestHeaders, end = true): string {
  const client = new ClientSide();
  client.request(headers, end);
  return client.sink.take();
}

/** The head as it goes to a client. */
function answered(text: string, change: (headers: ResponseHeaders) => void = () => {}): string {
  const client = new ClientSide();
  client.request(new RequestHeaderList('GET', '/', 'a'));
  client.feed(text);
  const headers = client.head as ResponseHeaders;
  change(headers);
  const server = new ServerSide();
  server.feed('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  server.encoder.headers(headers, false);
  return server.sink.take();
}

/** Has another head take the table of offsets. */
function disturb(): void {
  parse('GET /other HTTP/1.1\r\nHost: elsewhere\r\nX-Other: 1\r\nX-Another: 2\r\n\r\n');
}

describe('reading', () => {
  const text = 'User-Agent:  curl \r\nACCEPT: a\r\nX-A: 1\r\nAccept:\tb\t\r\nX-Empty:\r\n';

  for (const [name, before] of [
    ['while the offsets are fresh', () => {}],
    ['when another head has taken the table', disturb],
  ] as const) {
    test(name, () => {
      const headers = get(text);
      before();
      assert.equal(headers.get('user-agent'), 'curl');
      assert.equal(headers.get('accept'), 'a');
      assert.deepEqual(headers.getAll('accept'), ['a', 'b']);
      assert.equal(headers.get('x-empty'), '');
      assert.equal(headers.get('x-b'), undefined);
      assert.equal(headers.has('x-a'), true);
      assert.equal(headers.get('host'), 'a');
      const seen: string[] = [];
      headers.forEach((spelt, value) => {
        before();
        seen.push(`${spelt}=${value}`);
      });
      assert.deepEqual(seen, ['Host=a', 'User-Agent=curl', 'ACCEPT=a', 'X-A=1', 'Accept=b', 'X-Empty=']);
    });
  }

  test('a head whose offsets are fresh is not scanned again', () => {
    const headers = get(text);
    const { scans } = scan;
    headers.get('accept');
    headers.set('x-a', '2');
    sent(headers);
    assert.equal(scan.scans, scans);
  });

  test('nor is any head for a name that it cannot have', () => {
    const headers = get(text);
    disturb();
    const { scans } = scan;
    assert.equal(headers.has('via'), false);
    assert.equal(scan.scans, scans);
  });

  test('names of objects are ordinary names', () => {
    const headers = get('__proto__: 1\r\nconstructor: 2\r\n');
    assert.equal(headers.get('__proto__'), '1');
    assert.equal(headers.get('constructor'), '2');
    assert.equal(headers.get('tostring'), undefined);
  });

  test('a header named like a pseudo field sets none', () => {
    const headers = get('Service: x\r\nMethod: y\r\nPath: /z\r\nAuthority: b\r\n');
    assert.deepEqual([headers.service, headers.method, headers.path, headers.authority], ['', 'GET', '/p?q', 'a']);
  });

  for (const [line, path, authority] of [
    ['GET http://A:80/x?y HTTP/1.1', '/x?y', 'A:80'],
    ['GET HTTPS://a:80 HTTP/1.1', '/', 'a:80'],
    ['GET http://a:80?q HTTP/1.1', '/?q', 'a:80'],
    ['OPTIONS http://a:80 HTTP/1.1', '*', 'a:80'],
    ['OPTIONS * HTTP/1.1', '*', 'a:80'],
    ['CONNECT a:80 HTTP/1.1', 'a:80', 'a:80'],
    ['GET //x/../y HTTP/1.1', '//x/../y', 'a:80'],
  ] as const) {
    test(line, () => {
      const headers = parse(`${line}\r\nHost: a:80\r\n\r\n`);
      assert.equal(headers.path, path);
      assert.equal(headers.authority, authority);
      assert.match(sent(headers), new RegExp(`^${headers.method} ${path.replace(/[*?.]/g, '\\$&')} HTTP/1\\.1\r\n`));
    });
  }

  for (const [lines, length] of [
    ['', 0],
    ['Content-Length: 12\r\n', 12],
    ['Content-Length: 9007199254740991\r\n', Number.MAX_SAFE_INTEGER],
    ['Transfer-Encoding: chunked\r\n', -1],
  ] as const) {
    test(`contentLength ${length}`, () => assert.equal(get(lines).contentLength, length));
  }
});

describe('what concerns one connection', () => {
  test('is neither seen nor forwarded', () => {
    const headers = get(
      'Connection: close, X-Mine\r\nX-Mine: 1\r\nKeep-Alive: timeout=5\r\nProxy-Connection: close\r\nTE: gzip\r\n' +
        'X-Yours: 2\r\nHTTP2-Settings: x\r\nUpgrade: x\r\nProxy-Authorization: y\r\n',
    );
    assert.equal(headers.get('connection'), undefined);
    assert.equal(headers.has('x-mine'), false);
    assert.equal(sent(headers), 'GET /p?q HTTP/1.1\r\nHost: a\r\nX-Yours: 2\r\nProxy-Authorization: y\r\n\r\n');
  });

  test('is found again when the table was lost', () => {
    const headers = get('Connection: X-Mine\r\nX-Mine: 1\r\nX-Yours: 2\r\n');
    disturb();
    assert.equal(headers.has('x-mine'), false);
    assert.equal(sent(headers), 'GET /p?q HTTP/1.1\r\nHost: a\r\nX-Yours: 2\r\n\r\n');
  });

  for (const name of ['Host', 'X-Forwarded-For', 'Authorization', 'Cookie', 'X-Auth-User', 'x-envoy-a', 'Via']) {
    test(`${name} stays although Connection lists it`, () => {
      const headers = get(`Connection: close, ${name}\r\n${name === 'Host' ? '' : `${name}: 1\r\n`}`);
      assert.equal(headers.has(name.toLowerCase()), true);
      assert.match(sent(headers), new RegExp(`\r\n${name}: `));
    });
  }

  test('framing stays although Connection lists it', () => {
    assert.equal(get('Connection: content-length\r\nContent-Length: 3\r\n').contentLength, 3);
    assert.equal(get('Connection: transfer-encoding\r\nTransfer-Encoding: chunked\r\n').contentLength, -1);
  });

  test('TE: trailers is forwarded', () => {
    assert.equal(
      sent(get('Connection: TE\r\nTE: Trailers\r\n')),
      'GET /p?q HTTP/1.1\r\nHost: a\r\nTE: Trailers\r\nConnection: TE\r\n\r\n',
    );
  });

  test('cannot be set', () => {
    const headers = get('');
    headers.set('connection', 'x');
    headers.append('transfer-encoding', 'chunked');
    assert.equal(sent(headers), 'GET /p?q HTTP/1.1\r\nHost: a\r\n\r\n');
  });
});

describe('changing', () => {
  test('an untouched head leaves byte for byte', () => {
    const text = 'get /p HTTP/1.1\r\nhost: a\r\nx-LOWER:  spaced \r\nX-A:1\r\nX-A: 2\r\nCookie: \xe9\r\n\r\n';
    assert.equal(sent(parse(text)), text);
  });

  test('other lines keep their spelling, order and spaces', () => {
    const headers = get('X-A: 1\r\nX-B:  2\r\nx-a: 3\r\nX-C: 4\r\n');
    headers.remove('x-a');
    headers.append('x-d', '5');
    assert.equal(sent(headers), 'GET /p?q HTTP/1.1\r\nHost: a\r\nX-B:  2\r\nX-C: 4\r\nx-d: 5\r\n\r\n');
  });

  test('a replaced line keeps the spelling of its name', () => {
    const headers = get('X-FoRwarded-For: 1\r\nX-Forwarded-For: 2\r\n');
    headers.set('x-forwarded-for', '3');
    assert.deepEqual(headers.getAll('x-forwarded-for'), ['3']);
    headers.set('x-forwarded-for', '4');
    assert.equal(sent(headers), 'GET /p?q HTTP/1.1\r\nHost: a\r\nX-FoRwarded-For: 4\r\n\r\n');
  });

  test('by prefix, in the head and in what was added', () => {
    const headers = get('X-Mosn-A: 1\r\nx-mosn: 2\r\nX-MOSN-B: 3\r\n');
    headers.append('x-mosn-c', '4');
    headers.removePrefixed('x-mosn-');
    assert.equal(sent(headers), 'GET /p?q HTTP/1.1\r\nHost: a\r\nx-mosn: 2\r\n\r\n');
  });

  test('what was removed can come back', () => {
    const headers = get('X-A: 1\r\n');
    headers.remove('x-a');
    assert.equal(headers.has('x-a'), false);
    headers.append('x-a', '2');
    assert.deepEqual(headers.getAll('x-a'), ['2']);
    headers.remove('x-a');
    assert.equal(headers.has('x-a'), false);
  });

  test('method, path and host', () => {
    const headers = get('X-A: 1\r\n');
    headers.method = 'PUT';
    headers.path = '/new';
    headers.authority = 'b:80';
    assert.deepEqual([headers.method, headers.path, headers.authority], ['PUT', '/new', 'b:80']);
    assert.equal(headers.get('host'), 'b:80');
    assert.equal(sent(headers), 'PUT /new HTTP/1.1\r\nX-A: 1\r\nHost: b:80\r\nContent-Length: 0\r\n\r\n');
  });

  test('Host by name', () => {
    const headers = get('');
    headers.set('host', 'b');
    assert.equal(headers.authority, 'b');
    headers.remove('host');
    assert.equal(headers.authority, '');
    assert.equal(sent(headers), 'GET /p?q HTTP/1.1\r\nHost: \r\n\r\n');
  });

  test('HTTP/1.0 without Host leaves as HTTP/1.1 with the host of the target', () => {
    const headers = parse('GET http://b/x HTTP/1.0\r\n\r\n');
    assert.equal(sent(headers), 'GET /x HTTP/1.1\r\nHost: b\r\n\r\n');
  });

  test('the upgrade', () => {
    const headers = get('Connection: upgrade\r\nUpgrade: websocket\r\n');
    assert.equal(headers.upgrade, 'websocket');
    headers.upgrade = '';
    assert.equal(sent(headers), 'GET /p?q HTTP/1.1\r\nHost: a\r\n\r\n');
  });

  for (const [name, change] of [
    ['a line end in a value', (h: RequestHeaders) => h.set('x', 'a\r\nb')],
    ['a space in a name', (h: RequestHeaders) => h.append('x y', 'a')],
    ['a line end in the path', (h: RequestHeaders) => (h.path = '/\n')],
    ['a space in the method', (h: RequestHeaders) => (h.method = 'A B')],
    ['a line end in the host', (h: RequestHeaders) => (h.authority = 'a\nb')],
    ['a length with a sign', (h: RequestHeaders) => h.set('content-length', '+5')],
  ] as const) {
    test(`refuses ${name}`, () => {
      const headers = get('');
      assert.throws(() => change(headers), TypeError);
      assert.equal(sent(headers), 'GET /p?q HTTP/1.1\r\nHost: a\r\n\r\n');
    });
  }

  test('text beyond Latin-1 becomes UTF-8', () => {
    const headers = get('');
    headers.set('x-a', '\u010a');
    assert.equal(sent(headers), 'GET /p?q HTTP/1.1\r\nHost: a\r\nx-a: \xc4\x8a\r\n\r\n');
  });
});

describe('the length', () => {
  const known = 'Content-LENGTH: 3\r\nX-A: 1\r\n';
  const framing = (headers: RequestHeaders, end = false): string[] =>
    sent(headers, end).match(/^(?:content-length|transfer-encoding):.*$/gim) ?? [];

  test('stays in its line', () => {
    assert.equal(sent(get(known), false), `GET /p?q HTTP/1.1\r\nHost: a\r\n${known}\r\n`);
  });

  test('changes by assignment and by name', () => {
    const headers = get(known);
    headers.contentLength = 7;
    assert.equal(headers.get('content-length'), '7');
    assert.deepEqual(framing(headers), ['content-length: 7']);
    headers.set('content-length', '8');
    assert.equal(headers.contentLength, 8);
    headers.contentLength = -1;
    assert.equal(headers.has('content-length'), false);
    assert.deepEqual(framing(headers), ['Transfer-Encoding: chunked']);
    headers.contentLength = 9;
    headers.remove('content-length');
    assert.equal(headers.contentLength, -1);
  });

  test('replaces chunks', () => {
    const headers = get('Transfer-Encoding: chunked\r\n');
    assert.deepEqual(framing(headers), ['Transfer-Encoding: chunked']);
    headers.contentLength = 2;
    assert.deepEqual(framing(headers), ['content-length: 2']);
  });

  test('is 0 or not told when there is no body after all', () => {
    assert.deepEqual(framing(get(known), true), []);
    assert.deepEqual(framing(get('Content-Length: 0\r\n'), true), ['Content-Length: 0']);
    const headers = get(known);
    headers.method = 'POST';
    assert.deepEqual(framing(headers, true), ['Content-Length: 0']);
  });
});

describe('responses', () => {
  test('an untouched head leaves byte for byte', () => {
    const text = 'HTTP/1.1 200 All  fine\r\nserver: x\r\nContent-Length: 2\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n\r\n';
    assert.equal(answered(text), text);
  });

  test('the phrase goes with its status', () => {
    const text = 'HTTP/1.1 200 Fine\r\nContent-Length: 2\r\n\r\n';
    const change = (headers: ResponseHeaders): void => {
      headers.status = 418;
    };
    assert.equal(answered(text, change), 'HTTP/1.1 418 \r\nContent-Length: 2\r\n\r\n');
  });

  test("HTTP/1.0 of a host is none of the client's business", () => {
    assert.equal(
      answered('HTTP/1.0 200 Fine\r\nX-A: 1\r\nConnection: keep-alive\r\n\r\n'),
      'HTTP/1.1 200 OK\r\nX-A: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
    );
  });

  test('what concerns one connection stays with it', () => {
    assert.equal(
      answered('HTTP/1.1 200 OK\r\nConnection: close, X-A\r\nX-A: 1\r\nTransfer-Encoding: chunked\r\nX-B: 2\r\n\r\n'),
      'HTTP/1.1 200 OK\r\nX-B: 2\r\nTransfer-Encoding: chunked\r\n\r\n',
    );
  });

  test('changes', () => {
    const change = (headers: ResponseHeaders): void => {
      headers.set('server', 'weft');
      headers.contentLength = -1;
    };
    assert.equal(
      answered('HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 2\r\nX-B: 2\r\n\r\n', change),
      'HTTP/1.1 200 OK\r\nX-B: 2\r\nServer: weft\r\nTransfer-Encoding: chunked\r\n\r\n',
    );
  });
});

describe('against a plain list', () => {
  const name = fc.constantFrom('x-a', 'x-b', 'x-bc', 'via', 'accept');
  const value = fc.stringMatching(/^[ -~]{0,8}$/).map((text) => text.trim());
  const operation = fc.oneof(
    fc.record({ kind: fc.constantFrom('set', 'append'), name, value }),
    fc.record({ kind: fc.constant('remove'), name, value }),
    fc.record({ kind: fc.constant('removePrefixed'), name: fc.constantFrom('x-', 'x-b'), value }),
  );

  test('any changes give the same lines', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(name, value)), fc.array(operation), fc.boolean(), (lines, operations, lose) => {
        const list = new RequestHeaderList('GET', '/p?q', 'a');
        const headers = get(lines.map(([n, v]) => `${n}: ${v}\r\n`).join(''));
        list.append('Host', 'a');
        for (const [n, v] of lines) list.append(n, v);
        for (const { kind, name: n, value: v } of operations) {
          if (lose) disturb();
          for (const target of [list, headers]) {
            if (kind === 'set') target.set(n, v);
            else if (kind === 'append') target.append(n, v);
            else if (kind === 'remove') target.remove(n);
            else target.removePrefixed(n);
          }
        }
        for (const n of ['x-a', 'x-b', 'x-bc', 'via', 'accept']) {
          assert.deepEqual(headers.getAll(n), list.getAll(n));
          assert.equal(headers.get(n), list.get(n));
        }
        // What leaves is what is seen.
        const seen: string[] = [];
        headers.forEach((n, v) => {
          seen.push(`${n}:${v}`);
        });
        const wire = sent(headers).split('\r\n').slice(1, -2);
        assert.deepEqual(
          wire.map((line) => line.replace(/:\s*/, ':').trimEnd()),
          seen.map((line) => line.trimEnd()),
        );
      }),
    );
  });
});
