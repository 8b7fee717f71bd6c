/** What the proxy shows of itself: metrics with the right values, readiness, configuration, statistics. */

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { startAdmin } from '../../src/server/admin.ts';
import { LifeCycle, State } from '../../src/server/life-cycle.ts';
import { deadPort, exchange, httpServer, request, type TestServer } from './support/peers.ts';
import { cluster, configOf, routeTo, startConfig, startWeft, type Weft } from './support/weft.ts';

let upstream: TestServer;
let weft: Weft;
let lifeCycle: LifeCycle;
let admin: { close(): Promise<void> };
let port: number;
let sinkPort: number;

const ask = (path: string, options = {}) => request(port, path, options);

before(async () => {
  upstream = await httpServer((req, res) => {
    res.statusCode = req.url === '/broken' ? 500 : 200;
    res.end('five!');
  });
  port = await deadPort();
  sinkPort = await deadPort();
  weft = await startConfig({
    ...configOf({
      clusters: [cluster('c', upstream.port)],
      routes: [routeTo('c', {}, { prefix: '/b' }), routeTo('c')],
    }),
    admin: { address: { socket_address: { address: '127.0.0.1', port_value: port } } },
    metrics: { sinks: [{ type: 'prometheus', config: { port: sinkPort, endpoint: '/scrape' } }] },
  });
  lifeCycle = new LifeCycle(weft.server, { drainDelay: 0, drainTimeout: 0 });
  admin = await startAdmin(weft.server, lifeCycle);
  // Two over one connection, one on another, and one that is no HTTP.
  const twice = 'GET / HTTP/1.1\r\nHost: h\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n';
  await exchange(weft.port, twice);
  await request(weft.port, '/broken');
  await exchange(weft.port, 'no HTTP at all\r\n\r\n');
  await weft.idle();
});

after(async () => {
  await admin.close();
  await weft[Symbol.asyncDispose]();
  await upstream[Symbol.asyncDispose]();
});

