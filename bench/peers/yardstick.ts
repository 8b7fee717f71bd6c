/**
 * The yardstick: the proxy that one writes in an afternoon, node:http in front of an undici Pool. A program of its
 * own: `node yardstick.ts PORT UPSTREAM_PORT`.
 */

import { createServer, type IncomingHttpHeaders } from 'node:http';
import { Pool } from 'undici';

const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

const [port, upstreamPort] = process.argv.slice(2).map(Number);
const pool = new Pool(`http://127.0.0.1:${upstreamPort}`, { connections: 256 });

const server = createServer((request, response) => {
  const headers = endToEnd(request.headers);
  const forwarded = request.headers['x-forwarded-for'];
  const peer = request.socket.remoteAddress;
  headers['x-forwarded-for'] = forwarded ? `${forwarded}, ${peer}` : peer;
  const hasBody = request.headers['content-length'] !== undefined || request.headers['transfer-encoding'] !== undefined;
  pool
    .stream(
      { path: request.url as string, method: request.method as 'GET', headers, body: hasBody ? request : null },
      (answer) => response.writeHead(answer.statusCode, endToEnd(answer.headers)),
    )
    .catch(() => (response.headersSent ? response.destroy() : response.writeHead(502).end()));
});
server.keepAliveTimeout = 600_000;
server.requestTimeout = 0;
server.listen(port, '127.0.0.1', 4096);

function endToEnd(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !HOP_BY_HOP.has(name)));
}
