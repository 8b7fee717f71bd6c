/** How the process starts, stops and answers to signals. */

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile, rename } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { eventually } from './support/eventually.ts';
import { exchange, httpServer, type RawClient, rawClient, request, type TestServer } from './support/peers.ts';
import { runWeft, spawnWeft, type WeftProcess } from './support/process.ts';
import { cluster, configOf, DIRECTORY, routeTo } from './support/weft.ts';

const GET = 'GET / HTTP/1.1\r\nHost: h\r\n\r\n';

interface Options {
  port?: number;
  server?: object;
  root?: object;
  accessLog?: string;
}

/** One route to one upstream; logs go to stderr. */
function configured(upstream: number, { port = 0, server = {}, root = {}, accessLog }: Options = {}): object {
  const config = configOf({
    clusters: [cluster('c', upstream)],
    routes: [routeTo('c')],
    server: { default_log_level: 'INFO', drain_delay: '0s', ...server },
    listener: { address: `127.0.0.1:${port}` },
    ...(accessLog !== undefined && { accessLog }),
  });
  return { ...config, ...root };
}

const ADMIN = { admin: { address: { socket_address: { address: '127.0.0.1', port_value: 0 } } } };

/** Holds every answer back. */
async function holding(): Promise<{ server: TestServer; waiting: ServerResponse[] }> {
  const waiting: ServerResponse[] = [];
  const server = await httpServer((_req, res) => waiting.push(res));
  return { server, waiting };
}

/** A client whose request has reached the upstream and is not answered. */
async function inFlight(weft: WeftProcess, waiting: ServerResponse[]): Promise<RawClient> {
  const client = await rawClient(await weft.port());
  client.write(GET);
  const before = waiting.length;
  await eventually(() => waiting.length > before, 'the request is there');
  return client;
}

/** Waits until the proxy takes no more connections. */
async function refuses(port: number): Promise<void> {
  for (let open = true; open; ) {
    open = await rawClient(port).then(
      (client) => {
        client.socket.destroy();
        return true;
      },
      () => false,
    );
  }
}

describe('stopping', () => {
  for (const signal of ['SIGINT', 'SIGQUIT'] as const) {
    it(`${signal} ends at once, whatever is in flight, with 0`, async () => {
      const { server, waiting } = await holding();
      await using _ = server;
      await using weft = await runWeft(configured(server.port));
      using client = await inFlight(weft, waiting);
      weft.signal(signal);
      assert.equal(await weft.exit, 0);
      assert.equal(await client.rest(), '');
    });
  }

  it('TERM lets requests in flight end, says so to their clients, takes nothing new, and exits with 0', async () => {
    const { server, waiting } = await holding();
    await using _ = server;
    await using weft = await runWeft(configured(server.port));
    using idle = await rawClient(await weft.port());
    using client = await inFlight(weft, waiting);
    weft.signal('SIGTERM');
    await refuses(await weft.port());
    assert.equal(await idle.rest(), '', 'an idle connection is closed');
    waiting[0]?.end('finished');
    const text = await client.rest();
    assert.match(text, /^HTTP\/1\.1 200 OK\r\n/);
    assert.match(text, /\r\nConnection: close\r\n/i);
    assert.match(text, /finished/);
    assert.equal(await weft.exit, 0);
  });

  it('TERM gives up after graceful_timeout, with 4', async () => {
    const { server, waiting } = await holding();
    await using _ = server;
    await using weft = await runWeft(configured(server.port, { server: { graceful_timeout: '50ms' } }));
    using client = await inFlight(weft, waiting);
    weft.signal('SIGTERM');
    assert.equal(await weft.exit, 4);
    assert.equal(await client.rest(), '');
  });

  it('TERM first tells load balancers: /ready is 503 while requests are still taken; a second TERM does not wait', async () => {
    await using server = await httpServer((_req, res) => res.end('served'));
    await using weft = await runWeft(configured(server.port, { server: { drain_delay: '1h' }, root: ADMIN }));
    const admin = await weft.adminPort();
    assert.equal((await request(admin, '/ready')).status, 200);
    weft.signal('SIGTERM');
    await weft.logged('draining');
    assert.equal((await request(admin, '/ready')).status, 503);
    assert.equal((await request(await weft.port(), '/')).body, 'served');
    weft.signal('SIGTERM');
    assert.equal(await weft.exit, 0);
  });

  it('a second TERM cuts off what is in flight, with 4', async () => {
    const { server, waiting } = await holding();
    await using _ = server;
    await using weft = await runWeft(configured(server.port));
    using _client = await inFlight(weft, waiting);
    weft.signal('SIGTERM');
    await refuses(await weft.port());
    weft.signal('SIGTERM');
    assert.equal(await weft.exit, 4);
  });
});

