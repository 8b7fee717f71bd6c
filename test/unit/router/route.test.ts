/** What a route does with a request, through the configuration. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ResponseHeaderList } from '../../../src/api/headers.ts';
import { Reason } from '../../../src/api/reason.ts';
import type { Route } from '../../../src/router/route.ts';
import { type Asked, compile, compileGood, lines, noRandom, oneHost, onlyRoute, request } from './support.ts';

const add = (key: string, value: string, append?: boolean): object => ({
  header: { key, value },
  ...(append !== undefined && { append }),
});

function forward(action: object, match: object = { prefix: '/' }, asked: Asked = {}): Route {
  return onlyRoute(oneHost([{ match, route: { cluster_name: 'c', ...action } }]), asked);
}

/** The paths, from the router block, of what is wrong with a route action. */
function faults(action: object, match: object = { prefix: '/' }): string[] {
  const { problems } = compile(oneHost([{ match, route: { cluster_name: 'c', ...action } }]));
  return problems.map(({ path }) => path.slice(4).join('.'));
}

function warned(router: object): string[] {
  return compileGood(oneHost([router])).warnings.map(({ path }) => path.slice(4).join('.'));
}

describe('clusters', () => {
  const choose = (action: object, asked: Asked = {}, random = noRandom): string => {
    const route = onlyRoute(oneHost([{ match: { prefix: '/' }, route: action }]));
    return route.chooseCluster(random, request(asked));
  };

  it('are named by cluster_name, else by a variable', () => {
    const variables = { target: 'by-variable' };
    assert.equal(choose({ cluster_name: 'named', cluster_variable: 'target' }, { variables }), 'named');
    assert.equal(choose({ cluster_variable: 'target' }, { variables }), 'by-variable');
    assert.equal(choose({ cluster_variable: 'target' }), '');
    assert.equal(choose({ cluster_header: 'x' }, { headers: { x: 'c' } }), '');
  });

  it('share requests by weight, before cluster_name', () => {
    const weighted = [
      { cluster: { name: 'a', weight: 1 } },
      { cluster: { name: 'none', weight: 0 } },
      { cluster: { name: 'b', weight: 3 } },
    ];
    const picks = Array.from({ length: 1_000 }, (_, i) =>
      choose({ cluster_name: 'c', weighted_clusters: weighted }, {}, () => i / 1_000),
    );
    const shares = ['a', 'none', 'b', 'c'].map((name) => picks.filter((pick) => pick === name).length);
    assert.deepEqual(shares, [250, 0, 750, 0]);
    assert.equal(
      choose({ weighted_clusters: weighted }, {}, () => 1 - Number.EPSILON / 2),
      'b',
    );
  });

  it('keep the metadata that choose a subset', () => {
    const metadata = (pairs: object): object => ({ filter_metadata: { 'mosn.lb': pairs, other: { x: 'y' } } });
    const route = forward({
      metadata_match: metadata({ zone: 'z', env: 'e' }),
      weighted_clusters: [
        { cluster: { name: 'a', weight: 1, metadata_match: metadata({ color: 'blue' }) } },
        { cluster: { name: 'b', weight: 1 } },
      ],
    });
    assert.deepEqual(route.metadataMatch('a'), [['color', 'blue']]);
    assert.deepEqual(route.metadataMatch('b'), [
      ['env', 'e'],
      ['zone', 'z'],
    ]);
    assert.equal(forward({}).metadataMatch('c'), undefined);
  });

  it('missing altogether are warned of', () => {
    assert.deepEqual(warned({ match: { prefix: '/' } }), ['']);
    assert.deepEqual(warned({ match: { prefix: '/' }, route: {} }), ['route']);
    assert.deepEqual(warned({ match: { prefix: '/' }, direct_response: { status: 200 } }), []);
  });
});

