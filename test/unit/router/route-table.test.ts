/** Which route a request gets: every rule of MOSN's routing, through the configuration. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { compileRouter } from '../../../src/router/route-table.ts';
import { type Asked, compile, compileGood, noRandom, oneHost, readRouter, request } from './support.ts';

/** A route to a cluster of a certain name. */
function to(cluster: string, match: object): object {
  return { match, route: { cluster_name: cluster } };
}

/** Name of the cluster that each request goes to, `-` without a route. */
function clusters(source: object, ...asked: Asked[]): string[] {
  const { table } = compileGood(source);
  return asked.map((one) => {
    const asking = request(one);
    return table.match(asking)?.chooseCluster(noRandom, asking) ?? '-';
  });
}

/** Which of the requests a match takes. */
function taken(match: object, ...asked: Asked[]): boolean[] {
  return clusters(oneHost([to('yes', match)]), ...asked).map((name) => name === 'yes');
}

describe('virtual hosts', () => {
  it('are chosen by Host, then their routes alone count', () => {
    const source = {
      virtual_hosts: [
        { name: 'a', domains: ['a.com', 'a.com:*'], routers: [to('a', { prefix: '/a' })] },
        { name: 'rest', domains: ['*'], routers: [to('rest', { prefix: '/' })] },
      ],
    };
    const hosts = ['a.com', 'A.COM:8080', 'b.com', ''];
    assert.deepEqual(clusters(source, ...hosts.map((host) => ({ host, path: '/a' }))), ['a', 'a', 'rest', '-']);
    // No way back from a virtual host without a matching route.
    assert.deepEqual(clusters(source, { host: 'a.com', path: '/b' }), ['-']);
  });

  it('need no Host when there is only the default', () => {
    assert.deepEqual(clusters(oneHost([to('x', { prefix: '/' })]), { host: '' }), ['x']);
  });

  it('without routes match nothing', () => {
    assert.deepEqual(clusters(oneHost([]), {}), ['-']);
    assert.deepEqual(clusters({ virtual_hosts: [] }, {}), ['-']);
  });
});

describe('route order', () => {
  it('is that of the list, whatever the kinds', () => {
    const matches = [
      { path: '/a/b' },
      { regex: '/b$' },
      { prefix: '/a' },
      { variables: [{ name: 'v', value: '1' }] },
      { headers: [{ name: 'x', value: '1' }] },
      { regex: '^/a' },
      {},
    ];
    const asked = { path: '/a/b', headers: { x: '1' }, variables: { v: '1' } };
    for (let first = 0; first < matches.length; first++) {
      const rotated = [...matches.slice(first), ...matches.slice(0, first)];
      const routers = rotated.map((match, i) => to(`${i}`, match));
      assert.deepEqual(clusters(oneHost(routers), asked), ['0']);
    }
  });

  it('lets a later route win where headers keep the earlier one away', () => {
    const routers = [
      to('first', { prefix: '/a', headers: [{ name: 'x', value: '1' }] }),
      to('second', { prefix: '/a' }),
    ];
    const requests = [{ path: '/a', headers: { x: '1' } }, { path: '/a' }, { path: '/a', headers: { x: '2' } }];
    assert.deepEqual(clusters(oneHost(routers), ...requests), ['first', 'second', 'second']);
  });

  it('prefers the first kind that a match block gives', () => {
    const all = { prefix: '/p', path: '/q', regex: '/r', variables: [{ name: 'v', value: '1' }] };
    const [withoutPrefix, withoutPath] = [
      { ...all, prefix: '' },
      { ...all, prefix: '', path: '' },
    ];
    const requests = [{ path: '/p' }, { path: '/q' }, { path: '/r' }, { variables: { v: '1' } }];
    assert.deepEqual(taken(all, ...requests), [true, false, false, false]);
    assert.deepEqual(taken(withoutPrefix, ...requests), [false, true, false, false]);
    assert.deepEqual(taken(withoutPath, ...requests), [false, false, true, false]);
    assert.deepEqual(taken({ ...withoutPath, regex: '' }, ...requests), [false, false, false, true]);
  });
});

