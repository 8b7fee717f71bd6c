/** What the tests of the network room share: recorders, fakes, and connections over real sockets. */

import net from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Address, tcpAddress } from '../../../src/api/address.ts';
import type { Connection, ConnectionHandler } from '../../../src/api/connection.ts';
import type { Log } from '../../../src/api/log.ts';
import type { Counter, Metrics } from '../../../src/api/metrics.ts';
import type { CloseReason } from '../../../src/api/reason.ts';
import { type AcceptedReader, acceptConnections, SERVER_OPTIONS } from '../../../src/network/accepted-reader.ts';
import { type ConnectionOptions, StreamConnection } from '../../../src/network/connection.ts';
import { dial } from '../../../src/network/dial.ts';
import type { TimeSource } from '../../../src/network/timer-wheel.ts';
import type { Part, Transport, TransportReceiver } from '../../../src/network/transport.ts';

/** Turns of the event loop until the condition holds; the test's own time-out ends a wait in vain. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await nextTurn();
}

/** Records what a connection tells its handler. */
export class Recorder implements ConnectionHandler {
  readonly events: string[] = [];
  readonly chunks: Buffer[] = [];
  received = 0;
  closed: CloseReason | undefined;

  onData(chunk: Buffer): void {
    if (this.events.at(-1) !== 'data') this.events.push('data');
    this.received += chunk.length;
    this.chunks.push(Buffer.from(chunk));
  }

  onEnd(): void {
    this.events.push('end');
  }

  onWritable(): void {
    this.events.push('writable');
  }

  onClose(reason: CloseReason): void {
    this.events.push(`close:${reason}`);
    this.closed = reason;
  }

  get text(): string {
    return Buffer.concat(this.chunks).toString('latin1');
  }
}

/** A handler that does nothing but what is given. */
export function handler(parts: Partial<ConnectionHandler> = {}): ConnectionHandler {
  return { onData() {}, onEnd() {}, onWritable() {}, onClose() {}, ...parts };
}

class TestCounter implements Counter {
  value = 0;
  add(n: number): void {
    this.value += n;
  }
}

/** Metrics whose values a test can ask for. */
export class TestMetrics implements Metrics {
  readonly #counters = new Map<string, TestCounter>();

  group(type: string, labels: Readonly<Record<string, string>>) {
    const counter = (key: string) => this.#counter(`${type}${JSON.stringify(labels)}${key}`);
    return { counter, gauge: counter, histogram: () => ({ observe() {} }) };
  }

  value(type: string, labels: Readonly<Record<string, string>>, key: string): number {
    return this.#counter(`${type}${JSON.stringify(labels)}${key}`).value;
  }

  #counter(name: string): TestCounter {
    const counter = this.#counters.get(name) ?? new TestCounter();
    this.#counters.set(name, counter);
    return counter;
  }
}

export const silentLog: Log = { error() {}, warn() {}, info() {}, debug() {} };

/** Time that passes when the test says so. */
export class FakeTime implements TimeSource {
  time = 0;
  readonly #intervals = new Set<{ ms: number; next: number; tick: () => void }>();

  now(): number {
    return this.time;
  }

  wallTime(): number {
    return 1_700_000_000_000 + this.time;
  }

  every(ms: number, tick: () => void): () => void {
    const interval = { ms, next: this.time + ms, tick };
    this.#intervals.add(interval);
    return () => this.#intervals.delete(interval);
  }

  /** How many intervals run. */
  get intervals(): number {
    return this.#intervals.size;
  }