describe('policies', () => {
  it('have defaults', () => {
    const route = forward({});
    assert.equal(route.kind, 'forward');
    assert.equal(route.virtualHost, 'all');
    assert.equal(route.timeout, undefined);
    assert.deepEqual(route.retry, { retryOn: false, perTryTimeout: 0, retries: 3, statusCodes: [] });
    assert.deepEqual([...route.upgrades], ['websocket']);
    assert.equal(route.allowConnect, false);
    assert.equal(route.upstreamProtocol, undefined);
    assert.deepEqual(route.hashPolicy, { kind: 'source_ip' });
    assert.equal(route.mutatesRequest, false);
    assert.equal(route.mutatesResponse, false);
    assert.deepEqual(onlyRoute(oneHost([{}])).retry, route.retry);
  });

  it('are read', () => {
    const route = forward({
      timeout: '2s',
      retry_policy: { retry_on: true, retry_timeout: '1s', num_retries: 1, status_codes: [503] },
      upgrades: ['Foo'],
      connect: true,
      upstream_protocol: 'Http2',
    });
    assert.equal(route.timeout, 2_000);
    assert.deepEqual(route.retry, { retryOn: true, perTryTimeout: 1_000, retries: 1, statusCodes: [503] });
    assert.deepEqual([...route.upgrades], ['foo']);
    assert.equal(route.allowConnect, true);
    assert.equal(route.upstreamProtocol, 'Http2');
  });

  it('know no time-out from the default, and no retries from three', () => {
    assert.equal(forward({ timeout: '0s' }).timeout, undefined);
    assert.equal(forward({ timeout: '-1s' }).timeout, -1_000);
    assert.equal(forward({ retry_policy: {} }).retry.retries, 3);
    assert.equal(forward({ retry_policy: { num_retries: 0 } }).retry.retries, 0);
  });

  it('hash by the first policy', () => {
    const header = { header: { key: 'X-User' } };
    const cookie = { cookie: { name: 'Session', path: '/', ttl: '1h' } };
    assert.deepEqual(forward({ hash_policy: [header, cookie] }).hashPolicy, { kind: 'header', name: 'x-user' });
    assert.deepEqual(forward({ hash_policy: [cookie, header] }).hashPolicy, { kind: 'cookie', name: 'Session' });
    assert.deepEqual(forward({ hash_policy: [{ source_ip: {} }, header] }).hashPolicy, { kind: 'source_ip' });
  });

  it('never let h2c pass', () => {
    assert.deepEqual(faults({ upgrades: ['websocket', 'H2C'] }), ['route.upgrades.1']);
    assert.deepEqual([...forward({ upgrades: [] }).upgrades], []);
  });
});

describe('per_filter_config', () => {
  const source = (route: object, host: object): object =>
    oneHost([{ match: {}, route: { cluster_name: 'c' }, ...route }], host);

  it("is the route's, else the virtual host's", () => {
    const host = { per_filter_config: { fault: { from: 'host' } } };
    const route = { per_filter_config: { fault: { from: 'route' } } };
    assert.deepEqual(onlyRoute(source(route, host)).perFilterConfig('fault'), { from: 'route' });
    assert.deepEqual(onlyRoute(source({}, host)).perFilterConfig('fault'), { from: 'host' });
    assert.equal(onlyRoute(source({}, host)).perFilterConfig('toString'), undefined);
    assert.equal(onlyRoute(source({}, {})).perFilterConfig('fault'), undefined);
  });
});

