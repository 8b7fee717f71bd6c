/**
 * The chaos test: thousands of requests of clients that leave, read slowly or never, to upstreams that reset, stall and
 * answer early. Whatever happens, the books balance, every request has its line in the access log, and nothing is left:
 * no stream, no socket, no timer, no memory.
 */

import assert from 'node:assert/strict';
import type { IncomingMessage, ServerResponse } from 'node:http';
import net from 'node:net';
import { it } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { FilterStatus, Phase } from '../../src/api/stream-filter.ts';
import { clock } from '../../src/network/clock.ts';
import { eventually } from './support/eventually.ts';
import { deadPort, httpServer, type TestServer } from './support/peers.ts';
import { seededRandom } from './support/random.ts';
import { shared, withFilters } from './support/test-filters.ts';
import { cluster, routeTo, startWeft, type Weft } from './support/weft.ts';

const ROUNDS = 4;
const REQUESTS_PER_ROUND = 2_500;
const CLIENTS = 24;
const MAX_GROWTH = 2 * 1024 * 1024;

const random = seededRandom(2046);
const below = (n: number): number => Math.floor(random() * n);
const oneOf = <T>(items: readonly T[]): T => items[below(items.length)] as T;

const BIG = Buffer.alloc(300_000, 'b');
const BLOCK = Buffer.alloc(16_384, 'c');

/** What the upstream does, by path. */
const BEHAVIOURS: Readonly<Record<string, (req: IncomingMessage, res: ServerResponse) => void>> = {
  '/small': (_req, res) => res.end('small'),
  '/empty': (_req, res) => res.writeHead(204).end(),
  '/big': (_req, res) => res.end(BIG),
  '/chunks': (_req, res) => {
    for (let i = 0; i < 10; i++) res.write(BLOCK);
    res.addTrailers({ 'x-end': 'yes' });
    res.end();
  },
  '/error': (_req, res) => res.writeHead(503).end('try again'),
  '/late': (_req, res) => setTimeout(() => res.end('late'), below(20)),
  '/drip': (_req, res) => {
    res.write('a');
    setTimeout(() => res.end('b'), below(20));
  },
  '/never': () => {},
  '/silent': (_req, res) => res.write('and then nothing'),
  '/hang-up': (req) => req.socket.destroy(),
  '/reset': (req) => req.socket.resetAndDestroy(),
  '/cut': (req, res) => {
    res.writeHead(200, { 'content-length': 1000 });
    res.write('some', () => req.socket.destroy());
  },
  '/cut-chunks': (req, res) => {
    res.write(BLOCK, () => req.socket.resetAndDestroy());
  },
  '/close': (_req, res) => res.writeHead(200, { connection: 'close' }).end('closing'),
  '/fickle': (req, res) => {
    res.end('then gone');
    setTimeout(() => req.socket.destroy(), below(3));
  },
};
const PATHS = [
  ...Object.keys(BEHAVIOURS),
  '/refused',
  '/limited/small',
  '/limited/late',
  '/held/late',
  '/direct',
  '/none',
];

/** `/early` answers at once and leaves the body unread, everything else reads the request first. */
function chaosUpstream(): Promise<TestServer> {
  return httpServer((req, res) => {
    res.on('error', () => {});
    const path = (req.url ?? '').replace(/^\/(limited|held)/, '');
    if (path === '/early') {
      res.writeHead(413).end('too much');
      return;
    }
    req.on('error', () => {});
    req.on('end', () => BEHAVIOURS[path]?.(req, res));
    req.resume();
  });
}

async function chaosProxy(upstream: TestServer): Promise<Weft> {
  const { port } = upstream;
  const retry = { retry_on: true, num_retries: 1, retry_timeout: '40ms' };
  return startWeft({
    clusters: [
      { ...cluster('c', port), idle_timeout: '50ms' },
      { ...cluster('limited', port), circuit_breakers: [{ max_connections: 2, max_pending_requests: 2 }] },
      cluster('refused', await deadPort(), port),
    ],
    routes: [
      { match: { prefix: '/direct' }, direct_response: { status: 200, body: 'from here' } },
      routeTo('refused', { prefix_rewrite: '/small' }, { prefix: '/refused' }),
      routeTo('limited', { timeout: '50ms' }, { prefix: '/limited/' }),
      routeTo('c', { timeout: '60ms', retry_policy: retry }, { prefix: '/never' }),
      routeTo('c', { timeout: '60ms', retry_policy: retry }, { prefix: '/error' }),
      routeTo('c', { timeout: '60ms', retry_policy: retry }, { prefix: '/reset' }),
      ...[...Object.keys(BEHAVIOURS), '/early', '/held'].map((prefix) => routeTo('c', { timeout: '60ms' }, { prefix })),
    ],
    proxy: {
      timeouts: { header: '60ms', body: '60ms', stream_idle: '60ms', half_close_grace: '40ms' },
      replay_limit: 10_000,
    },
    listener: { connection_idle_timeout: '100ms' },
    accessLog: '%response_code% %request_header_x-id%',
    ...withFilters(
      shared('hold', [Phase.AfterRoute], (context) => ({
        onRequestHeaders(stream, headers) {
          if (!headers.path.startsWith('/held')) return FilterStatus.Continue;
          context.clock.timer(() => stream.continueRequest()).start(5);
          return FilterStatus.StopNoBuffer;
        },
      })),
    ),
  });
}

