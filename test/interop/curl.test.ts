/** curl as the client. */

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { mkdtemp, writeFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { skipUnless } from '../../scripts/external-programs.ts';
import { httpServer, type TestServer } from '../integration/support/peers.ts';
import { cluster, DIRECTORY, gateway, routeTo, startWeft, type Weft } from '../integration/support/weft.ts';
import { curl, curlBytes, runCurl } from './support/curl.ts';

const MIB = 1024 * 1024;

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Answers with what it got: method, version, length and digest of the body, framing headers. */
function inspect(request: IncomingMessage, response: ServerResponse): void {
  const digest = createHash('sha256');
  let length = 0;
  request.on('data', (chunk: Buffer) => {
    digest.update(chunk);
    length += chunk.length;
  });
  request.on('end', () => {
    const { method, url, headers } = request;
    response.end(JSON.stringify({ method, url, length, digest: digest.digest('hex'), headers }));
  });
}

function urlOf(weft: Weft, path = '/'): string {
  return `http://127.0.0.1:${weft.port}${path}`;
}

describe('curl', { skip: skipUnless('curl') }, () => {
  describe('sends', () => {
    const body = randomBytes(3 * MIB);
    let directory: string;
    let file: string;
    let upstream: TestServer;
    let weft: Weft;

    before(async () => {
      directory = await mkdtemp(join(tmpdir(), 'weft-curl-'));
      file = join(directory, 'body');
      await writeFile(file, body);
      upstream = await httpServer(inspect);
      weft = await gateway(upstream);
    });
    after(async () => {
      assert.equal(weft.books.balanced, true);
      await weft[Symbol.asyncDispose]();
      await upstream[Symbol.asyncDispose]();
      rmSync(directory, { recursive: true });
    });

    /** Sends the body so; returns the headers that the upstream got. */
    async function send(method: string, args: readonly string[], input?: Buffer): Promise<Record<string, string>> {
      const { code, body: answer, log } = await runCurl([...args, urlOf(weft, '/upload')], input);
      assert.equal(code, 0, log);
      const seen = JSON.parse(answer.toString());
      assert.deepEqual(
        [seen.method, seen.url, seen.length, seen.digest],
        [method, '/upload', body.length, sha256(body)],
      );
      return seen.headers;
    }

    it('a POST and a PUT of known length', async () => {
      for (const [method, args] of [
        ['POST', ['--data-binary', `@${file}`]],
        ['PUT', ['-T', file]],
      ] as const) {
        const headers = await send(method, args);
        assert.equal(headers['content-length'], String(body.length));
        assert.equal(headers['transfer-encoding'], undefined);
      }
    });

    it('a body of unknown length, in chunks', async () => {
      const headers = await send('PUT', ['-T', '-'], body);
      assert.equal(headers['transfer-encoding'], 'chunked');
      assert.equal(headers['content-length'], undefined);
    });

    it('a body by HTTP/1.0', async () => {
      const headers = await send('POST', ['-0', '--data-binary', `@${file}`]);
      assert.equal(headers['content-length'], String(body.length));
    });

    it('a form', async () => {
      const seen = JSON.parse(await curl('-F', 'name=weft', '-F', `file=@${file}`, urlOf(weft)));
      assert.match(seen.headers['content-type'], /^multipart\/form-data; boundary=/);
      assert.ok(seen.length > body.length);
    });
  });

  describe('with Expect: 100-continue', () => {
    const EXPECT = ['-v', '-H', 'Expect: 100-continue', '--expect100-timeout', '25', '--data-binary', 'some data'];

    it('waits for the 100 of the upstream and then sends', async () => {
      await using upstream = await httpServer(inspect);
      await using weft = await gateway(upstream);
      const { body, log } = await runCurl([...EXPECT, urlOf(weft)]);
      assert.match(log, /^< HTTP\/1\.1 100 Continue\r$.*^< HTTP\/1\.1 200 OK\r$/ms);
      assert.equal(JSON.parse(body.toString()).length, 'some data'.length);
    });

    it('sends no body when the upstream refuses', async () => {
      let received = 0;
      await using upstream = await httpServer(() => {});
      upstream.server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
        request.on('data', (chunk: Buffer) => {
          received += chunk.length;
        });
        response.writeHead(417).end('not wanted');
      });
      await using weft = await gateway(upstream);
      const { body, log } = await runCurl([...EXPECT, urlOf(weft)]);
      assert.match(log, /^< HTTP\/1\.1 417 /m);
      assert.doesNotMatch(log, /100 Continue/);
      assert.equal(body.toString(), 'not wanted');
      assert.equal(received, 0);
    });
  });

  describe('receives', () => {
    const large = randomBytes(16 * MIB);
    const zipped = gzipSync('weft '.repeat(10_000));
    let upstream: TestServer;
    let weft: Weft;

    before(async () => {
      upstream = await httpServer((request, response) => {
        if (request.url === '/large') response.setHeader('content-length', large.length).end(large);
        else if (request.url === '/chunks') response.write(large, () => response.end());
        else if (request.url === '/zipped') response.setHeader('content-encoding', 'gzip').end(zipped);
        else {
          const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? [];
          const part = large.subarray(Number(from), Number(to) + 1);
          response.writeHead(206, { 'content-range': `bytes ${from}-${to}/${large.length}` }).end(part);
        }
      });
      weft = await gateway(upstream);
    });
    after(async () => {
      assert.equal(weft.books.balanced, true);
      await weft[Symbol.asyncDispose]();
      await upstream[Symbol.asyncDispose]();
    });

    it('a large body of known length, and in chunks', async () => {
      assert.equal(sha256(await curlBytes(urlOf(weft, '/large'))), sha256(large));
      assert.equal(sha256(await curlBytes(urlOf(weft, '/chunks'))), sha256(large));
    });

    it('a large body of unknown length by HTTP/1.0', async () => {
      assert.equal(sha256(await curlBytes('-0', urlOf(weft, '/chunks'))), sha256(large));
    });

    it('a part', async () => {
      const answer = await curlBytes('-i', '-r', '1000-1999', urlOf(weft, '/part'));
      assert.match(answer.toString('latin1'), /^HTTP\/1\.1 206 .*\r\ncontent-range: bytes 1000-1999\/16777216\r\n/s);
      assert.deepEqual(answer.subarray(-1000), large.subarray(1000, 2000));
    });

    it('a compressed body as it was', async () => {
      assert.deepEqual(await curlBytes(urlOf(weft, '/zipped')), zipped);
      assert.equal(await curl('--compressed', urlOf(weft, '/zipped')), 'weft '.repeat(10_000));
    });

    it('the head alone', async () => {
      const answer = await curl('-I', urlOf(weft, '/large'));
      assert.match(answer, /^HTTP\/1\.1 200 OK\r\n.*content-length: 16777216\r\n.*\r\n\r\n$/is);
    });
  });

  it('keeps its connection from one URL to the next', async () => {
    await using upstream = await httpServer(inspect);
    await using weft = await gateway(upstream);
    await curl(urlOf(weft, '/1'), '-o', '/dev/null', urlOf(weft, '/2'), '-o', '/dev/null');
    assert.equal(weft.counter('connection_total'), 1);
    assert.equal(weft.counter('request_total'), 2);
  });

  it('speaks HTTP/1.0, with and without keep-alive', async () => {
    await using upstream = await httpServer(inspect);
    await using weft = await gateway(upstream);
    assert.match(await curl('-0', '-i', urlOf(weft)), /^HTTP\/1\.[01] 200 OK\r\n.*"method":"GET"/s);
    await curl('-0', '-H', 'Connection: keep-alive', urlOf(weft), urlOf(weft));
    assert.equal(weft.counter('connection_total'), 2);
    assert.equal(weft.counter('request_total'), 3);
  });

  it('connects by a unix socket', async () => {
    await using upstream = await httpServer(inspect);
    await using weft = await gateway(
      upstream,
      {},
      { listener: { network: 'unix', address: `${DIRECTORY}/weft.sock` } },
    );
    const seen = JSON.parse(await curl('--unix-socket', join(weft.directory, 'weft.sock'), 'http://service.test/path'));
    assert.deepEqual([seen.url, seen.headers.host], ['/path', 'service.test']);
  });

  it('uses Weft as a proxy: absolute form, and CONNECT where a route allows it', async () => {
    await using upstream = await httpServer(inspect);
    // A proxy that connects everybody to itself.
    upstream.server.on('connect', (_request, socket) => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      upstream.server.emit('connection', socket);
    });
    const host = (domain: string, action: object): object => ({
      name: domain,
      domains: [domain, `${domain}:*`],
      routers: [routeTo('c', action, {})],
    });
    await using weft = await startWeft({
      router: {
        router_config_name: 'r',
        virtual_hosts: [host('open.test', { connect: true }), host('shut.test', {})],
      },
      clusters: [cluster('c', upstream.port)],
    });
    const proxy = ['-x', urlOf(weft)];
    const plain = JSON.parse(await curl(...proxy, 'http://shut.test/plain'));
    assert.deepEqual([plain.url, plain.headers.host], ['/plain', 'shut.test']);
    const tunnelled = JSON.parse(await curl('-p', ...proxy, 'http://open.test/tunnelled'));
    assert.deepEqual([tunnelled.url, tunnelled.headers.host], ['/tunnelled', 'open.test']);
    // Weft has seen nothing of what went through the tunnel.
    assert.equal(tunnelled.headers['x-forwarded-for'], undefined);
    const refused = await runCurl(['-p', ...proxy, 'http://shut.test/']);
    assert.equal(refused.code, 56);
    assert.match(refused.log, /405/);
    await weft.idle();
    assert.deepEqual([weft.books.total, weft.books.balanced], [3, true]);
  });
});
