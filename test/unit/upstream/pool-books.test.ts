/** The books of the pools hold under any sequence of events. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Reason } from '../../../src/api/reason.ts';
import type { PingPongPool } from '../../../src/upstream/ping-pong-pool.ts';
import { ClusterBench, type FakeConnection, FakeRequest } from './fakes.ts';

interface Model {
  closed: boolean;
}

/** The pools of two hosts of one cluster, with every request and connection that there ever was. */
class World {
  readonly bench: ClusterBench;
  readonly requests: { request: FakeRequest; cancelled: boolean }[] = [];
  readonly connections: FakeConnection[] = [];
  failed = 0;

  constructor(limits: object) {
    this.bench = new ClusterBench({
      hosts: [{ address: '10.0.0.1:80' }, { address: '10.0.0.2:80' }],
      circuit_breakers: [limits],
      pending_timeout: '5s',
      idle_timeout: '30s',
    });
  }

  acquire(host: number, eager: boolean, anew = false): void {
    const request = new FakeRequest();
    this.requests.push({ request, cancelled: false });
    if (!eager) request.onReady = () => {};
    // One that is reset is sent again from within the callback, as the proxy does.
    request.afterReset = (reason) => {
      if (reason === Reason.UpstreamReset) this.acquire(host, true, true);
    };
    const pool = this.bench.pool(host);
    if (anew) pool.acquireNew(request);
    else pool.acquire(request);
  }

  get waiting() {
    return this.requests.filter(({ request, cancelled }) => !cancelled && request.log.length === 0);
  }

  get open(): FakeConnection[] {
    return this.connections.filter(({ open }) => open);
  }

  get busy(): FakeRequest[] {
    return this.requests
      .map(({ request }) => request)
      .filter((request) => request.encoder !== undefined && !/end|reset/.test(request.log.at(-1) ?? ''))
      .filter((request) => request.connection.open);
  }

  check(model: Model): void {
    const { bench } = this;
    const { breakers } = bench.cluster;
    const pools = [bench.pool(0), bench.pool(1)] as PingPongPool[];
    const sum = (key: 'connecting' | 'active' | 'idle' | 'waiting') =>
      pools.reduce((total, pool) => total + pool[key], 0);

    // Connections opened = active + idle + closed; a closed one belongs to nobody.
    assert.equal(bench.count('connection_total'), this.connections.length);
    assert.equal(
      bench.count('connection_total'),
      sum('active') + sum('idle') + bench.count('connection_close'),
      'connections',
    );
    assert.equal(bench.count('connection_active'), sum('active') + sum('idle'));
    assert.equal(bench.count('connection_con_fail'), this.failed);
    assert.equal(
      bench.count('connection_local_close') + bench.count('connection_remote_close'),
      bench.count('connection_close'),
    );
    assert.equal(sum('connecting'), bench.dialer.pending);
    assert.equal(breakers.connections.used, sum('connecting') + sum('active') + sum('idle'));
    assert.ok(breakers.connections.max === 0 || breakers.connections.used <= breakers.connections.max);

    // Requests: those in flight are on one connection each.
    assert.equal(breakers.requests.used, sum('active'));
    assert.equal(bench.count('request_active'), sum('active'));
    assert.equal(this.busy.length, sum('active'));
    assert.equal(new Set(this.busy.map(({ connection }) => connection)).size, this.busy.length);
    assert.ok(breakers.requests.max === 0 || breakers.requests.used <= breakers.requests.max);
    assert.deepEqual(
      bench.cluster.hosts.map((host) => host.activeRequests),
      pools.map((pool) => pool.active),
    );

    // Every acquire is answered exactly once, waits, or was cancelled and hears nothing.
    assert.equal(this.waiting.length, sum('waiting'));
    for (const { request } of this.requests) {
      const answers = request.log.filter((line) => line === 'ready' || line.startsWith('failure')).length;
      assert.ok(answers <= 1, `${request.log}`);
    }
    const queued = pools.reduce((total, pool) => total + Math.max(0, pool.waiting - pool.connecting), 0);
    assert.equal(breakers.pendingRequests.used, queued);
    assert.ok(queued <= breakers.pendingRequests.max, 'queued');
    // Nobody waits for a slot that lies idle.
    if (queued > 0) assert.equal(sum('idle'), 0);
    if (model.closed) assert.equal(sum('active') + sum('idle') + sum('waiting') + sum('connecting'), 0);
  }
}

