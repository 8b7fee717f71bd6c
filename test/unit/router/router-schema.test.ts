import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formatPath } from '../../../src/config/problem.ts';
import { validate } from '../../../src/config/validate.ts';
import { routerSchema } from '../../../src/router/router-schema.ts';
import { readRouter, registry } from './support.ts';

/** What validation says of one route. */
function findings(route: object): string[] {
  const source = { router_config_name: 'r', virtual_hosts: [{ domains: ['*'], routers: [route] }] };
  const { problems } = validate(routerSchema, source, registry);
  return problems.map(
    ({ severity, path }) => `${severity} ${formatPath(path).replace('virtual_hosts[0].routers[0].', '')}`,
  );
}

describe('routerSchema', () => {
  it('knows every key of MOSN', () => {
    const lists = {
      request_headers_to_add: [{ header: { key: 'a', value: 'b' }, append: null }],
      request_headers_to_remove: ['a'],
      response_headers_to_add: [{ header: { key: 'a', value: 'b' }, append: false }],
      response_headers_to_remove: ['a'],
    };
    const metadata = { filter_metadata: { 'mosn.lb': { k: 'v' } } };
    const source = {
      router_config_name: 'r',
      ...lists,
      virtual_hosts: [
        {
          name: 'v',
          domains: ['*'],
          require_tls: 'ALL',
          ...lists,
          per_filter_config: { fault: {} },
          routers: [
            {
              match: {
                prefix: '/',
                path: '/',
                regex: '/',
                variables: [{ name: 'a', value: 'b', regex: 'c', model: 'or' }],
                headers: [{ name: 'a', value: 'b', regex: true }],
              },
              route: {
                cluster_name: 'c',
                cluster_variable: 'v',
                cluster_header: 'h',
                upstream_protocol: 'Http1',
                weighted_clusters: [{ cluster: { name: 'c', weight: 1, metadata_match: metadata } }],
                hash_policy: [
                  { header: { key: 'k' } },
                  { cookie: { name: 'n', path: '/', ttl: '1s' } },
                  { source_ip: {} },
                ],
                metadata_match: metadata,
                timeout: '1s',
                retry_policy: { retry_on: true, retry_timeout: '1s', num_retries: 1, status_codes: [500] },
                prefix_rewrite: '/x',
                regex_rewrite: { pattern: { regex: 'a', google_re2: { max_program_size: 1 } }, substitution: 'b' },
                host_rewrite: 'h',
                auto_host_rewrite: true,
                auto_host_rewrite_header: 'h',
                ...lists,
              },
              redirect: { response_code: 302, path_redirect: '/', host_redirect: 'h', scheme_redirect: 'https' },
              direct_response: { status: 200, body: '' },
              metadata,
              per_filter_config: { fault: {} },
              request_mirror_policies: { cluster: 'c', percent: 1, trace_sampled: true },
            },
          ],
        },
      ],
    };
    const { problems } = validate(routerSchema, source, registry, { strict: true });
    const planned = problems.map(({ severity, path }) => `${severity} ${path.slice(4).join('.')}`);
    // What Weft does not do yet is said, and nothing else is.
    assert.deepEqual(planned.toSorted(), [
      'warning request_mirror_policies',
      'warning route.hash_policy',
      'warning route.metadata_match',
      'warning route.weighted_clusters.0.cluster.metadata_match',
    ]);
    const [host] = readRouter(source).virtual_hosts;
    assert.deepEqual(
      host?.request_headers_to_add.map(({ append }) => append),
      [true],
    );
  });

  it('refuses what would send a request elsewhere', () => {
    assert.deepEqual(findings({ match: { dsl_expressions: [{ expression: 'true' }] } }), [
      'error match.dsl_expressions',
    ]);
    assert.deepEqual(findings({ match: { dsl_expressions: [] } }), []);
  });

  it('says what is wrong', () => {
    assert.deepEqual(findings({ match: { regex: '(' } }), ['error match.regex']);
    assert.deepEqual(findings({ route: { timeout: 15 } }), ['error route.timeout']);
    assert.deepEqual(findings({ direct_response: { body: 'x' } }), ['error direct_response.status']);
    assert.deepEqual(findings({ route: { request_headers_to_add: [{ append: true }] } }), [
      'error route.request_headers_to_add[0].header',
    ]);
    assert.deepEqual(findings({ per_filter_config: { unknown: {} } }), ['error per_filter_config.unknown']);
  });

  it('gives upgrades their default', () => {
    assert.deepEqual(
      readRouter({ router_config_name: 'r', virtual_hosts: [{ routers: [{ route: {} }] }] }).virtual_hosts[0]
        ?.routers[0]?.route?.upgrades,
      ['websocket'],
    );
  });
});
