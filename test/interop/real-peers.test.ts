/** Weft between peers that are not ours: undici, the platform's WebSocket and wrk as clients, nginx as upstream. */

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import { Pool } from 'undici';
import { findProgram, skipUnless } from '../../scripts/external-programs.ts';
import { httpServer, tcpServer } from '../integration/support/peers.ts';
import { cluster, routeTo, startWeft, type Weft } from '../integration/support/weft.ts';

const run = promisify(execFile);
const MIB = 1024 * 1024;

function weftTo(port: number, action: object = {}): Promise<Weft> {
  return startWeft({ routes: [routeTo('c', action)], clusters: [cluster('c', port)] });
}

async function curl(...args: string[]): Promise<string> {
  const { stdout } = await run('curl', ['-sS', '--max-time', '20', ...args], { maxBuffer: 64 * MIB });
  return stdout;
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

describe('undici', () => {
  it('pipelines 2,000 requests over a few connections and gets each its own answer', async () => {
    await using upstream = await httpServer((request, response) => response.end(`answer to ${request.url}`));
    await using weft = await weftTo(upstream.port);
    const pool = new Pool(`http://127.0.0.1:${weft.port}`, { connections: 4, pipelining: 4 });
    try {
      const paths = Array.from({ length: 2000 }, (_, i) => `/${i}`);
      const bodies = await Promise.all(
        paths.map(async (path) => (await pool.request({ path, method: 'GET' })).body.text()),
      );
      assert.deepEqual(
        bodies,
        paths.map((path) => `answer to ${path}`),
      );
    } finally {
      await pool.close();
    }
    assert.deepEqual(weft.books, { total: 2000, completed: 2000, reset: 0, active: 0, balanced: true });
  });
});

describe('WebSocket', () => {
  it('of the platform talks through an upgrade', async () => {
    // An upstream that knows one text frame each way: it sends back what it got, unmasked (RFC 6455, section 5).
    await using upstream = await tcpServer((socket) => {
      socket.once('data', (head: Buffer) => {
        const key = /sec-websocket-key: (.+)\r\n/i.exec(head.toString('latin1'))?.[1];
        const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
        socket.write(
          `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
        );
        socket.on('data', (frame: Buffer) => {
          const [kind = 0, lengthByte = 0] = frame;
          if ((kind & 0x0f) !== 1) return socket.end(Buffer.from([0x88, 0]));
          const length = lengthByte & 0x7f;
          const mask = frame.subarray(2, 6);
          const text = frame.subarray(6, 6 + length).map((byte, i) => byte ^ (mask[i & 3] as number));
          return socket.write(Buffer.concat([Buffer.from([0x81, length]), text]));
        });
      });
    });
    await using weft = await weftTo(upstream.port);
    const socket = new WebSocket(`ws://127.0.0.1:${weft.port}/chat`);
    await once(socket, 'open');
    for (const text of ['hello', 'through the weft']) {
      socket.send(text);
      const [event] = (await once(socket, 'message')) as [{ data: string }];
      assert.equal(event.data, text);
    }
    socket.close();
    await once(socket, 'close');
  });
});

describe('nginx as upstream', { skip: skipUnless('nginx') }, () => {
  it('serves files, ranges, 304 and gzip through Weft as directly; wrk sees no error', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'weft-nginx-'));
    const content = randomBytes(64 * MIB);
    await writeFile(join(directory, 'large.bin'), content);
    await writeFile(join(directory, 'page.html'), 'weft '.repeat(5000));
    await using free = await tcpServer(() => {});
    const { port } = free;
    await free[Symbol.asyncDispose]();
    const configuration = join(directory, 'nginx.conf');
    await writeFile(
      configuration,
      `user root; daemon off; worker_processes 1; pid ${directory}/pid; error_log stderr;
       events { worker_connections 1024; }
       http { access_log off; sendfile on; gzip on; gzip_types text/html; keepalive_requests 100000;
         server { listen 127.0.0.1:${port}; root ${directory}; location = /ok { return 200 "ok"; } } }`,
    );
    const nginx = spawn(findProgram('nginx') as string, ['-c', configuration, '-e', 'stderr', '-p', directory]);
    try {
      await using weft = await weftTo(port);
      const base = `http://127.0.0.1:${weft.port}`;
      await curl('--retry', '20', '--retry-all-errors', '--retry-delay', '1', '-f', `${base}/ok`);

      const file = join(directory, 'got.bin');
      await curl('-o', file, `${base}/large.bin`);
      const digest = createHash('sha256');
      for await (const chunk of createReadStream(file)) digest.update(chunk as Buffer);
      assert.equal(digest.digest('hex'), sha256(content));

      await curl('-r', '1000-1999', '-o', file, `${base}/large.bin`);
      assert.equal(sha256(await readFile(file)), sha256(content.subarray(1000, 2000)));

      await curl('-i', '-H', 'Accept-Encoding: gzip', '-o', file, `${base}/page.html`);
      assert.match((await readFile(file)).toString('latin1'), /\r\ncontent-encoding: gzip\r\n/i);
      assert.equal(await curl('--compressed', `${base}/page.html`), 'weft '.repeat(5000));

      const tag = /etag: (.+)\r\n/i.exec(await curl('-I', `${base}/page.html`))?.[1];
      assert.match(await curl('-i', '-H', `If-None-Match: ${tag}`, `${base}/page.html`), /^HTTP\/1\.1 304 /);

      const wrk = findProgram('wrk');
      if (wrk !== undefined) {
        const { stdout } = await run(wrk, ['-t1', '-c64', '-d1', `${base}/ok`]);
        assert.doesNotMatch(stdout, /Socket errors|Non-2xx/);
      }
      assert.equal(weft.books.balanced, true);
    } finally {
      const ended = once(nginx, 'exit');
      nginx.kill('SIGTERM');
      await ended;
      await rm(directory, { recursive: true });
    }
  });
});
