/** nginx as the upstream; curl, wrk and HAProxy in front. */

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type Peer, type PeerKind, Peers } from '../../bench/peer.ts';
import { wrk } from '../../bench/wrk.ts';
import { findProgram, skipUnless } from '../../scripts/external-programs.ts';
import { gateway, type Weft } from '../integration/support/weft.ts';
import { curl, curlBytes, runCurl } from './support/curl.ts';

const KIB = 1024;
const PAGE = 'weft '.repeat(5000);
const LARGE = randomBytes(64 * KIB * KIB);

/** HAProxy and the client in front of it use addresses of their own, so that each is told from the others. */
const HAPROXY = '127.0.0.3';
const CLIENT = '127.0.0.2';

const nginx: PeerKind = {
  name: 'nginx',
  async prepare({ directory, port }) {
    await writeFile(join(directory, 'index.html'), PAGE);
    await writeFile(join(directory, 'large.bin'), LARGE);
    const configuration = join(directory, 'nginx.conf');
    await writeFile(
      configuration,
      `user root;
worker_processes 1;
daemon off;
pid ${directory}/pid;
error_log stderr warn;
events { worker_connections 1024; }
http {
  ${['client_body', 'proxy', 'fastcgi', 'scgi', 'uwsgi'].map((name) => `${name}_temp_path ${directory};`).join(' ')}
  types { text/html html; }
  access_log off;
  sendfile on;
  gzip on;
  keepalive_requests 1000000;
  client_max_body_size 0;
  server {
    listen 127.0.0.1:${port};
    root ${directory};
    location = /way { return 200 '$http_x_forwarded_for, then $http_x_forwarded_proto'; }
  }
}
`,
    );
    return [findProgram('nginx') as string, '-p', directory, '-c', configuration];
  },
};

function haproxyTo(weft: Weft): PeerKind {
  return {
    name: 'haproxy',
    async prepare({ directory, port }) {
      const configuration = join(directory, 'haproxy.cfg');
      await writeFile(
        configuration,
        `defaults
  mode http
  option forwardfor
  timeout connect 10s
  timeout client 60s
  timeout server 60s
frontend in
  bind 127.0.0.1:${port}
  default_backend weft
backend weft
  source ${HAPROXY}
  server weft 127.0.0.1:${weft.port}
`,
      );
      return [findProgram('haproxy') as string, '-db', '-f', configuration];
    },
  };
}

describe('nginx as upstream', { skip: skipUnless('nginx', 'curl') }, () => {
  let peers: Peers;
  let upstream: Peer;
  let weft: Weft;
  let base: string;

  before(async () => {
    peers = new Peers();
    upstream = await peers.start(nginx);
    weft = await gateway(upstream, {}, { listener: { trusted_cidrs: [`${HAPROXY}/32`] } });
    base = `http://127.0.0.1:${weft.port}`;
  });
  after(async () => {
    assert.equal(weft.books.balanced, true);
    await weft[Symbol.asyncDispose]();
    await peers[Symbol.asyncDispose]();
  });

  it('serves requests of every kind on one connection', async () => {
    const urls = ['/', '/large.bin', '/missing', '/way'].flatMap((path) => [base + path, '-o', '/dev/null']);
    await curl(...urls);
    await curl('-I', ...urls);
    assert.equal(weft.upstream('c', 'request_total'), 8);
    assert.equal(weft.upstream('c', 'connection_total'), 1);
  });

  it('may answer before it has read the upload', async () => {
    // No more than Weft reads on when it has the answer; a client that sends more may find the connection reset.
    const upload = LARGE.subarray(0, 900 * KIB);
    const { code, body, log } = await runCurl(['-T', '-', `${base}/way`, '--next', '-sS', `${base}/`], upload);
    assert.equal(code, 0, log);
    assert.equal(body.toString(), `127.0.0.1, then http${PAGE}`);
  });

  it('sends a file of 64 MiB, and parts of it', async () => {
    assert.ok(LARGE.equals(await curlBytes(`${base}/large.bin`)));
    assert.deepEqual(await curlBytes('-r', '1000-1999', `${base}/large.bin`), LARGE.subarray(1000, 2000));
    assert.deepEqual(await curlBytes('-r', '-1000', `${base}/large.bin`), LARGE.subarray(-1000));
    const parts = (await curlBytes('-i', '-r', '0-9,20-29', `${base}/large.bin`)).toString('latin1');
    assert.match(parts, /^HTTP\/1\.1 206 .*\r\nContent-Type: multipart\/byteranges; /s);
    assert.ok(parts.includes(LARGE.subarray(20, 30).toString('latin1')));
  });

  it('compresses and chunks', async () => {
    const answer = await curl('-i', '--raw', '-H', 'Accept-Encoding: gzip', `${base}/`);
    assert.match(answer, /\r\nTransfer-Encoding: chunked\r\n/);
    assert.match(answer, /\r\nContent-Encoding: gzip\r\n/);
    assert.equal(await curl('--compressed', `${base}/`), PAGE);
  });

  it('answers conditional requests', async () => {
    const tag = /^etag: (.+)\r$/im.exec(await curl('-I', `${base}/`))?.[1];
    const answer = await curl('-i', '-H', `If-None-Match: ${tag}`, `${base}/`);
    assert.match(answer, /^HTTP\/1\.1 304 Not Modified\r\n.*\r\n\r\n$/s);
  });

  it('is loaded by wrk over 64 connections without an error', { skip: skipUnless('wrk') }, async () => {
    // Throws when a connection failed or an answer was not a 2xx.
    const { amount } = await wrk({ url: `${base}/way`, seconds: 1, headers: [] });
    assert.ok(amount > 0);
    await weft.idle();
  });

  it('behind HAProxy and Weft is told who the client is', { skip: skipUnless('haproxy') }, async () => {
    const front = await peers.start(haproxyTo(weft));
    const from = ['--interface', CLIENT];
    assert.equal(await curl(...from, front.url('/way')), `${CLIENT}, ${HAPROXY}, then http`);
    assert.ok(LARGE.equals(await curlBytes(...from, front.url('/large.bin'))));
    // Nobody else is believed.
    const forged = ['-H', 'X-Forwarded-For: 192.0.2.1', '-H', 'X-Forwarded-Proto: https'];
    assert.equal(await curl(...from, ...forged, `${base}/way`), `${CLIENT}, then http`);
  });
});