/** One or several requests on one connection, as bytes. */
function requests(count: number): string {
  let text = '';
  for (let i = 1; i <= count; i++) {
    const last = i === count ? 'Connection: close\r\n' : '';
    const path = oneOf(PATHS);
    const upload = random() < 0.3 ? below(60_000) : 0;
    if (upload === 0) text += `GET ${path} HTTP/1.1\r\nHost: h\r\n${last}\r\n`;
    else if (random() < 0.5) {
      text += `PUT ${path} HTTP/1.1\r\nHost: h\r\nContent-Length: ${upload}\r\n${last}\r\n${'u'.repeat(upload)}`;
    } else {
      text += `POST ${path} HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n${last}\r\n`;
      text += `${upload.toString(16)}\r\n${'u'.repeat(upload)}\r\n0\r\n\r\n`;
    }
  }
  return text;
}

/** A socket of Node that is reset while it connects or after its own FIN may never say that it is closed. */
function reset(socket: net.Socket): void {
  if (socket.connecting || socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}

/** What a client does with its connection besides sending. Every one of them ends with the connection. */
const MANNERS: readonly ((socket: net.Socket) => void)[] = [
  () => {},
  () => {},
  () => {},
  (socket) => setTimeout(() => socket.destroy(), below(15)),
  (socket) => setTimeout(() => reset(socket), below(15)),
  (socket) => socket.once('data', () => reset(socket)),
  (socket) => socket.once('data', () => socket.destroy()),
  (socket) => socket.end(),
  (socket) => {
    socket.pause();
    setTimeout(() => socket.resume(), below(40));
  },
  (socket) => {
    socket.pause();
    setTimeout(() => reset(socket), below(40));
  },
];

/** One connection with its requests, some of them cut off; over when the connection is. */
function visit(port: number, count: number): Promise<void> {
  return new Promise((resolve) => {
    const socket = net.connect({ port, host: '127.0.0.1' });
    socket.on('error', () => {});
    socket.on('close', () => resolve());
    socket.resume();
    const kind = random();
    const text = kind < 0.03 ? 'no HTTP\r\n\r\n' : requests(count);
    if (kind > 0.95) socket.write(text.slice(0, below(text.length)), 'latin1');
    else if (kind > 0.9) {
      socket.write(text.slice(0, text.length >> 1), 'latin1');
      setTimeout(() => socket.write(text.slice(text.length >> 1), 'latin1'), below(10));
    } else if (kind > 0.85) socket.end('POST /early HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\nbegun');
    else socket.write(text, 'latin1');
    oneOf(MANNERS)(socket);
  });
}

async function round(weft: Weft): Promise<void> {
  const end = weft.books.total + REQUESTS_PER_ROUND;
  const client = async (): Promise<void> => {
    while (weft.books.total < end) await visit(weft.port, 1 + below(4));
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  await weft.idle();
}

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Bytes in use after everything that can be collected has been. */
async function memory(): Promise<number> {
  for (let i = 0; i < 3; i++) {
    collect();
    await new Promise((resolve) => setImmediate(resolve));
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

it('10,000 requests among chaos: books balance, nothing is left, memory does not grow', {
  timeout: 120_000,
}, async () => {
  await using upstream = await chaosUpstream();
  const weft = await chaosProxy(upstream);
  await using _ = weft;
  const clusters = ['c', 'limited', 'refused'].map((name) => weft.server.clusters.get(name)!);
  let first = 0;
  for (let i = 0; i < ROUNDS; i++) {
    await round(weft);
    const { total, completed, reset, active } = weft.books;
    assert.equal(active, 0);
    assert.equal(total, completed + reset);
    for (const one of clusters) {
      const { name, breakers } = one;
      const opened = weft.upstream(name, 'connection_total');
      const closed = weft.upstream(name, 'connection_close');
      assert.equal(weft.upstream(name, 'request_active'), 0, `${name}: requests`);
      assert.equal(opened - closed, weft.upstream(name, 'connection_active'), `${name}: connections`);
      // What is open now is idle, and closes when it is told to.
      one.closeIdle();
      assert.equal(weft.upstream(name, 'connection_active'), 0, `${name}: idle connections`);
      const { connections, requests, pendingRequests, retries } = breakers;
      const used = [connections, requests, pendingRequests, retries].map((limit) => limit.used);
      assert.deepEqual([...used, one.retryBudget.used], [0, 0, 0, 0, 0], `${name}: breakers`);
    }
    await eventually(
      () => upstream.sockets.size === 0,
      () => `${upstream.sockets.size} upstream sockets are left`,
    );
    const used = await memory();
    if (i === 0) first = used;
    assert.ok(used - first < MAX_GROWTH, `round ${i}: ${used - first} bytes more than after the first`);
  }
  const { total, completed, reset } = weft.books;
  assert.ok(total >= ROUNDS * REQUESTS_PER_ROUND);
  assert.ok(completed > total / 4 && reset > total / 20, `a fair mix: ${completed} completed, ${reset} reset`);
  assert.equal(weft.counter('filter_fault'), 0);
  assert.equal(weft.counter('request_end_internal_error'), 0);
  assert.equal((await weft.accessLines()).length, total, 'one line for each request');
  await eventually(
    () => clock.armed === 0,
    () => `${clock.armed} timers are armed`,
  );
});
