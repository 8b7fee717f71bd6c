import assert from 'node:assert/strict';
import { test } from 'node:test';
import { any } from '../../../src/api/schema.ts';
import { formatPath } from '../../../src/config/problem.ts';
import { SchemaRegistry } from '../../../src/config/registry.ts';
import { validate } from '../../../src/config/validate.ts';
import { checkListener, type ListenerConfig, listenerSchema } from '../../../src/network/listener-schema.ts';

const registry = new SchemaRegistry().register('network_filter', { type: 'proxy', config: any() });
const MINIMAL = { address: '127.0.0.1:80', filter_chains: [{ filters: [{ type: 'proxy' }] }] };

/** The problems of a listener with these keys, as `severity path`. */
function problems(keys: object): string[] {
  const { value, problems } = validate(listenerSchema, { ...MINIMAL, ...keys }, registry);
  const found = problems.map(({ severity, path }) => `${severity} ${formatPath(path)}`);
  if (found.length > 0 || value === undefined) return found;
  return checkListener(value as ListenerConfig).map(({ path }) => `check ${formatPath(path)}`);
}

test('an address and one filter chain are enough; the rest has defaults', () => {
  const { value, problems } = validate(listenerSchema, MINIMAL, registry);
  assert.deepEqual(problems, []);
  const config = value as ListenerConfig;
  assert.deepEqual(checkListener(config), []);
  assert.equal(config.network, 'tcp');
  assert.equal(config.bind_port, false);
  assert.equal(config.connection_idle_timeout, undefined);
  assert.deepEqual([config.stream_filters, config.access_logs, config.trusted_cidrs], [[], [], []]);
});

test('a listener has exactly one filter chain', () => {
  assert.deepEqual(problems({ filter_chains: [] }), ['error filter_chains']);
  assert.deepEqual(problems({ filter_chains: [...MINIMAL.filter_chains, ...MINIMAL.filter_chains] }), [
    'error filter_chains',
  ]);
  assert.deepEqual(problems({ filter_chains: undefined }), ['error filter_chains']);
});

test('what would change security or destination is refused unless it is off', () => {
  const chain = (keys: object) => [{ ...MINIMAL.filter_chains[0], ...keys }];
  for (const keys of [
    { use_original_dst: 'redirect' },
    { inspector: true },
    { listener_filters: [{ type: 'original_dst' }] },
    { filter_chains: chain({ tls_context: { status: true } }) },
    { filter_chains: chain({ tls_context: { Status: true } }) },
    { filter_chains: chain({ tls_context_set: [{ status: false }, { status: true }] }) },
  ]) {
    assert.match(problems(keys).join(), /^error /, JSON.stringify(keys));
  }
  for (const keys of [
    { use_original_dst: '' },
    { inspector: false },
    { listener_filters: [] },
    { filter_chains: chain({ tls_context: { status: false } }) },
    { filter_chains: chain({ tls_context: {} }) },
    { filter_chains: chain({ tls_context_set: [{ status: false }] }) },
  ]) {
    assert.deepEqual(problems(keys), [], JSON.stringify(keys));
  }
});

test('keys without effect pass in silence', () => {
  assert.deepEqual(problems({ reuseport: true, default_read_buffer_size: 1024, type: 'egress' }), []);
});

test('networks: tcp and unix in any case; udp and others are refused', () => {
  assert.deepEqual(problems({ network: 'TCP' }), []);
  assert.deepEqual(problems({ network: 'unix', address: 'relative.sock' }), []);
  assert.deepEqual(problems({ network: 'udp' }), ['check network']);
  assert.deepEqual(problems({ network: 'sctp' }), ['check network']);
});

test('addresses and networks of trusted peers are checked', () => {
  for (const address of ['127.0.0.1', 'host:99999', '1:2:3', '']) {
    assert.deepEqual(problems({ address }), ['check address'], address);
  }
  for (const address of [':80', '[::1]:80', 'localhost:80']) assert.deepEqual(problems({ address }), [], address);
  assert.deepEqual(problems({ trusted_cidrs: ['10.0.0.0/8', '::1', 'fd00::/8'] }), []);
  assert.deepEqual(problems({ trusted_cidrs: ['10.0.0.0/8', '10.0.0.0/33', 'x', '::/129', '1.2.3.4/8/8'] }), [
    'check trusted_cidrs[1]',
    'check trusted_cidrs[2]',
    'check trusted_cidrs[3]',
    'check trusted_cidrs[4]',
  ]);
});
