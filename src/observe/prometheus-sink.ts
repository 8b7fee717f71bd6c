/** `metrics.sinks[]` of type `prometheus`: a listener of its own that shows the metrics. */

import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { closeHttpServer, openHttpServer } from './http-server.ts';
import type { MetricStore, StatsMatcher } from './metric-store.ts';
import type { PrometheusSinkConfig } from './observe-schema.ts';
import { exposition, PROMETHEUS_CONTENT_TYPE } from './prometheus.ts';

export class PrometheusSink {
  readonly #config: PrometheusSinkConfig;
  readonly #stores: readonly MetricStore[];
  readonly #matcher: StatsMatcher | undefined;
  #server: Server | undefined;

  constructor(config: PrometheusSinkConfig, stores: readonly MetricStore[], matcher?: StatsMatcher) {
    this.#config = config;
    this.#stores = stores;
    this.#matcher = matcher;
  }

  /** Opens the listener and returns its port; rejects when it cannot be opened. */
  async listen(): Promise<number> {
    const { address, port } = this.#config;
    this.#server = await openHttpServer({ host: address, port }, (request, response) => {
      this.#answer(request, response).catch(() => response.destroy());
    });
    const bound = this.#server.address();
    return bound !== null && typeof bound === 'object' ? bound.port : port;
  }

  async close(): Promise<void> {
    if (this.#server) await closeHttpServer(this.#server);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? '').split('?', 1)[0];
    if (path !== this.#config.endpoint) {
      response.writeHead(404).end();
      return;
    }
    if (request.method !== 'GET') {
      response.writeHead(405, { allow: 'GET' }).end();
      return;
    }
    const { percentiles, disable_collect_process, disable_collect_go } = this.#config;
    const text = await exposition(this.#stores, {
      matcher: this.#matcher,
      percentiles,
      process: !disable_collect_process,
      runtime: !disable_collect_go,
    });
    response.writeHead(200, { 'content-type': PROMETHEUS_CONTENT_TYPE }).end(text);
  }
}
