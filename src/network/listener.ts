/** A listener: accepts connections, gives each its filter chain, counts them and ends them. */

import { lstat, unlink } from 'node:fs/promises';
import net from 'node:net';
import { type Address, tcpAddress } from '../api/address.ts';
import type { Log } from '../api/log.ts';
import type { Metrics } from '../api/metrics.ts';
import { CloseReason } from '../api/reason.ts';
import { type AcceptTarget, acceptConnections, chooseReader, SERVER_OPTIONS } from './accepted-reader.ts';
import { type ConnectionOptions, StreamConnection } from './connection.ts';
import { type ConnectionLimit, descriptorLimit, descriptorReserve, threadConnectionLimit } from './fd-limit.ts';
import { FilterChain, type FilterChainMatcher } from './filter-chain.ts';
import { ListenerCounters } from './listener-counters.ts';
import type { Transport } from './transport.ts';
import { turn } from './turn.ts';

export interface ListenerOptions {
  readonly name: string;
  readonly address: Address;
  /** False (`bind_port: false`): no socket; connections come by `accept` only. */
  readonly bind: boolean;
  readonly chains: FilterChainMatcher;
  readonly metrics: Metrics;
  readonly log: Log;
  /** Connections beyond are closed at accept. */
  readonly maxConnections?: number | undefined;
  /** A limit shared with other listeners; by default the thread's. */
  readonly limit?: ConnectionLimit;
}

const BACKLOG = 1024;
/** At most one line about descriptors in this time. */
const LOG_EVERY_MS = 10_000;

export class Listener implements AcceptTarget {
  readonly name: string;
  /** Chooses the filters of new connections; may be replaced, connections keep what they have. */
  chains: FilterChainMatcher;
  #address: Address;
  #server: net.Server | undefined;
  readonly #bind: boolean;
  readonly #log: Log;
  readonly #connections = new Map<StreamConnection, FilterChain>();
  readonly #connectionOptions: ConnectionOptions;
  readonly #counters: ListenerCounters;
  readonly #maxConnections: number;
  readonly #limit: ConnectionLimit;
  /** Descriptors from here on are not for downstream connections. */
  readonly #descriptorEnd: number;
  #exhausted = false;
  #quietUntil = 0;

  constructor(options: ListenerOptions) {
    this.name = options.name;
    this.chains = options.chains;
    this.#address = options.address;
    this.#bind = options.bind;
    this.#log = options.log;
    this.#counters = new ListenerCounters(options.metrics, options.name);
    this.#connectionOptions = {
      owner: options.name,
      traffic: this.#counters,
      onEnded: (connection) => this.#remove(connection),
    };
    this.#maxConnections = options.maxConnections ?? Number.POSITIVE_INFINITY;
    this.#limit = options.limit ?? threadConnectionLimit;
    const descriptors = descriptorLimit();
    this.#descriptorEnd = descriptors - descriptorReserve(descriptors);
  }

  /** As configured; once it listens, with the real port in place of 0. */
  get address(): Address {
    return this.#address;
  }

  /** The live connections and their chains. */
  get connections(): ReadonlyMap<StreamConnection, FilterChain> {
    return this.#connections;
  }

  /** Opens the socket, if there is to be one. Rejects with a message that names the listener and its address. */
  async listen(): Promise<void> {
    if (!this.#bind) return;
    const reader = await chooseReader();
    const { host, port, path, text } = this.#address;
    const server = net.createServer(SERVER_OPTIONS);
    try {
      if (path !== '') await removeStaleSocket(path);
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(path !== '' ? { path, backlog: BACKLOG } : { host, port, backlog: BACKLOG }, () => {
          server.off('error', reject);
          // At once: the first connection may be there already.
          acceptConnections(server, reader, this);
          resolve();
        });
      });
    } catch (error) {
      throw new Error(`listener ${this.name}: cannot listen on ${text}: ${(error as Error).message}`, { cause: error });
    }
    server.on('error', (error) => this.#log.error({ listener: this.name, error }, 'listening socket failed'));
    this.#server = server;
    if (path === '') this.#address = tcpAddress(host, (server.address() as net.AddressInfo).port);
  }

  /** Closes the socket; connections live on. A unix socket's file is removed. */
  stopAccepting(): void {
    this.#server?.close();
    this.#server = undefined;
  }

  /** Tells the filters of every connection to take nothing new. */
  drain(): void {
    turn.enter();
    for (const [connection, chain] of this.#connections) {
      try {
        chain.onDrain();
      } catch (error) {
        connection.fail(error);
      }
    }
  }

  /** Stops accepting and closes every connection, after what is queued has been written. */
  close(reason: CloseReason): void {
    this.stopAccepting();
    for (const connection of this.#connections.keys()) connection.close(reason);
  }

  admits(descriptor: number): boolean {
    const exhausted = descriptor >= this.#descriptorEnd;
    if (exhausted && !this.#exhausted) this.#onExhausted(descriptor);
    this.#exhausted = exhausted;
    const admitted =
      !exhausted && this.#connections.size < this.#maxConnections && this.#limit.active < this.#limit.max;
    if (!admitted) this.#counters.rejected.add(1);
    return admitted;
  }

  /** Takes over a connection: called by the socket, or by another listener that hands it on. */
  accept(transport: Transport): void {
    turn.enter();
    const chain = new FilterChain();
    const connection = new StreamConnection(transport, chain, this.#connectionOptions);
    this.#connections.set(connection, chain);
    this.#limit.active++;
    this.#counters.total.add(1);
    this.#counters.active.add(1);
    const makers = this.chains.match(connection);
    // A chain without filters takes no connections.
    if (makers === undefined || makers.length === 0) connection.destroy(CloseReason.LocalClose);
    else {
      try {
        chain.start(connection, makers);
      } catch (error) {
        connection.fail(error);
      }
    }
  }

  #onExhausted(descriptor: number): void {
    this.#counters.paused.add(1);
    const now = turn.now();
    if (now < this.#quietUntil) return;
    this.#quietUntil = now + LOG_EVERY_MS;
    this.#log.warn({ listener: this.name, descriptor }, 'file descriptors run out: connections are refused');
  }

  #remove(connection: StreamConnection): void {
    this.#connections.delete(connection);
    this.#limit.active--;
    this.#counters.active.add(-1);
    this.#counters.destroyed.add(1);
  }
}

/** An earlier process may have left its socket; anything else of that name is not ours to remove. */
async function removeStaleSocket(path: string): Promise<void> {
  const existing = await lstat(path).catch(() => undefined);
  if (existing === undefined) return;
  if (!existing.isSocket()) throw new Error('the file exists and is not a socket');
  await unlink(path);
}
