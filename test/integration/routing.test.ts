/** Where requests go: routes, rewrites, header mutations, answers without an upstream, and every kind of address. */

import assert from 'node:assert/strict';
import type http from 'node:http';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { exchange, httpServer, request, type TestServer } from './support/peers.ts';
import { cluster, configOf, DIRECTORY, routeTo, startConfig, startWeft } from './support/weft.ts';

/** Says its name and what it was asked. */
function named(name: string): Promise<TestServer> {
  return httpServer((req, res) => {
    req.resume();
    res.setHeader('x-level', 'upstream');
    res.end(JSON.stringify({ name, url: req.url, host: req.headers.host, headers: req.headers }));
  });
}

const nameOf = (answer: { body: string }): string => JSON.parse(answer.body).name;

describe('routes', () => {
  it('match by prefix, exact path, regular expression and header; the first in the list wins', async () => {
    await using a = await named('a');
    await using b = await named('b');
    await using c = await named('c');
    await using d = await named('d');
    await using e = await named('e');
    await using weft = await startWeft({
      clusters: [a, b, c, d, e].map((server, i) => cluster('abcde'[i] as string, server.port)),
      routes: [
        routeTo('a', {}, { path: '/exact' }),
        routeTo('b', {}, { prefix: '/api', headers: [{ name: 'x-version', value: '2' }] }),
        routeTo('c', {}, { prefix: '/api', headers: [{ name: 'x-version', value: '^[3-5]$', regex: true }] }),
        routeTo('d', {}, { regex: '^/user/\\d+$' }),
        routeTo('e', {}, { prefix: '/api' }),
        routeTo('a', {}, { prefix: '/api/never' }),
      ],
    });
    const cases: [string, string, Record<string, string>?][] = [
      ['/exact', 'a'],
      ['/EXACT?q=1', 'a'],
      ['/api/x', 'b', { 'x-version': '2' }],
      ['/api/x', 'c', { 'X-Version': '4' }],
      ['/api/x', 'e', { 'x-version': '9' }],
      ['/api/never', 'e'],
      ['/user/42', 'd'],
    ];
    for (const [path, name, headers = {}] of cases) {
      assert.equal(nameOf(await request(weft.port, path, { headers })), name, `${path} ${JSON.stringify(headers)}`);
    }
    for (const path of ['/exact/more', '/user/x', '/']) assert.equal((await request(weft.port, path)).status, 404);
  });

  it('belong to virtual hosts: exact name, port, longest suffix, default', async () => {
    await using servers = new AsyncDisposableStack();
    const names = ['exact', 'port', 'suffix', 'longer', 'rest'];
    const ports: number[] = [];
    for (const name of names) ports.push(servers.use(await named(name)).port);
    const hosts = [['a.example'], ['a.example:8080'], ['*.example', '*.example:*'], ['*.b.example'], ['*']];
    await using weft = await startWeft({
      clusters: names.map((name, i) => cluster(name, ports[i] as number)),
      router: {
        router_config_name: 'r',
        virtual_hosts: names.map((name, i) => ({ name, domains: hosts[i], routers: [routeTo(name)] })),
      },
    });
    const cases: [string, string][] = [
      ['a.example', 'exact'],
      ['A.Example', 'exact'],
      ['a.example:8080', 'port'],
      ['c.example', 'suffix'],
      ['c.example:81', 'suffix'],
      ['x.b.example', 'longer'],
      ['elsewhere.test', 'rest'],
    ];
    for (const [host, name] of cases) {
      assert.equal(nameOf(await request(weft.port, '/', { headers: { host } })), name, host);
    }
  });

  it('that do not match are a 404, and so is a proxy without a router', async () => {
    await using weft = await startWeft({
      routes: [routeTo('c', {}, { prefix: '/only' })],
      clusters: [cluster('c', 1)],
    });
    await using bare = await startWeft({ proxy: { router_config_name: '' } });
    for (const proxy of [weft, bare]) {
      const answer = await request(proxy.port, '/');
      assert.equal(answer.status, 404);
      assert.equal(answer.body, 'no route matches this request\n');
      assert.equal(proxy.counter('request_404_total'), 1);
      assert.equal(proxy.counter('request_failed'), 1);
    }
  });

  it('to a cluster that a variable names: unknown ones are a 404', async () => {
    await using a = await named('a');
    await using weft = await startWeft({
      clusters: [cluster('a', a.port)],
      routes: [{ match: { prefix: '/' }, route: { cluster_variable: 'request_header_x-to' } }],
    });
    assert.equal(nameOf(await request(weft.port, '/', { headers: { 'x-to': 'a' } })), 'a');
    assert.equal((await request(weft.port, '/', { headers: { 'x-to': 'b' } })).status, 404);
    assert.equal((await request(weft.port, '/')).status, 404);
  });

  it('may answer by themselves: direct response and redirect', async () => {
    await using weft = await startWeft({
      routes: [
        { match: { prefix: '/direct' }, direct_response: { status: 418, body: 'tea' } },
        { match: { prefix: '/empty' }, direct_response: { status: 204 } },
        { match: { prefix: '/old' }, redirect: { response_code: 308, path_redirect: '/new', host_redirect: 'h.test' } },
        { match: { prefix: '/secure' }, redirect: { scheme_redirect: 'https' } },
      ],
    });
    const direct = await request(weft.port, '/direct', { headers: { 'x-secret': 's' } });
    assert.deepEqual([direct.status, direct.body, direct.headers['x-secret']], [418, 'tea', undefined]);
    const head = await request(weft.port, '/direct', { method: 'HEAD' });
    assert.deepEqual([head.status, head.headers['content-length'], head.body], [418, '3', '']);
    assert.equal((await request(weft.port, '/empty')).status, 204);
    const moved = await request(weft.port, '/old/thing?q=1');
    assert.deepEqual([moved.status, moved.headers.location], [308, 'http://h.test/new?q=1']);
    const secure = await request(weft.port, '/secure/x', { headers: { host: 'h.test:80' } });
    assert.deepEqual([secure.status, secure.headers.location], [301, 'https://h.test/secure/x']);
    assert.equal(weft.books.completed, 5);
  });

  it('share requests by weight', async () => {
    await using a = await named('a');
    await using b = await named('b');
    await using none = await named('none');
    await using weft = await startWeft({
      clusters: [cluster('a', a.port), cluster('b', b.port), cluster('none', none.port)],
      routes: [
        {
          match: { prefix: '/' },
          route: {
            weighted_clusters: [
              { cluster: { name: 'a', weight: 50 } },
              { cluster: { name: 'none', weight: 0 } },
              { cluster: { name: 'b', weight: 50 } },
            ],
          },
        },
      ],
    });
    const seen = new Set<string>();
    for (let i = 0; i < 100; i++) seen.add(nameOf(await request(weft.port, '/')));
    assert.deepEqual([...seen].sort(), ['a', 'b']);
  });

  it('have time-outs of their own', async () => {
    const waiting: http.ServerResponse[] = [];
    await using upstream = await httpServer((_req, res) => waiting.push(res));
    await using weft = await startWeft({
      clusters: [cluster('c', upstream.port)],
      routes: [routeTo('c', { timeout: '30ms' }, { prefix: '/short' }), routeTo('c', { timeout: '60s' })],
    });
    const long = request(weft.port, '/long');
    const short = await request(weft.port, '/short');
    assert.equal(short.status, 504);
    for (const res of waiting) res.end('late');
    assert.equal((await long).body, 'late');
  });
});