describe('request headers', () => {
  const apply = (route: Route, asked: Asked = {}): string[] => {
    const one = request(asked);
    assert.equal(route.mutatesRequest, true);
    assert.equal(route.applyRequest(one.requestHeaders, one, ''), true);
    return lines(one.requestHeaders);
  };

  it('are added to, joined by a comma unless append is false', () => {
    const route = forward({ request_headers_to_add: [add('X-A', '1'), add('x-b', '2', false), add('x-c', '3', true)] });
    assert.deepEqual(apply(route), ['x-a: 1', 'x-b: 2', 'x-c: 3']);
    assert.deepEqual(apply(route, { headers: { 'X-A': 'p', 'X-B': ['q', 'r'], 'X-C': ['s', 't'] } }), [
      ...['X-A: p,1', 'X-B: 2', 'X-C: s,t,3'],
    ]);
    assert.deepEqual(apply(route, { headers: { 'x-a': '' } })[0], 'x-a: 1');
  });

  it('change in the order route, virtual host, router; a level removes after it has added', () => {
    const source = {
      request_headers_to_add: [add('x', 'router')],
      ...oneHost(
        [
          {
            match: {},
            route: {
              cluster_name: 'c',
              request_headers_to_add: [add('x', 'route'), add('y', 'route'), add('z', 'route')],
              request_headers_to_remove: ['Z', 'gone'],
            },
          },
        ],
        { request_headers_to_add: [add('x', 'host'), add('z', 'host')], request_headers_to_remove: ['y'] },
      ),
    };
    assert.deepEqual(apply(onlyRoute(source), { headers: { Gone: '1' } }), ['x: route,host,router', 'z: host']);
  });

  it('take variables', () => {
    const route = forward({
      request_headers_to_add: [add('x', '%v%'), add('y', '%v%', false), add('text', '100%'), add('two', '%a%b%')],
    });
    assert.deepEqual(apply(route, { variables: { v: '1' } }), ['x: 1', 'y: 1', 'text: 100%', 'two: %a%b%']);
  });

  it('leave nothing of a client in the place of a variable that is not set or not fit', () => {
    const route = forward({ request_headers_to_add: [add('x', '%v%'), add('y', '%v%', false)] });
    const headers = { x: 'client', y: 'client' };
    assert.deepEqual(apply(route, { headers }), ['x: client', 'y: ']);
    for (const v of ['a\r\nb: c', 'a\0', '\u4f60\u010a']) {
      assert.deepEqual(apply(route, { headers, variables: { v } }), ['x: client', 'y: ']);
    }
  });

  it('that frame the message, and Host, are not for routes to change', () => {
    for (const key of ['Content-Length', 'Transfer-Encoding', 'connection', 'upgrade', 'te', 'Host', ':path', 'a b']) {
      assert.deepEqual(faults({ request_headers_to_add: [add(key, 'x')] }), [
        'route.request_headers_to_add.0.header.key',
      ]);
      assert.deepEqual(faults({ response_headers_to_remove: ['ok', key] }), ['route.response_headers_to_remove.1']);
    }
    for (const value of ['a\r\nb', 'a\0', '\u4f60']) {
      assert.deepEqual(faults({ response_headers_to_add: [add('x', value)] }), [
        'route.response_headers_to_add.0.header.value',
      ]);
    }
  });

  it('stay as they are where variables chose the route, which is warned of', () => {
    const router = {
      match: { variables: [{ name: 'v', value: '1' }] },
      route: { cluster_name: 'c', request_headers_to_add: [add('x', '1')], host_rewrite: 'h' },
    };
    assert.equal(onlyRoute(oneHost([router]), { variables: { v: '1' } }).mutatesRequest, false);
    assert.deepEqual(warned(router), ['route']);
  });
});

describe('response headers', () => {
  it('change on every level and for every kind of route', () => {
    for (const action of [
      { route: { cluster_name: 'c', response_headers_to_add: [add('x', 'route')] } },
      { redirect: { path_redirect: '/x' }, route: { response_headers_to_add: [add('x', 'route')] } },
      { direct_response: { status: 200 }, route: { response_headers_to_add: [add('x', 'route')] } },
    ]) {
      const route = onlyRoute({
        response_headers_to_add: [add('x', '%v%')],
        ...oneHost([{ match: {}, ...action }], { response_headers_to_remove: ['server'] }),
      });
      const headers = new ResponseHeaderList(200);
      headers.append('Server', 's');
      assert.equal(route.mutatesResponse, true);
      route.applyResponse(headers, request({ variables: { v: 'router' } }));
      assert.deepEqual([headers.get('x'), headers.has('server')], ['route,router', false]);
    }
  });

  it('never join cookies', () => {
    const route = forward({ response_headers_to_add: [add('Set-Cookie', 'b=2')] });
    const headers = new ResponseHeaderList(200);
    headers.append('set-cookie', 'a=1');
    route.applyResponse(headers, request());
    assert.deepEqual(headers.getAll('set-cookie'), ['a=1', 'b=2']);
  });
});

