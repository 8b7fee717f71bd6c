import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SchemaRegistry } from '../../../src/config/registry.ts';
import { validate } from '../../../src/config/validate.ts';
import { RoundRobin } from '../../../src/upstream/balancers/round-robin.ts';
import {
  type ClusterConfig,
  checkCluster,
  clusterManagerSchema,
  clusterSchema,
  hostAddress,
} from '../../../src/upstream/cluster-schema.ts';
import { ClusterBench, clusterConfig, fakeProtocol } from './fakes.ts';

/** What is said of a cluster block: `severity key`. */
function said(block: object): string[] {
  const { problems } = validate(clusterSchema, { name: 'c', ...block }, new SchemaRegistry());
  return problems.map(({ severity, path }) => `${severity} ${path.join('.')}`);
}

function checked(block: object): string[] {
  return checkCluster(clusterConfig(block)).map(({ path }) => path.join('.'));
}

describe('the cluster block', () => {
  test('defaults', () => {
    const config = clusterConfig({});
    assert.equal(config.connect_timeout, 10_000);
    assert.equal(config.idle_timeout, 55_000);
    assert.deepEqual(config.hosts, []);
    assert.deepEqual(config.retry_budget, { percent: 20, min_retries: 3 });
    assert.deepEqual(said({}), []);
  });

  test('a name is required', () => {
    const { problems } = validate(clusterSchema, {}, new SchemaRegistry());
    assert.deepEqual(
      problems.map(({ severity, path }) => [severity, path.join('.')]),
      [['error', 'name']],
    );
  });

  test('what MOSN has and acts as configured is silent', () => {
    assert.deepEqual(
      said({
        type: 'SIMPLE',
        lb_type: 'LB_RANDOM',
        max_request_per_conn: 1024,
        conn_buffer_limit_bytes: 32768,
        circuit_breakers: [{ max_connections: 1, max_pending_requests: 1, max_requests: 1, max_retries: 1 }],
        spec: { subscribe: [] },
        tls_context: { status: false },
        hosts: [
          {
            address: 'a:1',
            hostname: 'h',
            weight: 1,
            tls_disable: false,
            metadata: { filter_metadata: { 'mosn.lb': { v: '1' } } },
          },
        ],
        idle_timeout: '90s',
        dns_lookup_family: 'V4_ONLY',
        cluster_pool_enable: true,
      }),
      [],
    );
  });

  test('what is not implemented yet warns', () => {
    for (const [key, value] of Object.entries({
      type: 'STRICT_DNS',
      lb_type: 'LB_MAGLEV',
      health_check: { service_name: 's' },
      lb_subset_config: { fall_back_policy: 1 },
      slow_start: { mode: 'duration' },
      lbconfig: { choice_count: 3 },
      keepalive: { interval: '1s' },
      dns_refresh_rate: '5s',
      mark: 7,
    })) {
      assert.deepEqual(said({ [key]: value }), [`warning ${key}`], key);
    }
    assert.deepEqual(said({ type: 'EDS' }), ['warning type']);
  });

  test('what would change security or destination is refused', () => {
    assert.deepEqual(said({ tls_context: { status: true } }), ['error tls_context']);
    assert.deepEqual(said({ tls_context: { Status: true } }), ['error tls_context']);
    const { problems } = validate(clusterManagerSchema, { tls_context: { status: true } }, new SchemaRegistry());
    assert.deepEqual(
      problems.map(({ severity }) => severity),
      ['error'],
    );
    assert.deepEqual(checked({ type: 'ORIGINAL_DST' }), ['type']);
    assert.deepEqual(checked({ lb_type: 'LB_ORIGINAL_DST' }), ['lb_type']);
  });

  test('names of types that nobody knows are errors', () => {
    assert.deepEqual(said({ type: 'STATIK' }), ['error type']);
    assert.deepEqual(said({ lb_type: 'LB_ROUNDROBBIN' }), ['error lb_type']);
  });

  test('host addresses', () => {
    const hosts = [
      '10.0.0.1:80',
      '[::1]:80',
      'db:80',
      'unix:/run/s',
      'db',
      '10.0.0.1:99999',
      '::1',
      'a b',
      '10.0.0.1:0',
    ];
    const bad = checked({ hosts: hosts.map((address) => ({ address })) });
    assert.deepEqual(
      bad,
      [4, 5, 6, 7, 8].map((i) => `hosts.${i}.address`),
    );
    assert.equal(hostAddress('db', 'STRICT_DNS')?.text, 'db:80');
    assert.equal(hostAddress('10.0.0.1', 'STRICT_DNS'), undefined);
    assert.deepEqual(said({ hosts: [{}] }), ['error hosts.0.address']);
  });

  test('durations need a unit', () => {
    assert.deepEqual(said({ connect_timeout: 15 }), ['error connect_timeout']);
  });
});

