/** The admin server: MOSN's paths, `/ready`, `/metrics` and what Istio's agent asks for. */

import { lstatSync, unlinkSync } from 'node:fs';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { closeHttpServer, type HttpHandler, openHttpServer } from '../observe/http-server.ts';
import { AccessGuard } from './access-guard.ts';
import { type AdminRequest, type AdminResponse, type AdminRoutes, failure, text } from './admin-request.ts';
import type { AdminConfig } from './admin-schema.ts';
import { envoyRoutes } from './envoy-api.ts';
import { mosnRoutes } from './mosn-api.ts';
import type { AdminProviders } from './providers.ts';

const MAX_BODY = 64 * 1024;

export class AdminServer {
  readonly #config: AdminConfig;
  readonly #guard: AccessGuard;
  readonly #routes: AdminRoutes;
  readonly #index: string;
  readonly #onError: (error: unknown) => void;
  #server: Server | undefined;

  constructor(config: AdminConfig, providers: AdminProviders) {
    this.#config = config;
    this.#guard = new AccessGuard(config);
    this.#routes = new Map([...mosnRoutes(providers, config.exposed_env), ...envoyRoutes(providers)]);
    this.#index = `supported APIs:\n${[...this.#routes.keys()].join('\n')}\n`;
    this.#onError = (error) => providers.processLog.error({ err: error }, 'admin request failed');
  }

  /** Opens the listener; rejects when it cannot. Returns the TCP port, 0 for a unix socket. */
  async listen(): Promise<number> {
    const { pipe, socket_address: tcp } = this.#config.address;
    const handler = (request: IncomingMessage, response: ServerResponse): void => void this.#serve(request, response);
    if (pipe) {
      this.#server = await openPrivateSocket(pipe.path, handler);
      return 0;
    }
    if (!tcp) throw new Error('the admin server has no address');
    this.#server = await openHttpServer({ host: tcp.address, port: tcp.port_value }, handler);
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  async close(): Promise<void> {
    if (this.#server) await closeHttpServer(this.#server);
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let answer: AdminResponse;
    try {
      answer = await this.#answer(request);
    } catch (error) {
      this.#onError(error);
      answer = failure(500, 'internal error');
    }
    if (response.destroyed) return;
    response.writeHead(answer.status, { 'content-type': answer.contentType, 'x-content-type-options': 'nosniff' });
    response.end(answer.body);
  }

  async #answer(request: IncomingMessage): Promise<AdminResponse> {
    const { method = '', headers } = request;
    const [path = '', query = ''] = split(request.url ?? '/');
    const route = this.#routes.get(path);
    const objection = this.#guard.objection(headers, route?.write === true);
    if (objection !== undefined) return failure(403, objection);
    if (route === undefined) return text(this.#index);
    if (method !== route.method) return failure(405, 'invalid request method');
    const body = await readBody(request);
    if (body === undefined) return failure(413, 'request body too large');
    const asked: AdminRequest = { method, path, query: new URLSearchParams(query), body };
    return route.handle(asked);
  }
}

/** The file is made when `listen` is called, so the mask is changed for that call only: nobody else can ever connect. */
function openPrivateSocket(path: string, handler: HttpHandler): Promise<Server> {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSocket()) unlinkSync(path);
  const mask = process.umask(0o177);
  try {
    return openHttpServer({ path }, handler);
  } finally {
    process.umask(mask);
  }
}

function split(url: string): string[] {
  const mark = url.indexOf('?');
  return mark < 0 ? [url] : [url.slice(0, mark), url.slice(mark + 1)];
}

/** Undefined when the body is too large; what is left of it is then dropped after the answer. */
async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}
