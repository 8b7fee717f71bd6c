/** What one side writes the other side reads: any message, in any framing. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { HeaderList, RequestHeaderList, ResponseHeaderList, type StreamEncoder } from '../../../../src/api/index.ts';
import { ClientSide, ServerSide } from './support.ts';

const name = fc.stringMatching(/^x-[a-z0-9!#$%&'*+.^_`|~-]{0,8}$/);
const value = fc.stringMatching(/^[\x21-\x7e\x80-\xff]([\t -~\x80-\xff]{0,12}[\x21-\x7e\x80-\xff])?$/);
const lines: fc.Arbitrary<[string, string][]> = fc.array(fc.tuple(name, value), { maxLength: 6 });
const pieces = fc.array(
  fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
  { maxLength: 5 },
);
const framing = fc.constantFrom('length', 'chunks', 'trailers');

function length(body: readonly Buffer[]): number {
  return body.reduce((sum, piece) => sum + piece.length, 0);
}

function send(encoder: StreamEncoder, body: readonly Buffer[], kind: string, trailers: HeaderList): void {
  for (const piece of body) encoder.data(piece, false);
  if (kind === 'trailers') encoder.trailers(trailers);
  else encoder.data(Buffer.alloc(0), true);
}

function listed(list: readonly (readonly [string, string])[]): string {
  return list.map(([n, v]) => ` ${n}=${JSON.stringify(v)}`).join('');
}

function expectedBody(
  body: readonly Buffer[],
  kind: string,
  trailers: readonly (readonly [string, string])[],
): string[] {
  const text = Buffer.concat(body).toString('latin1');
  const data = text === '' ? [] : [`data ${text}`];
  return kind === 'trailers' && trailers.length > 0 ? [...data, `trailers${listed(trailers)}`] : data;
}

function list(of: readonly (readonly [string, string])[]): HeaderList {
  const headers = new HeaderList();
  for (const [n, v] of of) headers.append(n, v);
  return headers;
}

describe('a message goes over the wire and is the same', () => {
  test('requests, several on one connection', () => {
    const request = fc.tuple(
      fc.constantFrom('POST', 'PUT', 'GET', 'FROB'),
      fc.webPath().map((path) => `/${path}`),
      lines,
      pieces,
      framing,
      lines,
    );
    fc.assert(
      fc.property(fc.array(request, { minLength: 1, maxLength: 3 }), (requests) => {
        const server = new ServerSide();
        const client = new ClientSide();
        for (const [method, path, head, body, kind, trailers] of requests) {
          const headers = new RequestHeaderList(method, path, 'host:80', kind === 'length' ? length(body) : -1);
          for (const [n, v] of head) headers.append(n, v);
          client.request(headers, false);
          send(client.encoder, body, kind, list(trailers));
          server.feed(client.sink.take());
          const [line = '', ...rest] = server.log.take();
          assert.ok(line.startsWith(`request ${method} ${path} host=host:80 `), line);
          assert.ok(line.includes(` Host="host:80"${listed(head)}`), line);
          assert.deepEqual(rest, [...expectedBody(body, kind, trailers), 'end']);
          server.reply('ok');
          client.feed(server.sink.take());
          server.log.take();
          assert.equal(client.log.take().at(-1), 'reusable');
        }
      }),
    );
  });

  test('responses, to either version', () => {
    const status = fc.constantFrom(200, 404, 500, 299);
    fc.assert(
      fc.property(status, lines, pieces, framing, lines, fc.boolean(), (code, head, body, kind, trailers, old) => {
        const server = new ServerSide();
        const client = new ClientSide();
        client.request(new RequestHeaderList('GET', '/', 'a'));
        server.feed(old ? 'GET / HTTP/1.0\r\n\r\n' : client.sink.take());
        const headers = new ResponseHeaderList(code, kind === 'length' ? length(body) : -1);
        for (const [n, v] of head) headers.append(n, v);
        server.encoder.headers(headers, false);
        send(server.encoder, body, kind, list(trailers));
        client.feed(server.sink.take());
        if (client.codec.activeStreams > 0) client.codec.onEnd();
        const [line = '', ...rest] = client.log.take();
        assert.ok(line.startsWith(`response ${code} `) && line.includes(listed(head)), line);
        const told = expectedBody(body, old ? 'length' : kind, trailers);
        const end = told.at(-1)?.startsWith('trailers') ? [] : ['end'];
        assert.deepEqual(rest, [...told, ...end, old ? 'spent' : 'reusable']);
      }),
    );
  });
});