describe('prefix', () => {
  it('counts case and knows nothing of segments', () => {
    const paths = ['/api', '/apix', '/api/x?y', '/API', '/ap', '/x/api'];
    assert.deepEqual(taken({ prefix: '/api' }, ...paths.map((path) => ({ path }))), [
      ...[true, true, true],
      ...[false, false, false],
    ]);
  });

  it('is compared without the query', () => {
    assert.deepEqual(taken({ prefix: '/a?b' }, { path: '/a?b' }), [false]);
  });

  it('sees the normal form of the path', () => {
    const paths = ['/x/../admin', '/%61dmin', '/x/%2e%2e/admin/', '/x%2Fadmin'];
    assert.deepEqual(taken({ prefix: '/admin' }, ...paths.map((path) => ({ path }))), [true, true, true, false]);
  });

  it('is normalised itself', () => {
    assert.deepEqual(taken({ prefix: '/a b\u00e9' }, { path: '/a%20b%c3%a9/x' }), [true]);
  });

  it('warns when no request has such a path', () => {
    for (const prefix of ['api', '/a/../b', '*']) {
      const { warnings } = compileGood(oneHost([to('x', { prefix })]));
      assert.deepEqual(warnings[0]?.path, ['virtual_hosts', 0, 'routers', 0, 'match', 'prefix']);
    }
    assert.deepEqual(compileGood(oneHost([to('x', { prefix: '/.' }), to('x', { prefix: '/a%2f' })])).warnings, []);
  });
});

describe('path', () => {
  it('is the whole path in any case', () => {
    const paths = ['/Index.html', '/index.HTML?a=b', '/index.html/', '/index.htm'];
    assert.deepEqual(taken({ path: '/index.html' }, ...paths.map((path) => ({ path }))), [true, true, false, false]);
    assert.deepEqual(taken({ path: '/INDEX.html' }, { path: '/index.html' }), [true]);
  });

  it('takes the asterisk form', () => {
    assert.deepEqual(taken({ path: '*' }, { method: 'OPTIONS', path: '*' }), [true]);
    assert.deepEqual(taken({ prefix: '/' }, { method: 'OPTIONS', path: '*' }), [false]);
  });
});

describe('regex', () => {
  it('is searched anywhere in the path', () => {
    const paths = ['/users/12', '/v1/users/12/x', '/users/x', '/x?/users/12'];
    assert.deepEqual(taken({ regex: '/users/[0-9]+' }, ...paths.map((path) => ({ path }))), [true, true, false, false]);
  });

  it('can be anchored', () => {
    const paths = ['/a', '/b/a', '/ab'];
    assert.deepEqual(taken({ regex: '^/a$' }, ...paths.map((path) => ({ path }))), [true, false, false]);
  });

  it('takes patterns without any literal', () => {
    assert.deepEqual(taken({ regex: '.*' }, { path: '/x' }, { service: 's' }), [true, false]);
    assert.deepEqual(taken({ regex: '(?i)/API' }, { path: '/api' }), [true]);
    assert.deepEqual(taken({ regex: '/a|/b' }, { path: '/b' }, { path: '/c' }), [true, false]);
  });

  it('takes time in proportion to the path', () => {
    const path = `/${'a'.repeat(30_000)}!`;
    assert.deepEqual(taken({ regex: '^/(a+)+$' }, { path }), [false]);
    // The literal `/a` occurs at every other place; the pattern is tried once all the same.
    assert.deepEqual(taken({ regex: '/a[0-9]+$' }, { path: '/a'.repeat(15_000) }), [false]);
  });

  it('refuses a router with a bad pattern, and says where each stands', () => {
    const { problems } = compileUnchecked([
      { regex: '(' },
      { prefix: '/', headers: [{ name: 'x', value: 'a**', regex: true }] },
      { variables: [{ name: 'v', regex: '[' }] },
    ]);
    assert.deepEqual(
      problems.map(({ path }) => path.slice(3).join('.')),
      ['0.match.regex', '1.match.headers.0.value', '2.match.variables.0.regex'],
    );
    assert.match(problems[0]?.message ?? '', /RE2 syntax/);
  });
});

