/**
 * One running proxy: everything that a configuration names, built in the order of dependence, started, drained and
 * closed again.
 *
 *     metrics, logs ─► clusters ─► routers ─► listeners (filters, proxy) ─► admin
 */

import { dirname, join } from 'node:path';
import { parseAddress } from '../api/address.ts';
import type { FactoryContext } from '../api/factory.ts';
import { CloseReason } from '../api/reason.ts';
import type { FilterBlock } from '../api/schema.ts';
import type { SchemaRegistry } from '../config/registry.ts';
import { clock } from '../network/clock.ts';
import { type NetworkFilterMaker, SingleChain } from '../network/filter-chain.ts';
import { Listener } from '../network/listener.ts';
import type { ListenerConfig } from '../network/listener-schema.ts';
import { AccessLog } from '../observe/access-log.ts';
import { LogFiles } from '../observe/log-files.ts';
import { parseLogRoller } from '../observe/log-roller.ts';
import { MetricStore } from '../observe/metric-store.ts';
import { type LogLevel, ProcessLog, parseLogLevel } from '../observe/process-log.ts';
import type { ProxyConfig } from '../proxy/proxy-schema.ts';
import { StreamFilterChain } from '../proxy/stream-filters.ts';
import { StreamTimers } from '../proxy/stream-timers.ts';
import { compileRouter, type RouteTable } from '../router/route-table.ts';
import { ClusterManager } from '../upstream/cluster-manager.ts';
import type { Bootstrap } from './bootstrap.ts';
import { type Extensions, PROXY } from './extensions.ts';
import { compileProxy } from './proxy-factory.ts';

export interface ServerOptions {
  readonly bootstrap: Bootstrap;
  readonly extensions: Extensions;
  /** `--log-level`: a ceiling for the process log. */
  readonly logCeiling?: LogLevel;
}

export class Server {
  readonly metrics: MetricStore;
  readonly logFiles: LogFiles;
  readonly log: ProcessLog;
  readonly clusters: ClusterManager;
  readonly routers: Map<string, RouteTable>;
  readonly listeners: Listener[] = [];
  readonly bootstrap: Bootstrap;
  readonly #extensions: Extensions;
  readonly #timers = new StreamTimers(clock);
  #accessLogs: AccessLog[] = [];

  /** Builds everything and opens nothing. Throws when a filter cannot be built. */
  static create(options: ServerOptions): Server {
    const routers = new Map<string, RouteTable>();
    for (const config of options.bootstrap.server.routers) {
      const { table } = compileRouter(config);
      routers.set(config.router_config_name, table);
    }
    return new Server(options, routers);
  }

  private constructor({ bootstrap, extensions, logCeiling }: ServerOptions, routers: Map<string, RouteTable>) {
    const { server } = bootstrap;
    this.bootstrap = bootstrap;
    this.#extensions = extensions;
    this.metrics = new MetricStore();
    const roller = server.global_log_roller === undefined ? undefined : parseLogRoller(server.global_log_roller);
    this.logFiles = new LogFiles({ clock, metrics: this.metrics, ...(roller && { roller }) });
    const logFile = this.logFiles.open(server.default_log_path);
    this.log = new ProcessLog(logFile, parseLogLevel(server.default_log_level), logCeiling);
    this.clusters = new ClusterManager(bootstrap.cluster_manager, { metrics: this.metrics });
    this.routers = routers;
    for (const listener of server.listeners) this.listeners.push(this.#compileListener(listener));
  }

  /** Opens the listening sockets; rejects, with all closed again, when one cannot be opened. */
  async start(): Promise<void> {
    try {
      for (const listener of this.listeners) {
        await listener.listen();
        this.log.info({ listener: listener.name, address: listener.address.text }, 'listening');
      }
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  /** The schemas of everything that the configuration may name. */
  get schemas(): SchemaRegistry {
    return this.#extensions.schemas;
  }

  /** Connections that are open on all listeners. */
  get connections(): number {
    return this.listeners.reduce((sum, listener) => sum + listener.connections.size, 0);
  }

  /** Accepts nothing more and asks every connection to end with what it is doing. */
  drain(): void {
    for (const listener of this.listeners) {
      listener.stopAccepting();
      listener.drain();
    }
  }

  /** Ends everything at once. */
  async close(): Promise<void> {
    for (const listener of this.listeners) {
      listener.stopAccepting();
      for (const connection of listener.connections.keys()) connection.destroy(CloseReason.Shutdown);
    }
    this.clusters.close();
    await new Promise((resolve) => setImmediate(resolve)); // the end of the turn settles the books
    for (const log of this.#accessLogs) await log.close();
    this.#accessLogs = [];
    await this.logFiles.close();
  }

  #compileListener(config: ListenerConfig): Listener {
    const address = parseAddress(config.network.toLowerCase() === 'unix' ? `unix:${config.address}` : config.address);
    if (address === undefined) throw new Error(`listener ${config.name}: invalid address ${config.address}`);
    const name = config.name || address.text;
    const context: FactoryContext = {
      clock,
      log: this.log,
      metrics: this.metrics,
      clusters: this.clusters,
      listener: name,
    };
    const makers = this.#compileFilters(config, context);
    return new Listener({
      name,
      address,
      bind: config.bind_port,
      chains: new SingleChain(makers),
      metrics: this.metrics,
      log: this.log,
      maxConnections: config.max_connections,
    });
  }

  #compileFilters(config: ListenerConfig, context: FactoryContext): NetworkFilterMaker[] {
    const filters = this.#compileStreamFilters(config.stream_filters, context);
    const accessLogs = config.access_logs.map(({ log_path, log_format }) => {
      const path = log_path || join(this.#logDirectory, `${context.listener}_access.log`);
      const log = new AccessLog(this.logFiles, path, log_format);
      this.#accessLogs.push(log);
      return log;
    });
    const blocks = config.filter_chains[0]?.filters ?? [];
    return blocks.map((block) => {
      if (block.type !== PROXY) return this.#compileNetworkFilter(block, context);
      return compileProxy(block.config as ProxyConfig, config, {
        extensions: this.#extensions,
        context,
        clusters: this.clusters,
        routers: this.routers,
        timers: this.#timers,
        filters,
        accessLogs,
      });
    });
  }

  #compileNetworkFilter(block: FilterBlock, context: FactoryContext): NetworkFilterMaker {
    const factory = this.#extensions.networkFilters.get(block.type);
    if (factory === undefined) throw new Error(`listener ${context.listener}: unknown network filter ${block.type}`);
    return factory.create(block.config as never, context);
  }

  /** A filter that cannot be built refuses the configuration (MOSN skips it; we fail closed). */
  #compileStreamFilters(blocks: readonly FilterBlock[], context: FactoryContext): StreamFilterChain | undefined {
    if (blocks.length === 0) return undefined;
    const entries = blocks.map((block, slot) => {
      const factory = this.#extensions.streamFilters.get(block.type);
      if (factory === undefined) throw new Error(`listener ${context.listener}: unknown stream filter ${block.type}`);
      const compiled = factory.create(block.config as never, { ...context, slot });
      return { type: block.type, phases: factory.phases, compiled };
    });
    return new StreamFilterChain(entries);
  }

  /** `<base>/logs`, base being the parent of the configuration's directory, as in MOSN. */
  get #logDirectory(): string {
    return join(dirname(dirname(this.bootstrap.file)), 'logs');
  }
}
