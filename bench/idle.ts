/** `idle`: memory of a proxy after its start, and what an idle connection adds to it. */

import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { requireDescriptors } from './descriptors.ts';
import { type PeerKind, Peers } from './peer.ts';
import { haproxy } from './peers/haproxy.ts';
import { nginxProxy, nginxUpstream, SMALL_BODY } from './peers/nginx.ts';
import { yardstick } from './peers/programs.ts';
import { weft } from './peers/weft.ts';
import { residentMemory } from './process-usage.ts';
import { figureBar, type Report } from './report.ts';
import { MIB, type Options, type Scenario, selected, startOrSkip } from './scenario.ts';
import { median } from './statistics.ts';

const ROUNDS = 3;
const CONNECTIONS = 5000;
/** Connections being opened at a time: it bounds the connections that a proxy opens to the upstream. */
const OPENING = 64;
/** A process is given this long to come to rest before its memory is read. */
const SETTLE = 1500;
/** Connections that are opened before the measured ones, and stay. */
const FIRST = 1000;
const REQUEST = 'GET / HTTP/1.1\r\nHost: bench\r\n\r\n';

const KINDS: readonly PeerKind[] = [
  nginxProxy({ name: 'nginx' }),
  haproxy,
  weft({ name: 'weft' }),
  weft({ name: 'weft-src', fromSource: true }),
  yardstick,
];

/** Bytes. */
interface Memory {
  atStart: number;
  idle: number;
  /** What each connection after the first 1,000 adds: by then the code that serves them is compiled. */
  perConnection: number;
  /** All growth since the start, compiled code included, over all connections. */
  allIn: number;
}

export const idle: Scenario = {
  summary: 'memory after the start and per idle connection, 5,000 connections after one request each',
  tools: ['nginx', 'haproxy'],
  kinds: KINDS,
  run,
};

async function run(options: Options): Promise<Report> {
  requireDescriptors(2 * CONNECTIONS);
  const report: Report = { tables: [], bars: [], skipped: [], samples: {} };
  const found = new Map<string, Memory[]>();
  for (const kind of selected(KINDS, options)) {
    for (let round = 0; round < (options.rounds ?? ROUNDS); round++) {
      process.stderr.write(`idle: ${kind.name}, round ${round + 1}\n`);
      const memory = await measureOnce(kind, report);
      if (memory === undefined) break;
      found.set(kind.name, [...(found.get(kind.name) ?? []), memory]);
    }
  }
  const figure = (peer: string, key: keyof Memory) => {
    const rounds = found.get(peer);
    return rounds && median(rounds.map((memory) => memory[key]));
  };
  const inUnits = (bytes: number | undefined, unit: number) => bytes && bytes / unit;
  const rows = [...found.keys()].map((peer) => [
    peer,
    inUnits(figure(peer, 'atStart'), MIB)?.toFixed(1) ?? '',
    inUnits(figure(peer, 'idle'), MIB)?.toFixed(1) ?? '',
    inUnits(figure(peer, 'perConnection'), 1024)?.toFixed(1) ?? '',
    inUnits(figure(peer, 'allIn'), 1024)?.toFixed(1) ?? '',
  ]);
  report.tables.push({
    title: `idle: ${CONNECTIONS} connections after one request each`,
    rows: [
      ['peer', 'RSS MiB at start', 'with the connections', 'KiB per connection', 'all growth ÷ all connections'],
      ...rows,
    ],
  });
  report.bars.push(
    figureBar('at most 60 MiB RSS after the start', inUnits(figure('weft', 'atStart'), MIB), 60),
    figureBar('at most 8 KiB per further idle connection', inUnits(figure('weft', 'perConnection'), 1024), 8),
  );
  report.samples = Object.fromEntries(found);
  return report;
}

/** One fresh process: its memory after the first request, and what all the connections add once it is warm. */
async function measureOnce(kind: PeerKind, report: Report): Promise<Memory | undefined> {
  await using peers = new Peers();
  const upstream = await peers.start(nginxUpstream());
  const peer = await startOrSkip(peers, kind, upstream, report);
  if (peer === undefined) return undefined;
  await delay(SETTLE);
  const atStart = residentMemory(peer.pids);
  const sockets = await openConnections(peer.port, FIRST);
  await delay(SETTLE);
  const first = residentMemory(peer.pids);
  sockets.push(...(await openConnections(peer.port, CONNECTIONS - FIRST)));
  await delay(SETTLE);
  const withConnections = residentMemory(peer.pids);
  const closed = sockets.filter((socket) => socket.readyState !== 'open').length;
  for (const socket of sockets) socket.destroy();
  if (closed > 0) throw new Error(`${kind.name} closed ${closed} of the ${CONNECTIONS} idle connections`);
  return {
    atStart,
    idle: withConnections,
    perConnection: (withConnections - first) / (CONNECTIONS - FIRST),
    allIn: (withConnections - atStart) / CONNECTIONS,
  };
}

/** Opens connections and has one request answered on each. */
async function openConnections(port: number, count: number): Promise<Socket[]> {
  const sockets: Socket[] = [];
  let begun = 0;
  const openInTurn = async () => {
    while (begun++ < count) sockets.push(await openConnection(port));
  };
  await Promise.all(Array.from({ length: OPENING }, openInTurn));
  return sockets;
}

function openConnection(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port });
    let answer = '';
    socket.once('error', reject);
    socket.once('connect', () => socket.write(REQUEST));
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1');
      if (answer.includes(SMALL_BODY)) resolve(socket);
    });
    socket.once('close', () => reject(new Error(`the proxy closed a connection after: ${answer.slice(0, 200)}`)));
  });
}