describe('what a route changes', () => {
  it('paths: prefix, whole path, regular expression; the query stays', async () => {
    await using upstream = await named('a');
    const route = (action: object, match: object): object => routeTo('c', action, match);
    const rewrite = { pattern: { regex: '^/user/(\\d+)' }, substitution: '/id-$1' };
    await using weft = await startWeft({
      clusters: [cluster('c', upstream.port)],
      routes: [
        route({ prefix_rewrite: '/v2/' }, { prefix: '/api/' }),
        route({ prefix_rewrite: '/whole' }, { path: '/exact' }),
        route({ regex_rewrite: rewrite }, { prefix: '/user/' }),
      ],
    });
    const url = async (path: string): Promise<string> => JSON.parse((await request(weft.port, path)).body).url;
    assert.equal(await url('/api/things?a=%2F'), '/v2/things?a=%2F');
    assert.equal(await url('/exact?x'), '/whole?x');
    assert.equal(await url('/user/7/x?y'), '/id-7/x?y');
  });

  it('hosts: fixed, from a header, from the chosen host', async () => {
    await using upstream = await named('a');
    const hosts = [{ address: `127.0.0.1:${upstream.port}`, hostname: 'inner.test' }];
    await using weft = await startWeft({
      clusters: [{ name: 'c', type: 'STRICT_DNS', hosts }],
      routes: [
        routeTo('c', { host_rewrite: 'fixed.test' }, { prefix: '/fixed' }),
        routeTo('c', { auto_host_rewrite_header: 'x-host' }, { prefix: '/header' }),
        routeTo('c', { auto_host_rewrite: true }, { prefix: '/auto' }),
        routeTo('c'),
      ],
      lenient: true,
    });
    const host = async (path: string): Promise<string> =>
      JSON.parse((await request(weft.port, path, { headers: { host: 'client.test', 'x-host': 'asked.test' } })).body)
        .host;
    assert.equal(await host('/fixed'), 'fixed.test');
    assert.equal(await host('/header'), 'asked.test');
    assert.equal(await host('/auto'), 'inner.test');
    assert.equal(await host('/'), 'client.test');
  });

  it('headers at route, virtual host and router, in this order, on requests and responses', async () => {
    await using upstream = await named('a');
    const level = (name: string): object => ({
      request_headers_to_add: [{ header: { key: 'X-Level', value: name } }],
      response_headers_to_add: [{ header: { key: 'X-Level', value: name } }],
    });
    await using weft = await startWeft({
      clusters: [cluster('c', upstream.port)],
      router: {
        router_config_name: 'r',
        ...level('router'),
        request_headers_to_remove: ['X-Router-Gone'],
        virtual_hosts: [
          {
            name: 'v',
            domains: ['*'],
            ...level('host'),
            response_headers_to_remove: ['date'],
            routers: [
              {
                match: { prefix: '/' },
                route: {
                  cluster_name: 'c',
                  request_headers_to_add: [
                    { header: { key: 'x-level', value: 'route' } },
                    { header: { key: 'x-replaced', value: 'new' }, append: false },
                    { header: { key: 'x-client', value: '%request_header_x-name%' } },
                  ],
                  request_headers_to_remove: ['x-gone'],
                  response_headers_to_add: [{ header: { key: 'x-level', value: 'route' } }],
                },
              },
            ],
          },
        ],
      },
    });
    const headers = { 'x-level': 'client', 'x-replaced': 'old', 'x-gone': '1', 'x-router-gone': '1', 'x-name': 'me' };
    const answer = await request(weft.port, '/', { headers });
    const seen = JSON.parse(answer.body).headers;
    assert.equal(seen['x-level'], 'client,route,host,router');
    assert.equal(seen['x-replaced'], 'new');
    assert.equal(seen['x-client'], 'me');
    assert.equal(seen['x-gone'], undefined);
    assert.equal(seen['x-router-gone'], undefined);
    assert.equal(answer.headers['x-level'], 'upstream,route,host,router');
    assert.equal(answer.headers['date'], undefined);
  });
});