describe('host rewrite', () => {
  const host = (action: object, asked: Asked = {}, hostname = 'up.local'): string => {
    const route = forward(action);
    const one = request({ host: 'a.com', ...asked });
    if (route.mutatesRequest) route.applyRequest(one.requestHeaders, one, hostname);
    return one.requestHeaders.authority;
  };

  it('is a fixed host, else a header, else the name of the chosen host', () => {
    const headers = { 'x-host': 'b.com:80' };
    const all = { host_rewrite: 'fixed.com', auto_host_rewrite_header: 'X-Host', auto_host_rewrite: true };
    assert.equal(host(all, { headers }), 'fixed.com');
    assert.equal(host({ ...all, host_rewrite: '' }, { headers }), 'b.com:80');
    assert.equal(host({ ...all, host_rewrite: '', auto_host_rewrite_header: '' }, { headers }), 'up.local');
    assert.equal(host({}, { headers }), 'a.com');
  });

  it('leaves the host where there is no other', () => {
    assert.equal(host({ auto_host_rewrite_header: 'x-host' }), 'a.com');
    assert.equal(host({ auto_host_rewrite_header: 'x-host' }, { headers: { 'x-host': 'a b' } }), 'a.com');
    assert.equal(host({ auto_host_rewrite: true }, {}, ''), 'a.com');
  });

  it('must be a host', () => {
    assert.deepEqual(faults({ host_rewrite: 'a/b' }), ['route.host_rewrite']);
    assert.deepEqual(faults({ host_rewrite: 'a\r\n' }), ['route.host_rewrite']);
    assert.deepEqual(faults({ host_rewrite: '[::1]:80' }), []);
  });
});

