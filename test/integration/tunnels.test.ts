/** Connections that stop being HTTP: WebSocket and other upgrades, CONNECT. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FilterStatus, Phase } from '../../src/api/stream-filter.ts';
import { eventually } from './support/eventually.ts';
import { exchange, rawClient, recordingServer, scriptedServer, type TestServer, tcpServer } from './support/peers.ts';
import { shared, withFilters } from './support/test-filters.ts';
import { gateway, routeTo } from './support/weft.ts';

describe('tunnels', () => {
  const UPGRADE =
    'GET /chat HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: k\r\n\r\n';
  const SWITCH = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';

  /** Switches protocols and echoes; says `bye` after the client's FIN. */
  function echo(): Promise<TestServer> {
    return tcpServer((socket) => {
      socket.once('data', () => {
        socket.write(SWITCH);
        socket.on('data', (chunk) => socket.write(chunk));
        socket.on('end', () => socket.end('bye'));
      });
    });
  }

  it('WebSocket: bytes pass both ways, and so does each half-close', async () => {
    await using upstream = await echo();
    await using weft = await gateway(upstream);
    using client = await rawClient(weft.port);
    client.write(UPGRADE);
    const head = await client.until('\r\n\r\n');
    assert.match(head, /^HTTP\/1\.1 101 Switching Protocols\r\n/);
    assert.match(head, /\r\nConnection: Upgrade\r\n/i);
    assert.match(head, /\r\nUpgrade: websocket\r\n/i);
    client.write('\x81\x00raw\r\n\r\n');
    await client.until('\x81\x00raw\r\n\r\n');
    assert.equal(weft.books.active, 1);
    client.end();
    assert.ok((await client.rest()).endsWith('bye'));
    await weft.idle();
    assert.deepEqual(weft.books, { total: 1, completed: 1, reset: 0, active: 0, balanced: true });
  });

  it('WebSocket: the upstream may end first', async () => {
    const upstream = await recordingServer((seen, socket) => {
      if (seen.endsWith('\r\n\r\n')) socket.end(`${SWITCH}only words`);
    });
    await using _ = upstream;
    await using weft = await gateway(upstream);
    using client = await rawClient(weft.port);
    client.write(UPGRADE);
    assert.ok((await client.rest()).endsWith('only words'));
    client.write('still talking');
    client.end();
    await eventually(() => upstream.received.endsWith('still talking'), 'the other half goes on');
    await weft.idle();
    assert.equal(weft.books.completed, 1);
  });

  it('WebSocket: bytes right behind the switch wait with it for a filter that holds it', async () => {
    const upstream = await recordingServer((seen, socket) => {
      if (seen.endsWith('\r\n\r\n')) socket.write(`${SWITCH}first words`);
    });
    await using _ = upstream;
    for (const held of [FilterStatus.StopAndBuffer, FilterStatus.StopNoBuffer]) {
      const filter = shared('hold', [Phase.Send], (context) => ({
        onResponseHeaders(stream) {
          context.clock.timer(() => stream.continueResponse()).start(1);
          return held;
        },
      }));
      await using weft = await gateway(upstream, {}, withFilters(filter));
      using client = await rawClient(weft.port);
      client.write(UPGRADE);
      await client.until('\r\n\r\nfirst words');
      client.write(`answer ${held}`);
      await eventually(() => upstream.received.endsWith(`answer ${held}`), 'the other direction is open');
    }
  });

  it('WebSocket: a refusal is an ordinary response', async () => {
    await using upstream = await scriptedServer(() => 'HTTP/1.1 426 Upgrade Required\r\nContent-Length: 2\r\n\r\nno');
    await using weft = await gateway(upstream);
    using client = await rawClient(weft.port);
    client.write(UPGRADE);
    await client.until('\r\n\r\nno');
    client.write('GET / HTTP/1.1\r\nHost: h\r\n\r\n');
    await client.until((text) => text.split('\r\n\r\nno').length === 3);
    assert.equal(weft.books.completed, 2);
  });

  it('are opened only for the protocols of the route, never for h2c', async () => {
    await using upstream = await recordingServer();
    await using weft = await gateway(upstream, {}, { routes: [routeTo('c', { upgrades: ['other'] })] });
    const ask = (token: string): string =>
      `GET /${token} HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings, close\r\n` +
      `Upgrade: ${token}\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n`;
    for (const token of ['websocket', 'h2c', 'other']) await exchange(weft.port, ask(token));
    const [websocket, h2c, other] = upstream.received.split('\r\n\r\n');
    for (const head of [websocket, h2c]) assert.doesNotMatch(head as string, /upgrade|http2-settings|connection/i);
    assert.match(other as string, /\r\nUpgrade: other/i);
    assert.match(other as string, /\r\nConnection: Upgrade/i);
  });

  it('CONNECT: only where a route allows it, and to its cluster', async () => {
    const upstream = await recordingServer((seen, socket) => {
      if (seen.endsWith('\r\n\r\n')) socket.write('HTTP/1.1 200 OK\r\n\r\n');
      else socket.write('pong');
    });
    await using _ = upstream;
    await using weft = await gateway(
      upstream,
      {},
      {
        router: {
          router_config_name: 'r',
          virtual_hosts: [
            {
              name: 'open',
              domains: ['db.test:*'],
              routers: [{ match: {}, route: { cluster_name: 'c', connect: true } }],
            },
            { name: 'rest', domains: ['*'], routers: [{ match: {}, route: { cluster_name: 'c' } }] },
          ],
        },
      },
    );
    const refused = await exchange(
      weft.port,
      'CONNECT 10.0.0.1:22 HTTP/1.1\r\nHost: 10.0.0.1:22\r\nConnection: close\r\n\r\n',
    );
    assert.match(refused, /^HTTP\/1\.1 405 /);
    assert.equal(upstream.received, '');
    using client = await rawClient(weft.port);
    client.write('CONNECT db.test:5432 HTTP/1.1\r\nHost: db.test:5432\r\n\r\n');
    const head = await client.until('\r\n\r\n');
    assert.match(head, /^HTTP\/1\.1 200 OK\r\n/);
    assert.doesNotMatch(head, /content-length|transfer-encoding/i);
    assert.match(upstream.received, /^CONNECT db\.test:5432 HTTP\/1\.1\r\n/);
    client.write('ping');
    await client.until('\r\n\r\npong');
    client.end();
    await client.rest();
    await weft.idle();
    assert.equal(weft.books.active, 0);
  });
});
