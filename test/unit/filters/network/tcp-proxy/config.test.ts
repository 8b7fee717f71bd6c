import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  checkTcpProxy,
  parsePorts,
  type TcpProxyConfig,
  tcpProxyReferences,
} from '../../../../../filters/network/tcp-proxy/config.ts';
import { TcpRoutes } from '../../../../../filters/network/tcp-proxy/routes.ts';
import { tcpAddress, unixAddress } from '../../../../../src/api/address.ts';

const ROUTE = {
  Cluster: 'a',
  SourceAddrs: [{ Address: '10.0.0.0', Length: 8 }],
  DestinationAddrs: [{ Address: 'fd00::', Length: 8 }],
  SourcePort: '1-65535',
  DestinationPort: '80,8000-9000',
};

function config(parts: Partial<TcpProxyConfig>): TcpProxyConfig {
  return { cluster: '', routes: [], ...parts };
}

test('ports: lists and ranges, nothing else', () => {
  assert.deepEqual(parsePorts('80, 8000-9000'), [
    [80, 80],
    [8000, 9000],
  ]);
  assert.deepEqual(parsePorts(''), []);
  for (const text of ['x', '80,', '9-8', '65536', '-1', '80-', '1-2-3'])
    assert.equal(parsePorts(text), undefined, text);
});

test('what the schema cannot say is found with its place', () => {
  assert.deepEqual(checkTcpProxy(config({ cluster: 'a' })), []);
  assert.deepEqual(checkTcpProxy(config({ routes: [ROUTE] })), []);
  assert.equal(checkTcpProxy(config({}))[0]?.message, 'needs "cluster" or "routes"');
  const bad = { ...ROUTE, SourceAddrs: [{ Address: '10.0.0.0', Length: 33 }], DestinationPort: 'http' };
  assert.deepEqual(
    checkTcpProxy(config({ routes: [ROUTE, bad] })).map(({ path }) => path.join('.')),
    ['routes.1.SourceAddrs.0', 'routes.1.DestinationPort'],
  );
});

test('the clusters it needs are those it may choose', () => {
  assert.deepEqual(tcpProxyReferences(config({ cluster: 'c', routes: [ROUTE] })), [
    { kind: 'cluster', name: 'c', path: ['cluster'] },
  ]);
  assert.deepEqual(tcpProxyReferences(config({ routes: [ROUTE] })), [
    { kind: 'cluster', name: 'a', path: ['routes', 0, 'Cluster'] },
  ]);
});

test('all four conditions must hold, and an empty one never does', () => {
  const source = tcpAddress('10.1.2.3', 40_000);
  const destination = tcpAddress('fd00::1', 8080);
  const clusterOf = (parts: Partial<typeof ROUTE>, from = source, to = destination) =>
    new TcpRoutes(config({ routes: [{ ...ROUTE, ...parts }] })).clusterOf(from, to);
  assert.equal(clusterOf({}), 'a');
  assert.equal(clusterOf({ SourceAddrs: [] }), undefined);
  assert.equal(clusterOf({ DestinationAddrs: [] }), undefined);
  assert.equal(clusterOf({ SourcePort: '' }), undefined);
  assert.equal(clusterOf({ DestinationPort: '' }), undefined);
  assert.equal(clusterOf({}, tcpAddress('11.0.0.1', 40_000)), undefined);
  assert.equal(clusterOf({}, source, tcpAddress('fe00::1', 8080)), undefined);
  assert.equal(clusterOf({}, source, tcpAddress('fd00::1', 81)), undefined);
  assert.equal(clusterOf({}, unixAddress('/x')), undefined);
  assert.equal(new TcpRoutes(config({ cluster: 'c', routes: [ROUTE] })).clusterOf(unixAddress('/x'), destination), 'c');
});
