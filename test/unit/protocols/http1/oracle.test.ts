/**
 * Node's own parser as an oracle. What our server takes, it takes too, and sees the same in it; the other way round we
 * are stricter.
 */

import assert from 'node:assert/strict';
import { createServer, type IncomingMessage } from 'node:http';
import { Duplex } from 'node:stream';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { ResponseHeaderList } from '../../../../src/api/index.ts';
import { ServerSide } from './support.ts';

class MemorySocket extends Duplex {
  override _read(): void {}
  override _write(_chunk: unknown, _encoding: string, done: () => void): void {
    done();
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = '';
  request.setEncoding('latin1');
  for await (const piece of request) body += piece;
  return body;
}

/** The requests that Node's server sees whole in these bytes, `undefined` when it refuses any. */
async function nodeReads(text: string): Promise<string[] | undefined> {
  const seen: string[] = [];
  let refused = false;
  const server = createServer({ requireHostHeader: false }, async (request, response) => {
    const place = seen.push('incomplete') - 1;
    // A request that is cut off when the socket is destroyed stays incomplete.
    const body = await bodyOf(request).catch(() => undefined);
    if (body === undefined) return;
    const path = (request.url ?? '').replace(/^https?:\/\/[^/?]*(?=\/)/i, '');
    seen[place] = `${request.method} ${path} ${JSON.stringify(body)}`;
    response.end();
  });
  server.on('clientError', () => {
    refused = true;
  });
  const socket = new MemorySocket();
  server.emit('connection', socket);
  socket.push(Buffer.from(text, 'latin1'));
  // Everything is in memory: a few turns of the loop and it is done.
  for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate);
  socket.destroy();
  server.close();
  return refused ? undefined : seen;
}

/** The requests that we see in these bytes, `undefined` when we refuse any or more is to come. */
function weReads(text: string): string[] | undefined {
  const server = new ServerSide();
  const seen: string[] = [];
  server.onRequestEnd = (encoder) => {
    const lines = server.log.take();
    const head = server.head;
    const data = lines.find((line) => line.startsWith('data '))?.slice(5) ?? '';
    seen.push(`${head.method} ${head.path} ${JSON.stringify(data)}`);
    encoder.headers(new ResponseHeaderList(204), true);
  };
  server.feed(text);
  // Only between messages can it be closed at once; a last request drops what follows it.
  server.codec.drain();
  return server.log.take().at(-1) === 'closable' ? seen : undefined;
}

const requests = [
  'GET /a?b HTTP/1.1\r\nHost: a\r\nX-A: 1\r\n\r\n',
  'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello',
  'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nA\r\n0123456789\r\n0\r\nX-T: 1\r\n\r\n',
  'GET /1 HTTP/1.1\r\nHost: a\r\n\r\nPOST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nabGET /3 HTTP/1.1\r\nHost: a\r\n\r\n',
  'GET http://a/x HTTP/1.1\r\nHost: a\r\n\r\n',
  'PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\nAccept: */*\r\n\r\n0123456789',
];
const damage = fc.array(
  fc.tuple(
    fc.nat(),
    fc.constantFrom(
      '\r',
      '\n',
      '\r\n',
      ' ',
      '\t',
      ':',
      '\0',
      '0',
      '1',
      'a',
      ';',
      ',',
      '\xff',
      '',
      '\r\n\r\n',
      'chunked',
    ),
    fc.boolean(),
  ),
  { maxLength: 3 },
);

describe('against the parser of Node', () => {
  test('what is sound is read alike', async () => {
    for (const text of requests) {
      const theirs = await nodeReads(text);
      assert.deepEqual(weReads(text), theirs);
      assert.ok((theirs?.length ?? 0) > 0);
    }
  });

  test('whatever we take is what it takes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...requests), damage, async (text, changes) => {
        let spoilt = text;
        for (const [at, by, insert] of changes) {
          const place = at % spoilt.length;
          spoilt = spoilt.slice(0, place) + by + spoilt.slice(place + (insert ? 0 : 1));
        }
        const ours = weReads(spoilt);
        if (ours === undefined || ours.length === 0) return;
        const theirs = await nodeReads(spoilt);
        // It knows a fixed list of methods.
        if (theirs === undefined && !ours.every((line) => /^(GET|POST|PUT) /.test(line))) return;
        assert.deepEqual(theirs, ours, JSON.stringify(spoilt));
      }),
      { numRuns: 600 },
    );
  });
});
