/** A cluster: hosts that serve the same, how one of them is chosen, and what may be in use at one time. */

import type { Metrics } from '../api/metrics.ts';
import type { Protocol } from '../api/protocol.ts';
import type { Clock } from '../api/timer.ts';
import type { BalancerContext, LoadBalancer } from './balancer.ts';
import { balancerFactory } from './balancers/registry.ts';
import { CircuitBreakers } from './circuit-breakers.ts';
import { type ClusterConfig, hostAddress, UpstreamDefaults } from './cluster-schema.ts';
import type { ConnectOptions, Connector } from './connector.ts';
import { Host } from './host.ts';
import { PingPongPool, type PoolCluster } from './ping-pong-pool.ts';
import type { ConnectionPool } from './pool.ts';
import { RetryBudget } from './retry-budget.ts';
import { clusterStats, hostStats, type UpstreamStats } from './stats.ts';

/** What clusters are made with. */
export interface UpstreamServices {
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly connector: Connector;
  /** A number in [0, 1). */
  random(): number;
}

export class Cluster implements PoolCluster {
  readonly name: string;
  /** Index among the clusters of this process. */
  readonly slot: number;
  /** Tells clusters apart that had the same slot one after the other. */
  readonly generation: number;
  readonly hosts: readonly Host[];
  readonly stats: UpstreamStats;
  readonly breakers: CircuitBreakers;
  readonly retryBudget: RetryBudget;
  readonly connectTimeout: number;
  readonly idleTimeout: number;
  readonly pendingTimeout: number;
  readonly connectOptions: ConnectOptions;
  readonly connector: Connector;
  readonly clock: Clock;
  readonly #balancer: LoadBalancer;
  /** Pools by the slot of their host. */
  readonly #pools: PingPongPool[][];
  /** The host whose queued requests get the next free connection slot. */
  #turn = 0;

  constructor(config: ClusterConfig, slot: number, services: UpstreamServices) {
    this.name = config.name;
    this.slot = slot;
    this.generation = 0;
    this.stats = clusterStats(services.metrics, config.name);
    this.hosts = makeHosts(config, services.metrics, this.stats);
    this.breakers = new CircuitBreakers(config.circuit_breakers[0]);
    this.retryBudget = new RetryBudget(config.retry_budget.percent, config.retry_budget.min_retries);
    this.connectTimeout = config.connect_timeout || UpstreamDefaults.connectTimeout;
    this.idleTimeout = config.idle_timeout;
    this.pendingTimeout = config.pending_timeout ?? this.connectTimeout;
    this.connectOptions = {
      connectTimeout: this.connectTimeout,
      owner: config.name,
      family: config.dns_lookup_family === 'V6_ONLY' ? 6 : 4,
    };
    this.connector = services.connector;
    this.clock = services.clock;
    this.#balancer = balancerFactory(config.lb_type)(this.hosts, services.random);
    this.#pools = this.hosts.map(() => []);
  }

  /** The host for one attempt; undefined when none is healthy. */
  chooseHost(context: BalancerContext): Host | undefined {
    return this.#balancer.choose(context);
  }

  /** The pool of a host of this cluster. `settings` are the protocol's and are told apart by identity. */
  pool(host: Host, protocol: Protocol, settings: unknown): ConnectionPool {
    const pools = this.#pools[host.slot] as PingPongPool[];
    for (let i = 0; i < pools.length; i++) {
      const pool = pools[i] as PingPongPool;
      if (pool.protocol === protocol && pool.settings === settings) return pool;
    }
    const pool = new PingPongPool(this, host, protocol, settings);
    pools.push(pool);
    return pool;
  }

  /** Allows one more retry or counts that it was too many. Each retry that was allowed needs its `releaseRetry`. */
  acquireRetry(): boolean {
    const { retries } = this.breakers;
    if (retries.tryAcquire()) {
      if (this.retryBudget.tryAcquire(this.activeRequests)) return true;
      retries.release();
    }
    this.stats.requestRetryOverflow.add(1);
    return false;
  }

  releaseRetry(): void {
    this.breakers.retries.release();
    this.retryBudget.release();
  }

  /** Requests that wait for a connection or have one. */
  get activeRequests(): number {
    let active = this.breakers.requests.used;
    for (const pools of this.#pools) {
      for (const pool of pools) active += pool.waiting;
    }
    return active;
  }

  acquireConnection(): boolean {
    const { connections } = this.breakers;
    return connections.tryAcquire() || (this.#closeOneIdle() && connections.tryAcquire());
  }

  releaseConnection(): void {
    this.breakers.connections.release();
    if (this.breakers.pendingRequests.used > 0) this.#openForQueued();
  }

  closeIdle(): void {
    this.#eachPool((pool) => pool.closeIdle());
  }

  /** No connection is kept after its request. */
  drain(): void {
    this.#eachPool((pool) => pool.drain());
  }

  close(): void {
    this.#eachPool((pool) => pool.close());
  }

  #closeOneIdle(): boolean {
    return this.#pools.some((pools) => pools.some((pool) => pool.closeOldestIdle()));
  }

  /** Hosts take turns, so that the first ones do not get every slot. */
  #openForQueued(): void {
    const count = this.#pools.length;
    for (let i = 0; i < count; i++) {
      const slot = (this.#turn + i) % count;
      let opened = false;
      for (const pool of this.#pools[slot] as PingPongPool[]) opened = pool.openForQueued() || opened;
      if (!opened) continue;
      this.#turn = (slot + 1) % count;
      return;
    }
  }

  #eachPool(action: (pool: PingPongPool) => void): void {
    for (const pools of this.#pools) pools.forEach(action);
  }
}

/** Of hosts with the same address the first one counts. */
function makeHosts(config: ClusterConfig, metrics: Metrics, stats: UpstreamStats): Host[] {
  const hosts = new Map<string, Host>();
  for (const host of config.hosts) {
    const address = hostAddress(host.address, config.type);
    if (address === undefined) throw new TypeError(`invalid host address ${JSON.stringify(host.address)}`);
    if (hosts.has(address.text)) continue;
    hosts.set(
      address.text,
      new Host(address, host, hosts.size, 0, hostStats(metrics, config.name, address.text, stats)),
    );
  }
  return [...hosts.values()];
}