describe('while it runs', () => {
  it('USR1 reopens log files that were moved away; no line is lost', async () => {
    await using server = await httpServer((_req, res) => res.end('ok'));
    await using weft = await runWeft(configured(server.port, { accessLog: '%x-mosn-path%' }));
    const port = await weft.port();
    const log = join(weft.directory, 'access.log');
    await request(port, '/before');
    await rename(log, `${log}.1`);
    weft.signal('SIGUSR1');
    await eventually(() => existsSync(log), 'there is a new file');
    await request(port, '/after');
    weft.signal('SIGTERM');
    assert.equal(await weft.exit, 0);
    assert.equal(await readFile(`${log}.1`, 'utf8'), '/before\n');
    assert.equal(await readFile(log, 'utf8'), '/after\n');
  });

  it('HUP changes nothing and is logged', async () => {
    await using server = await httpServer((_req, res) => res.end('ok'));
    await using weft = await runWeft(configured(server.port));
    weft.signal('SIGHUP');
    await weft.logged('HUP: smooth upgrade is not implemented, nothing changes');
    assert.equal((await request(await weft.port(), '/')).body, 'ok');
  });

  it('its pid file names it, and goes with it', async () => {
    await using server = await httpServer((_req, res) => res.end('ok'));
    await using weft = await runWeft(configured(server.port, { root: { pid: `${DIRECTORY}/weft.pid` } }));
    const file = join(weft.directory, 'weft.pid');
    assert.equal(await readFile(file, 'utf8'), `${weft.child.pid}\n`);
    weft.signal('SIGTERM');
    await weft.exit;
    assert.ok(!existsSync(file));
  });
});

describe('a start that fails', () => {
  it('for a port that is taken says which and exits with 1; who has it goes on', async () => {
    await using server = await httpServer((_req, res) => res.end('ok'));
    await using first = await runWeft(configured(server.port));
    const port = await first.port();
    await using second = await spawnWeft(configured(server.port, { port }));
    assert.equal(await second.exit, 1);
    assert.match(
      second.output,
      new RegExp(`^weft: listener in: cannot listen on 127\\.0\\.0\\.1:${port}: .*EADDRINUSE`, 'm'),
    );
    assert.equal((await request(port, '/')).body, 'ok');
  });

  it('for an admin port that is taken closes what was open already and exits with 1', async () => {
    await using server = await httpServer((_req, res) => res.end('ok'));
    const admin = { address: { socket_address: { address: '127.0.0.1', port_value: server.port } } };
    await using weft = await spawnWeft(configured(server.port, { root: { admin } }));
    assert.equal(await weft.exit, 1);
    assert.match(weft.output, /^weft: .*EADDRINUSE/m);
  });

  it('for a configuration that is wrong names every fault with its line and column, and exits with 1', async () => {
    const text = [
      '{ "servers": [{',
      '  "listeners": [{ "name": "in", "address": "127.0.0.1:0", "bind_port": "yes",',
      '    "filter_chains": [{ "filters": [{ "type": "proxi", "config": {} }] }] }],',
      '  "routers": [{ "router_config_name": "r", "virtual_hosts": [{ "domains": ["*"], "routers": [',
      '    { "match": { "prefix": "/" }, "route": { "cluster_name": "b", "timeout": "1 minute" } }] }] }]',
      '}], "cluster_manager": { "clusters": [{ "name": "a" }] } }',
    ].join('\n');
    await using weft = await spawnWeft(text);
    assert.equal(await weft.exit, 1);
    const file = join(weft.directory, 'weft.json');
    for (const place of ['2:72', '3:47', '5:78'])
      assert.ok(weft.output.includes(`${file}:${place}: error: `), weft.output);
    assert.match(weft.output, /did you mean "?proxy"?\?/);
    assert.ok(weft.output.endsWith(`weft: ${file} was refused\n`));
  });

  it('for a file that is no JSON says where and exits with 1', async () => {
    await using weft = await spawnWeft('{');
    assert.equal(await weft.exit, 1);
    assert.match(weft.output, /weft\.json:1:\d+: error: /);
  });

  it('answers nothing it has not been told to: a fresh process without routes is a 404', async () => {
    await using weft = await runWeft(configOf({ server: { default_log_level: 'INFO' } }));
    assert.match(await exchange(await weft.port(), 'GET / HTTP/1.0\r\n\r\n'), /^HTTP\/1\.1 404 /);
  });
});