describe('addresses', () => {
  const GET = 'GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n';

  it('unix sockets, in front and behind', async () => {
    await using inner = await startWeft({
      routes: [{ match: { prefix: '/' }, direct_response: { status: 200, body: 'by unix socket' } }],
      listener: { network: 'unix', address: `${DIRECTORY}/in.sock` },
    });
    await using outer = await startWeft({
      clusters: [{ name: 'c', hosts: [{ address: `unix:${join(inner.directory, 'in.sock')}` }] }],
      routes: [routeTo('c')],
      listener: { network: 'unix', address: `${DIRECTORY}/out.sock` },
    });
    const answer = await exchange({ path: join(outer.directory, 'out.sock') }, GET);
    assert.match(answer, /^HTTP\/1\.1 200 OK\r\n.*\r\n\r\nby unix socket$/s);
  });

  it('IPv6, in front and behind', { skip: !hasIPv6() && 'this machine has no ::1' }, async () => {
    await using upstream = await httpServer((_req, res) => res.end('six'), '::1');
    await using weft = await startWeft({
      clusters: [{ name: 'c', hosts: [{ address: `[::1]:${upstream.port}` }] }],
      routes: [routeTo('c')],
      listener: { address: '[::1]:0' },
    });
    const answer = await exchange({ port: weft.port, host: '::1' }, GET);
    assert.match(answer, /^HTTP\/1\.1 200 OK\r\n.*six/s);
  });

  it('names, resolved to addresses', async () => {
    await using upstream = await named('local');
    await using weft = await startWeft({
      clusters: [{ name: 'c', hosts: [{ address: `localhost:${upstream.port}` }] }],
      routes: [routeTo('c')],
    });
    assert.equal(nameOf(await request(weft.port, '/')), 'local');
    assert.equal(nameOf(await request(weft.port, '/')), 'local');
  });

  it('that do not answer cost a 502', async () => {
    await using weft = await startWeft({
      clusters: [{ name: 'c', hosts: [{ address: 'name.invalid:80' }], connect_timeout: '2s' }],
      routes: [routeTo('c', { retry_policy: { num_retries: 0 } })],
    });
    assert.equal((await request(weft.port, '/')).status, 502);
  });

  it('of several listeners: each has its own routes and counters', async () => {
    const config = configOf({ routes: [{ match: { prefix: '/' }, direct_response: { status: 200, body: 'one' } }] });
    const { servers } = config as { servers: { listeners: object[]; routers: object[] }[] };
    const [server] = servers;
    server!.routers.push({
      router_config_name: 'r2',
      virtual_hosts: [
        { name: 'v', domains: ['*'], routers: [{ match: {}, direct_response: { status: 200, body: 'two' } }] },
      ],
    });
    const proxy = { type: 'proxy', config: { downstream_protocol: 'Http1', router_config_name: 'r2' } };
    server!.listeners.push({
      name: 'second',
      address: '127.0.0.1:0',
      bind_port: true,
      filter_chains: [{ filters: [proxy] }],
    });
    await using weft = await startConfig(config);
    assert.equal((await request(weft.portOf('in'), '/')).body, 'one');
    assert.equal((await request(weft.portOf('second'), '/')).body, 'two');
    assert.equal((await request(weft.portOf('second'), '/')).body, 'two');
    assert.equal(weft.counter('request_total', 'downstream', { listener: 'in' }), 1);
    assert.equal(weft.counter('request_total', 'downstream', { listener: 'second' }), 2);
    assert.equal(weft.counter('request_total', 'downstream', { proxy: 'global' }), 3);
  });
});

function hasIPv6(): boolean {
  return Object.values(networkInterfaces()).some((list) => list?.some(({ address }) => address === '::1'));
}