describe('headers', () => {
  it('must all hold', () => {
    const headers = [
      { name: 'A', value: '1' },
      { name: 'b', value: '2' },
    ];
    assert.deepEqual(
      taken(
        { prefix: '/', headers },
        { headers: { a: '1', B: '2' } },
        { headers: { a: '1' } },
        { headers: { a: '1', b: '3' } },
      ),
      [true, false, false],
    );
  });

  it('are compared exactly, or searched by a pattern', () => {
    const exact = { headers: [{ name: 'x', value: 'a.c' }] };
    const pattern = { headers: [{ name: 'x', value: 'a.c', regex: true }] };
    const requests = ['a.c', 'xabcx', 'A.C'].map((x) => ({ headers: { x } }));
    assert.deepEqual(taken(exact, ...requests), [true, false, false]);
    assert.deepEqual(taken(pattern, ...requests), [true, true, false]);
  });

  it('take the first value', () => {
    const match = { headers: [{ name: 'x', value: '1' }] };
    assert.deepEqual(taken(match, { headers: { x: ['1', '2'] } }, { headers: { x: ['2', '1'] } }), [true, false]);
  });

  it('with an empty value want an empty header', () => {
    assert.deepEqual(taken({ headers: [{ name: 'x' }] }, { headers: { x: '' } }, {}, { headers: { x: '1' } }), [
      ...[true, false, false],
    ]);
  });

  it('named method is the method of the request', () => {
    for (const name of ['method', ':method']) {
      const match = { prefix: '/', headers: [{ name, value: 'POST' }] };
      assert.deepEqual(taken(match, { method: 'POST' }, { headers: { method: 'POST' } }), [true, false]);
    }
    const either = { prefix: '/', headers: [{ name: 'method', value: '^(GET|PUT)$', regex: true }] };
    assert.deepEqual(taken(either, { method: 'PUT' }, { method: 'POST' }), [true, false]);
  });

  it('know the pseudo headers on every protocol', () => {
    const match = (name: string, value: string): object => ({ headers: [{ name, value }] });
    assert.deepEqual(taken(match(':path', '/a?b'), { path: '/a?b' }), [true]);
    assert.deepEqual(taken(match(':authority', 'a.com:1'), { host: 'a.com:1' }), [true]);
    assert.deepEqual(taken(match(':scheme', 'https'), { scheme: 'https' }), [true]);
  });

  it('alone match any path, none match everything', () => {
    assert.deepEqual(taken({}, { path: '*' }, { service: 's' }), [true, true]);
    assert.deepEqual(clusters(oneHost([{ route: { cluster_name: 'x' } }]), {}), ['x']);
  });
});

describe('RPC rules', () => {
  it('compare the service', () => {
    const match = { headers: [{ name: 'service', value: 'com.Foo' }] };
    assert.deepEqual(taken(match, { service: 'com.Foo' }, { service: 'com.Bar' }, {}), [true, false, false]);
  });

  it('take any service for .*', () => {
    const match = { headers: [{ name: 'service', value: '.*' }] };
    assert.deepEqual(taken(match, { service: 'com.Foo' }, {}), [true, false]);
  });

  it('are not fooled by an HTTP header of that name', () => {
    const match = { headers: [{ name: 'service', value: 'com.Foo' }] };
    assert.deepEqual(taken(match, { headers: { service: 'com.Foo' } }), [false]);
    // A route by path speaks of HTTP headers.
    assert.deepEqual(taken({ prefix: '/', ...match }, { headers: { service: 'com.Foo' } }), [true]);
  });

  it('combine with other headers', () => {
    const headers = [
      { name: 'service', value: 'com.Foo' },
      { name: 'method', value: 'get' },
      { name: 'zone', value: 'z' },
    ];
    const good = { service: 'com.Foo', method: 'get', headers: { zone: 'z' } };
    assert.deepEqual(taken({ headers }, good, { ...good, method: 'set' }, { ...good, headers: {} }), [
      ...[true, false, false],
    ]);
    // Only alone is .* more than text.
    const other = [
      { name: 'service', value: '.*' },
      { name: 'zone', value: 'z' },
    ];
    assert.deepEqual(taken({ headers: other }, good), [false]);
  });

  it('do not match by path', () => {
    assert.deepEqual(taken({ prefix: '/' }, { service: 's' }), [false]);
  });
});

