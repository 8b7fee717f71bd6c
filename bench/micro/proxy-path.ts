/**
 * What one request costs in JavaScript on its way through the whole proxy, without sockets: codec, filters, route, host,
 * pool, codec and back. Prints the best of many batches in ns per request: `node bench/micro/proxy-path.ts [headers]`.
 */

import { tcpAddress } from '../../src/api/address.ts';
import type { Connection, ConnectionHandler } from '../../src/api/connection.ts';
import { builtinExtensions } from '../../src/builtin.ts';
import { validate } from '../../src/config/validate.ts';
import { clock } from '../../src/network/clock.ts';
import { listenerSchema } from '../../src/network/listener-schema.ts';
import { turn } from '../../src/network/turn.ts';
import { MetricStore } from '../../src/observe/metric-store.ts';
import { proxySchema } from '../../src/proxy/proxy-schema.ts';
import { StreamTimers } from '../../src/proxy/stream-timers.ts';
import { compileRouter } from '../../src/router/route-table.ts';
import { routerSchema } from '../../src/router/router-schema.ts';
import { compileProxy } from '../../src/server/proxy-factory.ts';
import { ClusterManager } from '../../src/upstream/cluster-manager.ts';
import { clusterManagerSchema } from '../../src/upstream/cluster-schema.ts';

const BATCH = 2000;
const BATCHES = 200;

const extraHeaders = Number(process.argv[2] ?? 1);
const lines = Array.from({ length: extraHeaders }, (_, i) => `X-Header-${i}: some value of usual length ${i}\r\n`);
const request = Buffer.from(`GET /some/path?q=1 HTTP/1.1\r\nHost: www.example.com\r\n${lines.join('')}\r\n`);
const body = 'x'.repeat(48);
const response = Buffer.from(
  `HTTP/1.1 200 OK\r\nServer: nginx\r\nDate: Wed, 25 Nov 2026 04:16:06 GMT\r\nContent-Type: text/plain\r\nContent-Length: ${body.length}\r\nConnection: keep-alive\r\n\r\n${body}`,
);

/** Swallows what is written; an upstream one answers each write of a head at once. */
class MemoryConnection implements Connection {
  readonly id = 1;
  readonly localAddress = tcpAddress('127.0.0.1', 80);
  readonly remoteAddress = tcpAddress('127.0.0.1', 40_000);
  readonly owner = 'bench';
  readonly startTime = 0;
  readonly open = true;
  readonly pending = 0;
  readonly blocked = false;
  bytesRead = 0;
  bytesWritten = 0;
  handler: ConnectionHandler | undefined;
  texts = 0;

  writeText(text: string): void {
    this.texts += text.length;
  }
  writeBytes(chunk: Uint8Array): void {
    this.texts += chunk.length;
  }
  pause(): void {}
  resume(): void {}
  bulk(): void {}
  defer(): void {}
  end(): void {}
  close(): void {}
  closeLingering(): void {}
  destroy(): void {}
}

const extensions = builtinExtensions();
const schemas = extensions.schemas;
const metrics = new MetricStore();
const upstream = new MemoryConnection();
const clusterConfig = { clusters: [{ name: 'c', hosts: [{ address: '127.0.0.1:8080' }] }] };
const clusters = new ClusterManager(validate(clusterManagerSchema, clusterConfig, schemas).value as never, {
  metrics,
  dial: (_address, _options, handler, opener) => {
    upstream.handler = handler;
    setImmediate(() => opener.onConnected(upstream as never));
    return { cancel() {} };
  },
});
const routerConfig = {
  router_config_name: 'r',
  virtual_hosts: [{ name: 'v', domains: ['*'], routers: [{ match: { prefix: '/' }, route: { cluster_name: 'c' } }] }],
};
const { table } = compileRouter(validate(routerSchema, routerConfig, schemas).value as never);
const proxyConfig = validate(proxySchema, { downstream_protocol: 'Http1', router_config_name: 'r' }, schemas).value;
const listener = validate(listenerSchema, { address: ':80', filter_chains: [{ filters: [] }] }, schemas).value;
const log = { error() {}, warn() {}, info() {}, debug() {} };
const make = compileProxy(proxyConfig as never, listener as never, {
  extensions,
  context: { clock, log, metrics, clusters, listener: 'in' },
  clusters,
  routers: new Map([['r', table]]),
  timers: new StreamTimers(clock),
  filters: undefined,
  accessLogs: [],
});
const downstream = new MemoryConnection();
const filter = make(downstream, { continueReading() {} });

filter.onData?.(request);
await new Promise((resolve) => setTimeout(resolve, 10));
upstream.handler?.onData(response);

let best = Number.POSITIVE_INFINITY;
for (let batch = 0; batch < BATCHES; batch++) {
  turn.enter();
  const start = process.hrtime.bigint();
  for (let i = 0; i < BATCH; i++) {
    filter.onData?.(request);
    upstream.handler?.onData(response);
  }
  const ns = Number(process.hrtime.bigint() - start) / BATCH;
  if (ns < best) best = ns;
  await new Promise((resolve) => setImmediate(resolve));
}
console.log(`${extraHeaders + 1} headers: ${best.toFixed(0)} ns per request (${downstream.texts} bytes out)`);
clusters.close();
process.exit(0);