describe('a cluster', () => {
  test('hosts have slots, weights from 1 to 128, and metadata; of two with one address the first counts', () => {
    const { cluster } = new ClusterBench({
      hosts: [
        { address: '10.0.0.1:80', weight: 0 },
        {
          address: '10.0.0.2:80',
          weight: 500,
          hostname: 'two',
          metadata: { filter_metadata: { 'mosn.lb': { zone: 'b' } } },
        },
        { address: '10.0.0.1:80', weight: 5 },
        { address: 'unix:/run/app.sock' },
        { address: 'db.local:80' },
      ],
    });
    assert.deepEqual(
      cluster.hosts.map(({ address, slot, weight, isName }) => [address.text, slot, weight, isName]),
      [
        ['10.0.0.1:80', 0, 1, false],
        ['10.0.0.2:80', 1, 128, false],
        ['unix:/run/app.sock', 2, 1, false],
        ['db.local:80', 3, 1, true],
      ],
    );
    assert.equal(cluster.hosts[1]?.hostname, 'two');
    assert.equal(cluster.hosts[1]?.metadata.get('zone'), 'b');
  });

  test('chooses by its balancer; an unknown one is round robin', () => {
    const { cluster } = new ClusterBench({
      lb_type: 'LB_MAGLEV',
      hosts: [{ address: '10.0.0.1:80' }, { address: '10.0.0.2:80' }],
    });
    const context = { attempt: 0, random: () => 0 };
    const expected = new RoundRobin(cluster.hosts, () => 0);
    for (let i = 0; i < 4; i++) assert.equal(cluster.chooseHost(context), expected.choose(context));
  });

  test('without hosts nobody is chosen', () => {
    const { cluster } = new ClusterBench({ hosts: [] });
    assert.equal(cluster.chooseHost({ attempt: 0, random: () => 0 }), undefined);
  });

  test('one pool per host, protocol and settings', () => {
    const { cluster } = new ClusterBench({ hosts: [{ address: '10.0.0.1:80' }, { address: '10.0.0.2:80' }] });
    const [first, second] = cluster.hosts as [(typeof cluster.hosts)[number], (typeof cluster.hosts)[number]];
    const settings = {};
    const pool = cluster.pool(first, fakeProtocol, settings);
    assert.equal(cluster.pool(first, fakeProtocol, settings), pool);
    assert.notEqual(cluster.pool(second, fakeProtocol, settings), pool);
    assert.notEqual(cluster.pool(first, fakeProtocol, {}), pool);
    assert.notEqual(cluster.pool(first, { ...fakeProtocol }, settings), pool);
  });

  test('a connect time-out of 0 is the default', () => {
    const config: Partial<ClusterConfig> = clusterConfig({ connect_timeout: '0s' });
    assert.equal(config.connect_timeout, 0);
    assert.equal(new ClusterBench({ connect_timeout: '0s' }).cluster.connectTimeout, 10_000);
  });
});