describe('variables', () => {
  const v = (name: string, value: string, model?: string): object => ({ name, value, ...(model && { model }) });
  const holds = (variables: object[], set: Record<string, string>): boolean =>
    taken({ variables }, { variables: set })[0] as boolean;

  it('equal a value or match a pattern, which wins', () => {
    assert.equal(holds([v('a', '1')], { a: '1' }), true);
    assert.equal(holds([v('a', '1')], { a: '2' }), false);
    assert.equal(holds([v('a', '1')], {}), false);
    assert.equal(holds([{ name: 'a', regex: '^1+$' }], { a: '111' }), true);
    assert.equal(holds([{ name: 'a', value: 'x', regex: '1' }], { a: 'x' }), false);
    assert.equal(holds([{ name: 'a', value: 'x', regex: '1' }], { a: '1' }), true);
  });

  it('that are not set are empty for a pattern', () => {
    assert.equal(holds([{ name: 'a', regex: '^$' }], {}), true);
  });

  it('are joined by and unless the earlier one says or', () => {
    const set = (...names: string[]): Record<string, string> => Object.fromEntries(names.map((name) => [name, '1']));
    const both = [v('a', '1'), v('b', '1')];
    assert.equal(holds(both, set('a', 'b')), true);
    assert.equal(holds(both, set('a')), false);
    assert.equal(holds(both, set('b')), false);
    const either = [v('a', '1', 'OR'), v('b', '1')];
    assert.equal(holds(either, set('a')), true);
    assert.equal(holds(either, set('b')), true);
    assert.equal(holds(either, set()), false);
    // a or (b and c) or d
    const long = [v('a', '1', 'or'), v('b', '1', 'and'), v('c', '1', 'or'), v('d', '1')];
    assert.equal(holds(long, set('a')), true);
    assert.equal(holds(long, set('b', 'c')), true);
    assert.equal(holds(long, set('b')), false);
    assert.equal(holds(long, set('c')), false);
    assert.equal(holds(long, set('d')), true);
  });

  it('ignore what the last one says of a next one', () => {
    assert.equal(holds([v('a', '1', 'or'), v('b', '1', 'or')], {}), false);
    assert.equal(holds([v('a', '1'), v('b', '1', 'or')], { a: '1' }), false);
  });

  it('are not held to the headers beside them', () => {
    const match = { variables: [v('a', '1')], headers: [{ name: 'x', value: '1' }] };
    assert.deepEqual(taken(match, { variables: { a: '1' } }), [true]);
  });

  it('must say what they compare and how they are joined', () => {
    const { problems } = compile(oneHost([to('x', { variables: [{ name: 'a' }, v('b', '1', 'xor')] })]));
    assert.deepEqual(
      problems.map(({ path }) => path.slice(5)),
      [
        ['variables', 0],
        ['variables', 1, 'model'],
      ],
    );
  });
});

describe('compileRouter', () => {
  it('notes every problem with its path', () => {
    const { problems } = compile({
      request_headers_to_add: [{ header: { key: 'bad name', value: 'x' } }],
      virtual_hosts: [
        { domains: ['a.com', '*'], response_headers_to_remove: ['connection'] },
        { domains: ['A.com', '*:*', 'a*b'], routers: [{ route: { weighted_clusters: [{ cluster: { name: 'c' } }] } }] },
      ],
    });
    assert.deepEqual(
      problems.map(({ path }) => path.join('.')),
      [
        'request_headers_to_add.0.header.key',
        'virtual_hosts.0.response_headers_to_remove.0',
        'virtual_hosts.1.routers.0.route.weighted_clusters',
        'virtual_hosts.1.domains.0',
        'virtual_hosts.1.domains.1',
        'virtual_hosts.1.domains.2',
      ],
    );
  });

  it('warns of domains that miss requests with a port, and of virtual hosts without domains', () => {
    const { warnings } = compileGood({ virtual_hosts: [{ domains: ['a.com', 'b.com', 'b.com:*'] }, {}] });
    assert.deepEqual(
      warnings.map(({ path }) => path.join('.')),
      ['virtual_hosts.1', 'virtual_hosts.0.domains.0'],
    );
  });

  it('keeps the name', () => {
    assert.equal(compileGood({}).table.name, 'r');
  });
});

/** Compiles matches that the schema would have refused. */
function compileUnchecked(matches: object[]): ReturnType<typeof compile> {
  const good = readRouter({ router_config_name: 'r', ...oneHost(matches.map(() => to('x', {}))) });
  for (const [i, match] of matches.entries()) Object.assign(good.virtual_hosts[0]?.routers[i]?.match ?? {}, match);
  return compileRouter(good);
}