describe('path rewrite', () => {
  /** The path that goes upstream and the one that a header remembers; false when the request is refused. */
  const rewrite = (action: object, match: object, path: string): [string, string | undefined] | false => {
    const route = forward(action, match, { path });
    const one = request({ path });
    if (!route.applyRequest(one.requestHeaders, one, '')) return false;
    return [one.requestHeaders.path, one.requestHeaders.get('x-mosn-original-path')];
  };

  it('replaces the prefix that matched', () => {
    const action = { prefix_rewrite: '/b' };
    assert.deepEqual(rewrite(action, { prefix: '/a' }, '/a'), ['/b', '/a']);
    assert.deepEqual(rewrite(action, { prefix: '/a' }, '/a/x?q=/a'), ['/b/x?q=/a', '/a/x']);
    assert.deepEqual(rewrite(action, { prefix: '/a/' }, '/a/x'), ['/bx', '/a/x']);
    assert.deepEqual(rewrite({ prefix_rewrite: '/' }, { prefix: '/a/' }, '/a/x'), ['/x', '/a/x']);
    assert.deepEqual(rewrite({ prefix_rewrite: '/\u00e9 ' }, { prefix: '/a' }, '/a'), ['/%C3%A9%20', '/a']);
  });

  it('replaces the whole of an exact path, in any case', () => {
    assert.deepEqual(rewrite({ prefix_rewrite: '/b' }, { path: '/A' }, '/a?q'), ['/b?q', '/a']);
  });

  it('works on the normal form and remembers what was received', () => {
    assert.deepEqual(rewrite({ prefix_rewrite: '/b' }, { prefix: '/a/~x' }, '/%61/%7ex/y%2fz'), [
      '/b/y%2Fz',
      '/%61/%7ex/y%2fz',
    ]);
  });

  it('replaces every match of a pattern', () => {
    const action = (regex: string, substitution: string): object => ({
      regex_rewrite: { pattern: { regex, google_re2: { max_program_size: 1 } }, substitution },
    });
    const any = { prefix: '/' };
    const swap = action('^/service/([^/]+)(/.*)$', '$2/instance/$1');
    assert.deepEqual(rewrite(swap, any, '/service/foo/v1/api'), ['/v1/api/instance/foo', '/service/foo/v1/api']);
    assert.deepEqual(rewrite(action('a', 'b'), any, '/a/a?a'), ['/b/b?a', '/a/a']);
    assert.deepEqual(rewrite(action('(?P<x>a)(b)?', `\${x}1$2-$$`), any, '/a'), ['/a1-$', '/a']);
    assert.deepEqual(rewrite(swap, any, '/%6Fther'), ['/%6Fther', undefined]);
    assert.deepEqual(rewrite({ ...swap, prefix_rewrite: '/p/' }, any, '/service/foo/x'), [
      '/p/service/foo/x',
      '/service/foo/x',
    ]);
  });

  it('reads group names as Go does, and warns', () => {
    const router = (substitution: string): object => ({
      match: { prefix: '/' },
      route: { cluster_name: 'c', regex_rewrite: { pattern: { regex: '/(a)' }, substitution } },
    });
    assert.deepEqual(warned(router('/$1_x')), ['route.regex_rewrite.substitution']);
    assert.deepEqual(warned(router('/$2')), ['route.regex_rewrite.substitution']);
    assert.deepEqual(warned(router(`/\${1}_x`)), []);
    const action = { regex_rewrite: { pattern: { regex: '/(a)' }, substitution: '/$1_x' } };
    assert.deepEqual(rewrite(action, { prefix: '/' }, '/a/b'), ['//b', '/a/b']);
  });

  it('refuses what would climb out of the new prefix', () => {
    assert.equal(rewrite({ prefix_rewrite: '/b/' }, { prefix: '/a' }, '/a../secret'), false);
    assert.equal(rewrite({ prefix_rewrite: '/b/.' }, { prefix: '/a' }, '/a./secret'), false);
    assert.equal(
      rewrite({ regex_rewrite: { pattern: { regex: 'x' }, substitution: '' } }, { prefix: '/' }, '/.x./a'),
      false,
    );
    assert.equal(
      rewrite({ regex_rewrite: { pattern: { regex: '^/' }, substitution: '' } }, { prefix: '/' }, '/a'),
      false,
    );
  });

  it('leaves targets that are no paths', () => {
    const route = forward({ prefix_rewrite: '/b' });
    const one = request();
    one.requestHeaders.path = 'a.com:443';
    assert.equal(route.applyRequest(one.requestHeaders, one, ''), true);
    assert.equal(one.requestHeaders.path, 'a.com:443');
  });

  it('must give a path', () => {
    assert.deepEqual(faults({ prefix_rewrite: 'b' }), ['route.prefix_rewrite']);
    for (const substitution of ['/?a', '/#', '/\\', '/a b', '/\u00e9']) {
      assert.deepEqual(faults({ regex_rewrite: { pattern: { regex: 'a' }, substitution } }), [
        'route.regex_rewrite.substitution',
      ]);
    }
  });

  it('warns where it has no effect', () => {
    const regexRewrite = { pattern: { regex: 'a' }, substitution: 'b' };
    const router = (match: object, action: object): object => ({ match, route: { cluster_name: 'c', ...action } });
    assert.deepEqual(warned(router({ regex: '/a' }, { prefix_rewrite: '/b' })), ['route.prefix_rewrite']);
    assert.deepEqual(warned(router({}, { prefix_rewrite: '/b' })), ['route.prefix_rewrite']);
    assert.deepEqual(warned(router({}, { regex_rewrite: regexRewrite })), ['route.regex_rewrite']);
    assert.deepEqual(warned(router({ regex: '/a' }, { regex_rewrite: regexRewrite })), []);
  });
});