type Run = (world: World, model: Model) => void;

function command(name: string, run: Run): fc.Command<Model, World> {
  return {
    check: () => true,
    run(model, world) {
      run(world, model);
      world.check(model);
    },
    toString: () => name,
  };
}

function pick<T>(items: readonly T[], n: number): T | undefined {
  return items.length === 0 ? undefined : items[n % items.length];
}

const index = fc.nat(100);

const commands = [
  fc
    .tuple(fc.nat(1), fc.boolean())
    .map(([host, eager]) =>
      command(`acquire ${host}${eager ? '' : ' and decline'}`, (world) => world.acquire(host, eager)),
    ),
  fc.nat(1).map((host) => command(`acquire ${host}`, (world) => world.acquire(host, true))),
  index.map((n) =>
    command(`cancel waiting ${n}`, (world) => {
      const entry = pick(world.waiting, n);
      if (entry === undefined) return;
      entry.cancelled = true;
      for (const host of [0, 1]) world.bench.pool(host).cancel(entry.request);
    }),
  ),
  index.map((n) => command(`reset busy ${n}`, (world) => pick(world.busy, n)?.encoder?.reset())),
  fc.constant(
    command('connected', (world) => {
      if (world.bench.dialer.pending === 0) return;
      world.connections.push(world.bench.dialer.next().connected());
    }),
  ),
  fc.constant(
    command('connect failed', (world) => {
      if (world.bench.dialer.pending === 0) return;
      world.failed++;
      world.bench.dialer.next().failed();
    }),
  ),
  fc
    .tuple(index, fc.constantFrom('end', 'end', 'last', 'bad', 'head', 'end more'))
    .map(([n, text]) => command(`receive "${text}" ${n}`, (world) => pick(world.busy, n)?.connection.receive(text))),
  index.map((n) => command(`data on any ${n}`, (world) => pick(world.open, n)?.receive('word'))),
  index.map((n) => command(`FIN ${n}`, (world) => pick(world.open, n)?.receiveEnd())),
  index.map((n) => command(`RST ${n}`, (world) => pick(world.open, n)?.receiveReset())),
  fc.constant(
    command('end of turn', (world) => {
      for (const connection of world.connections) connection.settle();
    }),
  ),
  fc.constantFrom(10, 1000, 5000, 31_000).map((ms) => command(`${ms} ms`, (world) => world.bench.clock.advance(ms))),
];

const close = fc.constant(
  command('close', (world, model) => {
    model.closed = true;
    world.bench.cluster.close();
  }),
);

test('the books balance after every event', () => {
  const limits = fc.record({
    max_connections: fc.constantFrom(0, 1, 2, 3),
    max_pending_requests: fc.constantFrom(0, 1, 3),
    max_requests: fc.constantFrom(0, 0, 1, 2),
  });
  fc.assert(
    fc.property(
      limits,
      fc.commands(commands, { maxCommands: 60, size: 'max' }),
      fc.option(close),
      (limit, run, end) => {
        const world = new World(limit);
        const model: Model = { closed: false };
        fc.modelRun(() => ({ model, real: world }), run);
        if (end !== null) {
          fc.modelRun(() => ({ model, real: world }), [end, ...run]);
          for (const connection of world.connections) connection.settle();
          world.check(model);
          assert.equal(world.bench.clock.armed, 0);
        }
      },
    ),
    { numRuns: 400 },
  );
});
