/**
 * A small HTTP service to stand behind the gateway, twice, so that balancing shows. `npm start` brings it along; alone:
 *
 *   npx node examples/demo-upstream.ts
 */

import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';

const HOST = '127.0.0.1';
const PORTS = [2051, 2052];
const EVENT_INTERVAL_MS = 1_000;
const SLOW_MS = 3_000;

/** Starts both instances; rejects when a port is taken. */
export async function startDemoUpstreams(): Promise<Server[]> {
  const servers = PORTS.map((port) => createServer((request, response) => serve(port, request, response)));
  await Promise.all(
    servers.map((server, index) => {
      server.listen(PORTS[index], HOST);
      return once(server, 'listening');
    }),
  );
  return servers;
}

function serve(port: number, request: IncomingMessage, response: ServerResponse): void {
  const path = (request.url ?? '').split('?', 1)[0] as string;
  const status = /^\/status\/([2-5]\d\d)$/.exec(path);
  if (status) answer(response, Number(status[1]), { port });
  else if (path === '/echo') echo(request, response);
  else if (path === '/events') sendEvents(response, port);
  else if (path === '/slow') setTimeout(answer, SLOW_MS, response, 200, { port, waited: SLOW_MS });
  // Only one of the two is at fault, so that a retry on the other one helps.
  else if (path === '/flaky') answer(response, port === PORTS[0] ? 503 : 200, { port });
  else answer(response, 200, { hello: 'from behind the gateway', port, url: request.url, headers: request.headers });
}

function answer(response: ServerResponse, status: number, body: object): void {
  response.statusCode = status;
  response.setHeader('content-type', 'application/json');
  response.end(`${JSON.stringify(body, null, 2)}\n`);
}

function echo(request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(200, { 'content-type': request.headers['content-type'] ?? 'application/octet-stream' });
  request.pipe(response);
}

/** Server-sent events: one a second until the client has had enough. */
function sendEvents(response: ServerResponse, port: number): void {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
  let id = 0;
  const send = () => response.write(`id: ${++id}\ndata: from port ${port}\n\n`);
  send();
  const timer = setInterval(send, EVENT_INTERVAL_MS);
  response.on('close', () => clearInterval(timer));
}

if (import.meta.main) await startDemoUpstreams();