  /** Lets time pass, ticking as `setInterval` would. */
  advance(ms: number): void {
    const end = this.time + ms;
    for (;;) {
      let first: { ms: number; next: number; tick: () => void } | undefined;
      for (const interval of this.#intervals) if (!first || interval.next < first.next) first = interval;
      if (first === undefined || first.next > end) break;
      this.time = Math.max(this.time, first.next);
      first.next = this.time + first.ms;
      first.tick();
    }
    this.time = end;
  }

  /** Time that passes while the event loop is stuck: every interval ticks once, late. */
  stall(ms: number): void {
    this.time += ms;
    for (const interval of [...this.#intervals]) {
      interval.next = this.time + interval.ms;
      interval.tick();
    }
  }
}

/** A transport that takes writes or leaves them pending, as the test wants. */
export class FakeTransport implements Transport {
  readonly localAddress: Address = tcpAddress('127.0.0.1', 1);
  readonly remoteAddress: Address = tcpAddress('127.0.0.1', 2);
  /** Whether a write is taken at once. */
  takes = true;
  /** Each write as it was made: text, or bytes as latin1 in brackets; several parts are joined by `+`. */
  readonly writes: string[] = [];
  readonly calls: string[] = [];
  backlog = 0;
  receiver!: TransportReceiver;

  open(receiver: TransportReceiver): void {
    this.receiver = receiver;
  }

  writeText(text: string): boolean {
    return this.#write([text]);
  }

  writeBytes(bytes: Uint8Array): boolean {
    return this.#write([bytes]);
  }

  writeParts(parts: Part[]): boolean {
    return this.#write(parts);
  }

  #write(parts: Part[]): boolean {
    this.writes.push(parts.map((part) => (typeof part === 'string' ? part : `[${latin1(part)}]`)).join('+'));
    this.backlog = parts.reduce((sum, part) => sum + part.length, 0);
    return this.takes;
  }

  /** Tells that the pending write has left; later ones are taken at once unless `takes` is false. */
  drain(): void {
    this.backlog = 0;
    this.receiver.onDrain();
  }

  pause(): void {
    this.calls.push('pause');
  }

  resume(): void {
    this.calls.push('resume');
  }

  bulk(on: boolean): void {
    this.calls.push(`bulk:${on}`);
  }

  end(): void {
    this.calls.push('end');
  }

  destroy(): void {
    this.calls.push('destroy');
  }
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1');
}

/** A server that hands its connections to the test. */
export interface TestServer {
  readonly address: Address;
  /** The next connection that is accepted. */
  accepted(): Promise<StreamConnection>;
  close(): void;
}

/** Listens on loopback; every accepted connection gets a handler from `serve`, which may also replace it later. */
export async function serve(
  reader: AcceptedReader,
  makeHandler: () => ConnectionHandler = handler,
  options: Partial<ConnectionOptions> = {},
): Promise<TestServer> {
  const server = net.createServer(SERVER_OPTIONS);
  const arrived: StreamConnection[] = [];
  const all = new Set<StreamConnection>();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = tcpAddress('127.0.0.1', (server.address() as net.AddressInfo).port);
  acceptConnections(server, reader, {
    address,
    admits: () => true,
    accept(transport) {
      const connection = new StreamConnection(transport, makeHandler(), { owner: 'test', ...options });
      arrived.push(connection);
      all.add(connection);
    },
  });
  return {
    address,
    async accepted() {
      await until(() => arrived.length > 0);
      return arrived.shift() as StreamConnection;
    },
    close() {
      server.close();
      for (const connection of all) connection.destroy('shutdown');
    },
  };
}

/** Opens a connection of ours. */
export function connect(
  address: Address,
  connectionHandler: ConnectionHandler = handler(),
  options: Partial<ConnectionOptions> = {},
): Promise<StreamConnection> {
  return new Promise((resolve, reject) => {
    dial(address, { owner: 'test', connectTimeout: 5000, ...options }, connectionHandler, {
      onConnected: (connection: Connection) => resolve(connection as StreamConnection),
      onFailed: (reason) => reject(new Error(reason.name)),
    });
  });
}

/** Opens a plain socket of Node's, which is what peers are played with. */
export async function connectRaw(address: Address): Promise<net.Socket> {
  const socket = net.connect({ host: address.host, port: address.port, allowHalfOpen: true });
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  socket.on('error', () => {});
  return socket;
}

/** Bytes in which every position is recognisable. */
export function pattern(length: number, seed = 1): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  let state = seed;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    bytes[i] = state >>> 16;
  }
  return bytes;
}