describe('metrics', () => {
  /** The samples of an exposition by name and labels. */
  function samples(text: string): Map<string, number> {
    const found = new Map<string, number>();
    for (const line of text.split('\n')) {
      const [, name, value] = /^([a-zA-Z_:][^ ]*) (\S+)$/.exec(line) ?? [];
      if (name !== undefined) found.set(name, Number(value));
    }
    return found;
  }

  function check(text: string): void {
    const seen = samples(text);
    const values: [string, number][] = [
      ['downstream_request_total{listener="in"}', 4],
      ['downstream_request_total{proxy="global"}', 4],
      ['downstream_request_completed{listener="in"}', 4],
      ['downstream_request_reset{listener="in"}', 0],
      ['downstream_request_active{listener="in"}', 0],
      ['downstream_request_200_total{listener="in"}', 2],
      ['downstream_request_400_total{listener="in"}', 1],
      ['downstream_request_500_total{listener="in"}', 1],
      ['downstream_protocol_error{listener="in"}', 1],
      ['downstream_connection_total{listener="in"}', 3],
      ['downstream_connection_destroy{listener="in"}', 3],
      ['downstream_connection_active{listener="in"}', 0],
      ['upstream_request_total{cluster="c"}', 3],
      ['upstream_request_active{cluster="c"}', 0],
      ['upstream_connection_total{cluster="c"}', 1],
      ['upstream_connection_active{cluster="c"}', 1],
      [`upstream_request_total{cluster="c",host="127.0.0.1:${upstream.port}"}`, 3],
      ['upstream_response_success{cluster="c"}', 2],
      ['upstream_response_failed{cluster="c"}', 1],
      // The request that was refused has no time.
      ['downstream_request_duration_seconds_count{listener="in"}', 3],
      ['downstream_request_duration_seconds_bucket{listener="in",le="+Inf"}', 3],
    ];
    for (const [name, value] of values) assert.equal(seen.get(name), value, `${name} of\n${text}`);
    assert.ok((seen.get('downstream_bytes_read_total{listener="in"}') ?? 0) > 100);
    for (const [name, value] of seen) assert.ok(!Number.isNaN(value), name);
  }

  it('are there for Prometheus at the admin server', async () => {
    const answer = await ask('/metrics');
    assert.equal(answer.status, 200);
    assert.match(answer.headers['content-type'] ?? '', /^text\/plain; version=0\.0\.4/);
    assert.match(answer.body, /^# TYPE downstream_request_total counter$/m);
    assert.match(answer.body, /^# TYPE downstream_request_duration_seconds histogram$/m);
    check(answer.body);
  });

  it('and at the sink of its own', async () => {
    check((await request(sinkPort, '/scrape')).body);
  });

  it('are there as MOSN shows them', async () => {
    const stats = JSON.parse((await ask('/api/v1/stats')).body);
    assert.equal(stats.downstream['listener.in'].request_total, '4');
    assert.equal(stats.downstream['proxy.global'].request_total, '4');
    assert.equal(stats.upstream['cluster.c'].request_total, '3');
    const one = JSON.parse((await ask('/api/v1/stats?key=upstream.cluster.c')).body);
    assert.deepEqual(Object.keys(one.upstream), ['cluster.c']);
    assert.equal((await ask('/api/v1/stats?key=none')).body, 'no metrics key: none');
    assert.match((await ask('/api/v1/stats_glob')).body, /^request_total:4$/m);
  });
});

describe('the access log', () => {
  it('says of each request what was asked, what came back, from where, and what went wrong', async () => {
    const format =
      '%x-mosn-method% %x-mosn-path% %protocol% %response_code% %bytes_received% %bytes_sent% %upstream_cluster% ' +
      '%upstream_local_address% %request_header_x-id% %response_header_x-back% %listener_name% %response_flag%';
    await using peer = await httpServer((req, res) => {
      req.resume();
      res.setHeader('x-back', 'b');
      if (req.url === '/cut') res.write('half', () => req.socket.destroy());
      else req.on('end', () => res.end('five!'));
    });
    await using proxy = await startWeft({
      clusters: [cluster('c', peer.port)],
      routes: [routeTo('c', {}, { prefix: '/c' }), { match: { prefix: '/d' }, direct_response: { status: 200 } }],
      accessLog: format,
    });
    const options = { headers: { 'x-id': 'one\t"two"' } };
    await request(proxy.port, '/c?q=1', { ...options, method: 'POST', body: 'hello' });
    await request(proxy.port, '/d', options);
    await request(proxy.port, '/none', options);
    await assert.rejects(request(proxy.port, '/cut', options));
    const host = `127.0.0.1:${peer.port}`;
    const id = 'one\\x09\\x22two\\x22';
    assert.deepEqual(await proxy.accessLines(), [
      `POST /c Http1 200 5 5 c ${host} ${id} b in false`,
      `GET /d Http1 200 0 0 - - ${id} - in false`,
      `GET /none Http1 404 0 30 - - ${id} - in true`,
      `GET /cut Http1 200 0 4 c ${host} ${id} b in true`,
    ]);
  });
});

describe('the admin server', () => {
  it('says ready while the process serves, and only then', async () => {
    for (const [state, status] of [
      [State.Starting, 503],
      [State.Running, 200],
      [State.GracefulStopping, 503],
      [State.Stopping, 503],
    ] as const) {
      lifeCycle.state = state;
      assert.equal((await ask('/ready')).status, status, String(state));
      assert.equal((await ask('/api/v1/states')).body, `pid=${process.pid}&state=${state}\n`);
    }
  });

  it('shows the effective configuration, whole or in part', async () => {
    const dump = JSON.parse((await ask('/api/v1/config_dump')).body);
    assert.deepEqual(Object.keys(dump), ['mosn_config', 'listener', 'cluster', 'routers', 'extends']);
    assert.equal(dump.mosn_config.servers[0].listeners[0].name, 'in');
    assert.equal(dump.listener.in.bind_port, true);
    assert.equal(dump.cluster.c.hosts[0].address, `127.0.0.1:${upstream.port}`);
    assert.equal(dump.cluster.c.connect_timeout, '10s', 'defaults are shown');
    assert.equal(dump.routers.r.virtual_hosts[0].routers.length, 2);
    assert.deepEqual(JSON.parse((await ask('/api/v1/config_dump?cluster=c')).body), dump.cluster.c);
    assert.deepEqual(JSON.parse((await ask('/api/v1/config_dump?allrouters')).body), dump.routers);
    assert.equal((await ask('/api/v1/config_dump?cluster=c&router=r')).status, 400);
  });

  it('lists its paths to whoever asks for an unknown one', async () => {
    const { status, body } = await ask('/nothing');
    assert.equal(status, 200);
    for (const path of ['/ready', '/metrics', '/api/v1/config_dump'])
      assert.ok(body.includes(`${path}\n`) || body.endsWith(path));
  });

  it('refuses other methods, other names and writes', async () => {
    assert.equal((await ask('/api/v1/version', { method: 'POST' })).status, 405);
    assert.equal((await ask('/ready', { headers: { host: 'rebound.test' } })).status, 403);
    assert.equal((await ask('/ready', { headers: { origin: 'http://elsewhere.test' } })).status, 403);
    const write = { method: 'POST', body: '{}' };
    assert.equal((await ask('/api/v1/update_loglevel', write)).status, 403);
  });
});
