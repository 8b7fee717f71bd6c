/** A whole proxy in this process, on loopback ports that the system chooses. */

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { builtinExtensions } from '../../../src/builtin.ts';
import { formatProblems } from '../../../src/config/problem.ts';
import { setFaultHandler } from '../../../src/network/fault.ts';
import { loadBootstrap } from '../../../src/server/bootstrap.ts';
import type { Extensions } from '../../../src/server/extensions.ts';
import { Server } from '../../../src/server/server.ts';
import { eventually } from './eventually.ts';

export interface WeftOptions {
  /** Routes of the one virtual host `*`; see MOSN's `routers[]`. */
  routes?: object[];
  /** A whole router in place of `routes`. */
  router?: object;
  clusters?: object[];
  /** More keys of the `proxy` block. */
  proxy?: object;
  /** More keys of the listener. */
  listener?: object;
  /** More keys of the server block. */
  server?: object;
  streamFilters?: object[];
  extensions?: Extensions;
  /** Format of an access log of the first listener; see `Weft.accessLines`. */
  accessLog?: string;
  /** Accepts a configuration with warnings. */
  lenient?: boolean;
}

/** In a configuration: the directory of this proxy, made for it and removed with it. */
export const DIRECTORY = '$DIR';
const ACCESS_LOG = 'access.log';

/** Exceptions that only a connection has felt: none is expected in any test. */
const faults: unknown[] = [];
setFaultHandler((error) => faults.push(error));

export class Weft implements AsyncDisposable {
  readonly server: Server;
  readonly directory: string;
  #closed: Promise<void> | undefined;

  constructor(server: Server, directory: string) {
    this.server = server;
    this.directory = directory;
  }

  /** Port of the first listener. */
  get port(): number {
    return this.server.listeners[0]!.address.port;
  }

  /** Port of a listener by its name. */
  portOf(listener: string): number {
    return this.server.listeners.find(({ name }) => name === listener)!.address.port;
  }

  /** A counter of the first listener (or of another group), as this thread sees it. */
  counter(key: string, type = 'downstream', labels: Record<string, string> = { listener: 'in' }): number {
    return this.server.metrics.group(type, labels).counter(key).value;
  }

  gauge(key: string, type = 'downstream', labels: Record<string, string> = { listener: 'in' }): number {
    return this.server.metrics.group(type, labels).gauge(key).value;
  }

  /** What must hold at any time. */
  get books(): { total: number; completed: number; reset: number; active: number; balanced: boolean } {
    const total = this.counter('request_total');
    const completed = this.counter('request_completed');
    const reset = this.counter('request_reset');
    const active = this.gauge('request_active');
    return { total, completed, reset, active, balanced: total === completed + reset + active };
  }

  /** A counter or gauge of a cluster. */
  upstream(cluster: string, key: string): number {
    return key.endsWith('_active')
      ? this.gauge(key, 'upstream', { cluster })
      : this.counter(key, 'upstream', { cluster });
  }

  /** Waits until nothing is going on: no stream and no downstream connection. */
  idle(): Promise<void> {
    const busy = (): boolean => this.books.active > 0 || this.server.connections > 0;
    return eventually(
      () => !busy(),
      () => `idle; ${JSON.stringify(this.books)}, ${this.server.connections} connections`,
    );
  }

  /** Stops the proxy, once. */
  close(): Promise<void> {
    this.#closed ??= this.server.close();
    return this.#closed;
  }

  /** The lines of the access log (`WeftOptions.accessLog`). Stops the proxy, so that all are written. */
  async accessLines(): Promise<string[]> {
    await this.close();
    const text = await readFile(join(this.directory, ACCESS_LOG), 'utf8');
    return text.split('\n').slice(0, -1);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
    await rm(this.directory, { recursive: true, force: true });
    if (faults.length > 0) throw new AggregateError(faults.splice(0), 'exceptions in entry points');
  }
}

/** The configuration that the options stand for, in MOSN's format. */
export function configOf(options: WeftOptions): object {
  const router = options.router ?? {
    router_config_name: 'r',
    virtual_hosts: [{ name: 'all', domains: ['*'], routers: options.routes ?? [] }],
  };
  const proxy = { downstream_protocol: 'Http1', router_config_name: 'r', ...options.proxy };
  return {
    servers: [
      {
        default_log_level: 'ERROR',
        ...options.server,
        routers: [router],
        listeners: [
          {
            name: 'in',
            address: '127.0.0.1:0',
            bind_port: true,
            filter_chains: [{ filters: [{ type: 'proxy', config: proxy }] }],
            stream_filters: options.streamFilters ?? [],
            ...(options.accessLog !== undefined && {
              access_logs: [{ log_path: `${DIRECTORY}/${ACCESS_LOG}`, log_format: options.accessLog }],
            }),
            ...options.listener,
          },
        ],
      },
    ],
    cluster_manager: { clusters: options.clusters ?? [] },
  };
}

/** Starts a proxy; `await using` stops it. Throws with every problem when the configuration is refused. */
export async function startWeft(options: WeftOptions): Promise<Weft> {
  return startConfig(configOf(options), options.extensions, !options.lenient);
}

export async function startConfig(config: object, extensions = builtinExtensions(), strict = true): Promise<Weft> {
  const directory = await mkdtemp(join(tmpdir(), 'weft-test-'));
  const file = join(directory, 'weft.json');
  await writeFile(file, JSON.stringify(config).replaceAll(DIRECTORY, directory));
  const { bootstrap, problems } = loadBootstrap(file, extensions.schemas, { strict });
  if (bootstrap === undefined) throw new Error(formatProblems(problems).join('\n'));
  const server = Server.create({ bootstrap, extensions });
  await server.start();
  return new Weft(server, directory);
}

/** One static cluster. */
export function cluster(name: string, ...ports: number[]): object {
  return { name, hosts: ports.map((port) => ({ address: `127.0.0.1:${port}` })) };
}

/** A route of everything to one cluster, with more keys of the action. */
export function routeTo(name: string, action: object = {}, match: object = { prefix: '/' }): object {
  return { match, route: { cluster_name: name, ...action } };
}

/** A proxy that routes everything to one upstream, with more keys of the route action and whatever else. */
export function gateway(upstream: { port: number }, action: object = {}, options: WeftOptions = {}): Promise<Weft> {
  return startWeft({ routes: [routeTo('c', action)], clusters: [cluster('c', upstream.port)], ...options });
}
