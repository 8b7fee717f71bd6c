/** In-memory stand-ins for what the upstream room is built on: time, connections, a protocol, metrics. */

import type { Address } from '../../../src/api/address.ts';
import { tcpAddress } from '../../../src/api/address.ts';
import type { ConnectionHandler } from '../../../src/api/connection.ts';
import type { RequestHeaders } from '../../../src/api/headers.ts';
import type { Counter, Histogram, MetricGroup, Metrics } from '../../../src/api/metrics.ts';
import type {
  ClientCodec,
  ClientEvents,
  Protocol,
  RequestEncoder,
  ResponseReceiver,
} from '../../../src/api/protocol.ts';
import { CloseReason, Reason } from '../../../src/api/reason.ts';
import * as schema from '../../../src/api/schema.ts';
import type { Clock, TimerHandle } from '../../../src/api/timer.ts';
import { SchemaRegistry } from '../../../src/config/registry.ts';
import { validate } from '../../../src/config/validate.ts';
import { Cluster } from '../../../src/upstream/cluster.ts';
import { type ClusterConfig, clusterSchema } from '../../../src/upstream/cluster-schema.ts';
import { type ConnectOptions, Connector, type Dial, type UpstreamOpener } from '../../../src/upstream/connector.ts';
import { Host, type UpstreamConnection } from '../../../src/upstream/host.ts';
import type { PooledClient, PoolWaiter } from '../../../src/upstream/pool.ts';
import { type Lookup, Resolver } from '../../../src/upstream/resolver.ts';
import { clusterStats, hostStats } from '../../../src/upstream/stats.ts';

/** Time that passes when it is told to. */
export class FakeClock implements Clock {
  time = 1000;
  readonly #timers = new Set<FakeTimer>();

  now(): number {
    return this.time;
  }

  wallTime(): number {
    return this.time;
  }

