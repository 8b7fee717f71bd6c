/**
 * The HTTP server of what is not data path: the admin API and the metrics listener. It is Node's own, with limits that
 * keep a slow or greedy client from costing more than a few kilobytes.
 */

import type { IncomingMessage, Server, ServerResponse } from 'node:http';

const MAX_CONNECTIONS = 64;

export type HttpHandler = (request: IncomingMessage, response: ServerResponse) => void;

/** A TCP address or the path of a unix socket. */
export type HttpAddress = { readonly host: string; readonly port: number } | { readonly path: string };

/** Opens a server; rejects when the address cannot be bound. */
export async function openHttpServer(address: HttpAddress, handler: HttpHandler): Promise<Server> {
  // `import 'node:http'` evaluates every lazy export, WebSocket and with it all of undici included: 13 MiB of resident
  // memory. Asked for in this way the module costs 1 MiB, and that only when there is something to serve.
  const { createServer } = process.getBuiltinModule('node:http');
  const server = createServer({ headersTimeout: 10_000, requestTimeout: 30_000, keepAliveTimeout: 5_000 }, handler);
  server.maxConnections = MAX_CONNECTIONS;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(address, () => {
      server.off('error', reject);
      resolve();
    });
  });
  return server;
}

/** Closes a server and its connections. */
export async function closeHttpServer(server: Server): Promise<void> {
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
