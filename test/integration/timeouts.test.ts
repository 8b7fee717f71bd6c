/** Every time-out fires when it should, does what it should, and not otherwise. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { eventually } from './support/eventually.ts';
import { exchange, rawClient, recordingServer, request, tcpServer } from './support/peers.ts';
import { hang, script } from './support/script.ts';
import { cluster, gateway, routeTo, startWeft } from './support/weft.ts';

const GET = 'GET / HTTP/1.1\r\nHost: h\r\n\r\n';

describe('time-outs', () => {
  it('no answer in time: 504, and the upstream’s work is cancelled', async () => {
    let cancelled = false;
    await using upstream = await script((req) => {
      req.socket.on('close', () => {
        cancelled = true;
      });
    });
    await using weft = await gateway(upstream, { timeout: '30ms' });
    const answer = await request(weft.port, '/', { method: 'POST', body: 'x' });
    assert.deepEqual([answer.status, answer.body], [504, 'upstream request timed out\n']);
    await eventually(() => cancelled, 'the upstream connection is closed');
    assert.equal(weft.counter('request_504_total'), 1);
    assert.equal(weft.counter('request_end_upstream_timeout'), 1);
  });

  it('a trusted client may ask for less time', async () => {
    await using upstream = await script(hang);
    await using weft = await gateway(upstream, {}, { listener: { trusted_cidrs: ['127.0.0.1/32'] } });
    const answer = await request(weft.port, '/', { headers: { 'x-mosn-global-timeout': '30' } });
    assert.equal(answer.status, 504);
  });

  it('a slow response is no late one: the global time-out ends with the response head', async () => {
    let finish = (): void => {};
    await using upstream = await script((_req, res) => {
      res.write('first ');
      finish = () => res.end('last');
    });
    await using weft = await gateway(upstream, { timeout: '250ms' });
    using client = await rawClient(weft.port);
    client.write(GET);
    await client.until('first ');
    // Another request is given up meanwhile, with the same time-out.
    await using other = await script(hang);
    await using silent = await gateway(other, { timeout: '500ms' });
    assert.equal((await request(silent.port, '/')).status, 504);
    finish();
    await client.until('last');
    assert.equal(weft.books.completed, 1);
  });

  it('a request body that stops coming: 408', async () => {
    await using upstream = await recordingServer(() => {});
    await using weft = await gateway(upstream, {}, { proxy: { timeouts: { body: '30ms' } } });
    const text = await exchange(weft.port, 'POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhalf');
    assert.match(text, /^HTTP\/1\.1 408 Request Timeout\r\n/);
    assert.match(text, /\r\nConnection: close\r\n/i);
    assert.equal(weft.counter('body_timeout'), 1);
    assert.equal(weft.upstream('c', 'request_active'), 0, 'the upstream’s work is given up');
  });

  it('a head that stops coming: the connection is closed, counted and logged', async () => {
    await using weft = await startWeft({ proxy: { timeouts: { header: '30ms' } }, accessLog: '%response_code%' });
    const text = await exchange(weft.port, 'GET / HTTP/1.1\r\nHost: h\r\nX-Slow');
    assert.match(text, /^HTTP\/1\.1 408 Request Timeout\r\n/);
    assert.equal(weft.counter('header_timeout'), 1);
    assert.deepEqual(weft.books, { total: 1, completed: 1, reset: 0, active: 0, balanced: true });
    assert.deepEqual(await weft.accessLines(), ['408']);
  });

  it('a head that comes byte by byte is not given more time for it', async () => {
    await using weft = await startWeft({ proxy: { timeouts: { header: '100ms' } } });
    using client = await rawClient(weft.port);
    client.write('GET / HTTP/1.1\r\nX-Slow: ');
    const drip = setInterval(() => client.write('a'), 5);
    await client.rest();
    clearInterval(drip);
    assert.equal(weft.counter('header_timeout'), 1);
  });

  it('a connection without a request is closed, first or later', async () => {
    await using upstream = await script(200);
    await using weft = await gateway(upstream, {}, { listener: { connection_idle_timeout: '150ms' } });
    assert.equal(await exchange(weft.port, ''), '');
    const text = await exchange(weft.port, GET);
    assert.match(text, /^HTTP\/1\.1 200 OK\r\n/);
    assert.equal(weft.counter('idle_timeout'), 2);
  });

  it('a connection is not idle while an answer is owed', async () => {
    let answer = (): void => {};
    await using upstream = await script((_req, res) => {
      answer = () => res.end('at last');
    });
    await using weft = await gateway(upstream, {}, { listener: { connection_idle_timeout: '100ms' } });
    using client = await rawClient(weft.port);
    client.write(GET);
    await eventually(() => upstream.hits === 1, 'the request is there');
    assert.equal(await exchange(weft.port, ''), '', 'another connection was idle long enough meanwhile');
    answer();
    await client.until('at last');
  });

  it('an upstream connection that nobody needs is closed', async () => {
    await using upstream = await script(200);
    await using weft = await startWeft({
      routes: [routeTo('c')],
      clusters: [{ ...cluster('c', upstream.port), idle_timeout: '30ms' }],
    });
    await request(weft.port, '/');
    assert.equal(weft.upstream('c', 'connection_total'), 1);
    await eventually(() => weft.upstream('c', 'connection_active') === 0, 'it is closed');
    await eventually(() => upstream.server.sockets.size === 0, 'the host sees it');
  });

  it('a response that falls silent is cut off', async () => {
    await using upstream = await script((_req, res) => res.write('and then'));
    await using weft = await gateway(upstream, {}, { proxy: { timeouts: { stream_idle: '30ms' } } });
    const text = await exchange(weft.port, GET);
    assert.ok(text.includes('and then'));
    assert.ok(!text.endsWith('0\r\n\r\n'));
    assert.equal(weft.counter('stream_idle_timeout'), 1);
    assert.equal(weft.books.reset, 1);
  });

  it('a tunnel that falls silent is closed', async () => {
    await using upstream = await tcpServer((socket) => {
      socket.once('data', () => socket.write('HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n'));
      socket.on('end', () => socket.end());
    });
    await using weft = await gateway(upstream, {}, { proxy: { timeouts: { tunnel_idle: '30ms' } } });
    using client = await rawClient(weft.port);
    client.write('GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n');
    await client.rest();
    assert.equal(weft.counter('stream_idle_timeout'), 1);
    await eventually(() => upstream.sockets.size === 0, 'both sides are closed');
  });

  it('an upgrade that is not answered: 504', async () => {
    await using upstream = await tcpServer(() => {});
    await using weft = await gateway(upstream, { timeout: '30ms' });
    using client = await rawClient(weft.port);
    client.write('GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n');
    assert.match(await client.until('\r\n\r\n'), /^HTTP\/1\.1 504 /);
  });
});