describe('redirect', () => {
  const location = (redirect: object, asked: Asked = {}): string | undefined => {
    const route = onlyRoute(oneHost([{ match: {}, redirect }]), asked);
    assert.equal(route.kind, 'redirect');
    return route.redirect(request(asked).requestHeaders).headers?.['location'];
  };

  it('overrides scheme, host and path and keeps the query', () => {
    const asked = { host: 'a.com:8080', path: '/x%20y?q=1' };
    assert.equal(location({ scheme_redirect: 'HTTPS' }, asked), 'https://a.com:8080/x%20y?q=1');
    assert.equal(location({ host_redirect: 'b.com' }, asked), 'http://b.com/x%20y?q=1');
    assert.equal(location({ path_redirect: '/z' }, asked), 'http://a.com:8080/z?q=1');
    assert.equal(
      location({ scheme_redirect: 'https', host_redirect: 'b.com', path_redirect: '/z \u00e9' }, asked),
      'https://b.com/z%20%C3%A9?q=1',
    );
    assert.equal(location({ host_redirect: 'b.com' }, { path: '/x' }), 'http://b.com/x');
  });

  it('cuts the port that belonged to the other scheme', () => {
    assert.equal(location({ scheme_redirect: 'https' }, { host: 'a.com:80' }), 'https://a.com/');
    assert.equal(location({ scheme_redirect: 'http' }, { host: 'a.com:443', scheme: 'https' }), 'http://a.com/');
    assert.equal(location({ scheme_redirect: 'https' }, { host: 'a.com:443' }), 'https://a.com:443/');
    assert.equal(location({ scheme_redirect: 'https' }, { host: '[::1]:80' }), 'https://[::1]/');
    assert.equal(location({ scheme_redirect: 'https' }, { host: 'a.com:1080' }), 'https://a.com:1080/');
    assert.equal(location({ path_redirect: '/x' }, { host: 'a.com:80' }), 'http://a.com:80/x');
  });

  it('is relative without a host, and never names one by accident', () => {
    assert.equal(location({ path_redirect: '/x' }, { host: '' }), '/x');
    assert.equal(location({ scheme_redirect: 'https' }, { host: '', path: '//evil.com/' }), '/evil.com/');
    assert.equal(location({ scheme_redirect: 'https' }, { path: '//evil.com/' }), 'https://a.com//evil.com/');
  });

  it('has the status that is asked for', () => {
    const status = (redirect: object): number | undefined => {
      const route = onlyRoute(oneHost([{ match: {}, redirect: { path_redirect: '/x', ...redirect } }]));
      const reply = route.redirect(request().requestHeaders);
      assert.equal(reply.reason, Reason.LocalReply);
      return reply.status;
    };
    assert.equal(status({}), 301);
    for (const code of [301, 302, 303, 307, 308]) assert.equal(status({ response_code: code }), code);
    assert.equal(status({ response_code: 0 }), 301);
  });

  it('refuses what is none', () => {
    const problems = (redirect: object): string[] =>
      compile(oneHost([{ match: {}, redirect }])).problems.map(({ path }) => path.slice(4).join('.'));
    assert.deepEqual(problems({ path_redirect: '/x', response_code: 300 }), ['redirect.response_code']);
    assert.deepEqual(problems({ path_redirect: 'x' }), ['redirect.path_redirect']);
    assert.deepEqual(problems({ host_redirect: 'a/b' }), ['redirect.host_redirect']);
    assert.deepEqual(problems({ scheme_redirect: '1http' }), ['redirect.scheme_redirect']);
    assert.deepEqual(warned({ match: {}, redirect: {} }), ['redirect']);
  });
});

describe('direct response', () => {
  it('answers, before a redirect', () => {
    const router = { match: {}, direct_response: { status: 418, body: 'teapot' }, redirect: { path_redirect: '/x' } };
    const route = onlyRoute(oneHost([router]));
    assert.equal(route.kind, 'direct');
    assert.deepEqual(route.direct(), { reason: Reason.LocalReply, status: 418, body: 'teapot' });
    assert.equal(route.mutatesRequest, false);
  });

  it('has a body only where there can be one', () => {
    const source = (body: string): object => oneHost([{ match: {}, direct_response: { status: 204, body } }]);
    assert.deepEqual(compile(source('x')).problems[0]?.path.slice(4), ['direct_response', 'body']);
    assert.deepEqual(compile(source('')).problems, []);
  });
});