  timer(onTimer: () => void): TimerHandle {
    return new FakeTimer(this, this.#timers, onTimer);
  }

  /** Lets time pass and runs what is due, in order. */
  advance(ms: number): void {
    const end = this.time + ms;
    for (;;) {
      const due = [...this.#timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      this.time = due.at;
      due.stop();
      due.onTimer();
    }
    this.time = end;
  }

  get armed(): number {
    return this.#timers.size;
  }
}

class FakeTimer implements TimerHandle {
  at = 0;
  readonly onTimer: () => void;
  readonly #clock: FakeClock;
  readonly #timers: Set<FakeTimer>;

  constructor(clock: FakeClock, timers: Set<FakeTimer>, onTimer: () => void) {
    this.#clock = clock;
    this.#timers = timers;
    this.onTimer = onTimer;
  }

  start(ms: number): void {
    this.at = this.#clock.time + ms;
    this.#timers.add(this);
  }

  stop(): void {
    this.#timers.delete(this);
  }

  get armed(): boolean {
    return this.#timers.has(this);
  }
}

class FakeCounter implements Counter, Histogram {
  value = 0;

  add(n: number): void {
    this.value += n;
  }

  observe(): void {
    this.value++;
  }
}

export class FakeMetrics implements Metrics {
  readonly #values = new Map<string, FakeCounter>();

  group(type: string, labels: Readonly<Record<string, string>>): MetricGroup {
    const prefix = [type, ...Object.values(labels)].join('/');
    const get = (key: string): FakeCounter => {
      const name = `${prefix}/${key}`;
      const value = this.#values.get(name) ?? new FakeCounter();
      this.#values.set(name, value);
      return value;
    };
    return { counter: get, gauge: get, histogram: get };
  }

  /** `upstream/cluster/key` or `upstream/cluster/host/key`. */
  value(name: string): number {
    const counter = this.#values.get(name);
    if (counter === undefined) throw new Error(`no metric ${name}`);
    return counter.value;
  }
}

let connections = 0;

/** A connection without a network. As in the real one, `onClose` follows the closing call later, by `settle`. */
export class FakeConnection implements UpstreamConnection {
  readonly id = ++connections;
  readonly localAddress: Address = tcpAddress('127.0.0.1', 1);
  readonly remoteAddress: Address;
  readonly owner: string;
  readonly startTime = 0;
  readonly handler: ConnectionHandler;
  open = true;
  pending = 0;
  blocked = false;
  /** `onClose` has been called. */
  closed = false;
  bytesRead = 0;
  bytesWritten = 0;
  /** Calls of `close` and `destroy`. */
  readonly log: string[] = [];
  #closing: CloseReason | undefined;

  constructor(address: Address, owner: string, handler: ConnectionHandler) {
    this.remoteAddress = address;
    this.owner = owner;
    this.handler = handler;
  }

  writeText(text: string): void {
    this.bytesWritten += text.length;
  }

  writeBytes(chunk: Uint8Array): void {
    this.bytesWritten += chunk.length;
  }

  pause(): void {}
  resume(): void {}
  bulk(): void {}
  defer(task: () => void): void {
    queueMicrotask(task);
  }
  end(): void {}

  close(reason: CloseReason): void {
    if (!this.open) return;
    this.log.push('close');
    this.open = false;
    this.#closing = reason;
  }

  closeLingering(reason: CloseReason): void {
    this.close(reason);
  }

  destroy(reason: CloseReason): void {
    if (this.closed) return;
    this.log.push('destroy');
    this.open = false;
    this.pending = 0;
    this.#closing ??= reason;
  }

  /** The end of the turn: tells the handler of a connection that was closed from this side. */
  settle(): void {
    if (this.#closing === undefined || this.pending > 0 || this.closed) return;
    this.closed = true;
    this.handler.onClose(this.#closing);
  }

  /** Bytes from the peer. */
  receive(text: string): void {
    if (!this.open) return;
    this.bytesRead += text.length;
    this.handler.onData(Buffer.from(text));
  }

  /** FIN from the peer. */
  receiveEnd(): void {
    if (this.open) this.handler.onEnd();
  }

  /** RST from the peer. */
  receiveReset(): void {
    if (!this.open) return;
    this.open = false;
    this.closed = true;
    this.handler.onClose(CloseReason.RemoteReset);
  }
}

/** One call of `dial`. */
export class FakeDialing {
  readonly address: Address;
  readonly options: ConnectOptions;
  readonly #handler: ConnectionHandler;
  readonly #opener: UpstreamOpener;
  cancelled = false;

  constructor(address: Address, options: ConnectOptions, handler: ConnectionHandler, opener: UpstreamOpener) {
    this.address = address;
    this.options = options;
    this.#handler = handler;
    this.#opener = opener;
  }

  cancel(): void {
    this.cancelled = true;
  }

  connected(): FakeConnection {
    const connection = new FakeConnection(this.address, this.options.owner, this.#handler);
    this.#opener.onConnected(connection);
    return connection;
  }

  failed(reason: Reason = Reason.ConnectFailed): void {
    this.#opener.onFailed(reason);
  }
}

/** Keeps every call of `dial` for the test to answer. */
export class FakeDialer {
  readonly all: FakeDialing[] = [];
  readonly #open: FakeDialing[] = [];

  readonly dial: Dial = (address, options, handler, opener) => {
    const dialing = new FakeDialing(address, options, handler, opener);
    this.all.push(dialing);
    this.#open.push(dialing);
    return dialing;
  };

  /** Calls that are neither answered nor cancelled. */
  get pending(): number {
    return this.#open.filter(({ cancelled }) => !cancelled).length;
  }

  /** Takes the oldest of them. */
  next(): FakeDialing {
    for (let dialing = this.#open.shift(); dialing !== undefined; dialing = this.#open.shift()) {
      if (!dialing.cancelled) return dialing;
    }
    throw new Error('nothing is being dialled');
  }
}

/**
 * A ping-pong protocol of words, separated by spaces: `head` begins a response, `end` and `last` end it (`last` for the
 * whole connection), `bad` breaks the protocol. Anything on an idle connection makes it unusable.
 */
export class FakeCodec implements ClientCodec {
  readonly #events: ClientEvents;
  #receiver: ResponseReceiver | undefined;
  #tunnel = false;

  constructor(events: ClientEvents) {
    this.#events = events;
  }

  get activeStreams(): number {
    return this.#receiver === undefined ? 0 : 1;
  }

  newStream(receiver: ResponseReceiver): RequestEncoder {
    if (this.#receiver !== undefined) throw new Error('a stream is open');
    this.#receiver = receiver;
    return {
      blocked: false,
      headers: (_headers: RequestHeaders, _end: boolean) => {},
      data: (_chunk, end) => {
        if (end && this.#tunnel) this.#end(false);
      },
      trailers: () => {},
      reset: () => this.#end(false),
      pauseReading: () => {},
      resumeReading: () => {},
    };
  }

  onData(chunk: Buffer): void {
    for (const word of chunk.toString().split(' ')) this.#onWord(word);
  }

  #onWord(word: string): void {
    if (this.#receiver === undefined) this.#events.onUnusable();
    else if (word === 'end' || word === 'last') {
      const receiver = this.#end(word === 'end');
      receiver?.onData(Buffer.alloc(0), true);
    } else if (word === 'tunnel') this.#tunnel = true;
    else if (word === 'bad') {
      this.#end(false)?.onReset(Reason.UpstreamProtocolError);
      this.#events.onProtocolError(Reason.UpstreamProtocolError);
    } else this.#receiver.onData(Buffer.from(word), false);
  }

  onEnd(): void {
    if (this.#tunnel) this.#receiver?.onData(Buffer.alloc(0), true);
    else this.onClose(Reason.UpstreamReset);
  }

  onClose(reason: Reason): void {
    this.#end(false)?.onReset(reason);
  }

  onWritable(): void {
    this.#receiver?.onWritable();
  }

  #end(reusable: boolean): ResponseReceiver | undefined {
    const receiver = this.#receiver;
    if (receiver === undefined) return undefined;
    this.#receiver = undefined;
    this.#tunnel = false;
    this.#events.onStreamEnd(reusable);
    return receiver;
  }
}

export const fakeProtocol: Protocol = {
  name: 'Words',
  pool: 'ping-pong',
  http: false,
  settings: schema.any(),
  match: () => 0,
  serverCodec: () => {
    throw new Error('not used');
  },
  clientCodec: (_sink, events) => new FakeCodec(events),
};

/** A request: asks a pool, starts a stream, and keeps what it is told. */
export class FakeRequest implements PoolWaiter, ResponseReceiver {
  readonly log: string[] = [];
  client: PooledClient | undefined;
  encoder: RequestEncoder | undefined;
  reused = false;
  /** What to do instead of starting a stream. */
  onReady: ((client: PooledClient) => void) | undefined;
  onFailure: ((reason: Reason) => void) | undefined;
  /** Runs after `onReset` was noted. */
  afterReset: ((reason: Reason) => void) | undefined;

  onPoolReady(client: PooledClient): void {
    this.log.push('ready');
    this.client = client;
    this.reused = client.reused;
    if (this.onReady !== undefined) this.onReady(client);
    else this.encoder = client.newStream(this);
  }

  onPoolFailure(reason: Reason): void {
    this.log.push(`failure ${reason.name}`);
    this.onFailure?.(reason);
  }

  get connection(): FakeConnection {
    return this.client?.connection as FakeConnection;
  }

  onInformational(): void {}

  onHeaders(): void {}

  onData(chunk: Buffer, end: boolean): void {
    this.log.push(end ? 'end' : `data ${chunk}`);
  }

  onTrailers(): void {}

  onReset(reason: Reason): void {
    this.log.push(`reset ${reason.name}`);
    this.afterReset?.(reason);
  }

  onWritable(): void {
    this.log.push('writable');
  }
}

/** A cluster block as it is after validation. */
export function clusterConfig(block: object): ClusterConfig {
  const { value, problems } = validate(clusterSchema, { name: 'c', ...block }, new SchemaRegistry());
  const errors = problems.filter(({ severity }) => severity === 'error');
  if (errors.length > 0) throw new Error(JSON.stringify(errors));
  return value;
}

/** Hosts for a balancer, by weight. */
export function makeHosts(weights: readonly number[]): Host[] {
  const metrics = new FakeMetrics();
  const stats = clusterStats(metrics, 'c');
  return weights.map((weight, i) => {
    const address = tcpAddress(`10.0.0.${i + 1}`, 80);
    const config = { address: address.text, hostname: '', weight };
    return new Host(address, config, i, 0, hostStats(metrics, 'c', address.text, stats));
  });
}

/** A cluster with everything around it in the hands of the test. */
export class ClusterBench {
  readonly clock = new FakeClock();
  readonly metrics = new FakeMetrics();
  readonly dialer = new FakeDialer();
  readonly cluster: Cluster;

  constructor(block: object = {}, lookup: Lookup = () => {}) {
    const resolver = new Resolver(lookup, this.clock);
    this.cluster = new Cluster(clusterConfig({ hosts: [{ address: '10.0.0.1:80' }], ...block }), 0, {
      clock: this.clock,
      metrics: this.metrics,
      connector: new Connector(this.dialer.dial, resolver, this.clock),
      random: () => 0,
    });
  }

  pool(host = 0) {
    return this.cluster.pool(this.cluster.hosts[host] as Host, fakeProtocol, undefined);
  }

  /** A request that has been given a fresh connection. */
  request(host = 0): FakeRequest {
    const request = new FakeRequest();
    this.pool(host).acquire(request);
    if (request.log.length === 0) this.dialer.next().connected();
    return request;
  }

  /** A connection that has served one request and is idle. */
  idle(host = 0): FakeConnection {
    const { connection } = this.request(host);
    connection.receive('end');
    return connection;
  }

  count(key: string): number {
    return this.metrics.value(`upstream/c/${key}`);
  }
}
