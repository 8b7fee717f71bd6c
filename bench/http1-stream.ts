/** `http1-stream`: one large body down and up through each proxy, and its memory when the receiver is slow. */

import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, mkdtempSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run as runCommand } from './command.ts';
import { type Peer, type PeerKind, Peers } from './peer.ts';
import { haproxy } from './peers/haproxy.ts';
import { nginxProxy, nginxUpstream } from './peers/nginx.ts';
import { sink, yardstick } from './peers/programs.ts';
import { weft } from './peers/weft.ts';
import { peakMemory, resetPeak, residentMemory } from './process-usage.ts';
import { figureBar, type Report, ratioBar, ratioText, type Table } from './report.ts';
import { interleave, measure, type Rounds, type Work } from './rounds.ts';
import { compare, cpuPerUnit, MIB, medianOf, type Options, type Scenario, startPeers, throughput } from './scenario.ts';

const ROUNDS = 15;
/** How long a transfer with a slow receiver is watched. */
const SLOW_SECONDS = 4;
/** What curl ends with when that time is over. */
const CURL_TIMED_OUT = 28;
/** Growth of resident memory that a transfer of any length may cause. */
const GROWTH_LIMIT = 32;

const KINDS: readonly PeerKind[] = [
  nginxProxy({ name: 'nginx' }),
  nginxProxy({ name: 'nginx-16x64k', largeBuffers: true }),
  haproxy,
  weft({ name: 'weft' }),
  yardstick,
];

/** One way through the proxies. */
interface Direction {
  name: string;
  /** Arguments of curl for the transfer, and for one with a slow receiver. */
  transfer(peer: Peer): readonly string[];
  slowTransfer(peer: Peer): readonly string[];
}

interface Measured {
  rounds: Rounds;
  /** By peer, bytes of resident memory above those after the start: during the rounds, and with a slow receiver. */
  growth: Map<string, { fast: number; slow: number }>;
}

export const http1Stream: Scenario = {
  summary: '1 GiB down and up: throughput, CPU and memory, also with a slow receiver',
  tools: ['nginx', 'haproxy', 'curl'],
  kinds: KINDS,
  run,
};

async function run(options: Options): Promise<Report> {
  const report: Report = { tables: [], bars: [], skipped: [], samples: {} };
  using folder = makeBlob(options.mebibytes);
  await using peers = new Peers();
  const down: Direction = {
    name: 'down',
    transfer: (peer) => [peer.url('/files/blob')],
    slowTransfer: (peer) => ['--limit-rate', '6M', peer.url('/files/blob')],
  };
  const up: Direction = {
    name: 'up',
    transfer: (peer) => ['-H', 'Expect:', '-T', folder.blob, peer.url('/fast')],
    slowTransfer: (peer) => ['-H', 'Expect:', '-T', folder.blob, peer.url('/slow')],
  };
  for (const [direction, upstreamKind] of [
    [down, nginxUpstream(folder.path)],
    [up, sink],
  ] as const) {
    const upstream = await peers.start(upstreamKind);
    const started = await startPeers(peers, KINDS, upstream, options, report);
    const measured = await measureDirection(direction, started, options);
    report.tables.push(table(direction, measured, options));
    report.bars.push(...bars(direction, measured));
    for (const [name, visits] of measured.rounds) {
      report.samples[`${name} ${direction.name}`] = { rounds: visits, growth: measured.growth.get(name) };
    }
    await Promise.all([upstream, ...started].map((peer) => peer.stop()));
  }
  return report;
}

async function measureDirection(direction: Direction, started: readonly Peer[], options: Options): Promise<Measured> {
  const fresh = new Map(started.map((peer) => [peer.name, residentMemory(peer.pids)]));
  const above = (peer: string, memory: number) => memory - (fresh.get(peer) ?? Number.NaN);
  const title = `http1-stream ${direction.name}`;
  const rounds = await interleave(title, started, options.rounds ?? ROUNDS, (peer) =>
    measure(peer, () => curl(direction.transfer(peer), options.mebibytes)),
  );
  const growth: Measured['growth'] = new Map();
  for (const peer of started) {
    process.stderr.write(`${title}: slow receiver behind ${peer.name}\n`);
    const peak = Math.max(...(rounds.get(peer.name) ?? []).map((visit) => visit.peak));
    resetPeak(peer.pids);
    const args = ['-s', '-o', '/dev/null', '--max-time', `${SLOW_SECONDS}`, ...direction.slowTransfer(peer)];
    await runCommand('curl', args, { accept: [0, CURL_TIMED_OUT] });
    growth.set(peer.name, { fast: above(peer.name, peak), slow: above(peer.name, peakMemory(peer.pids)) });
  }
  return { rounds, growth };
}

/** One whole transfer. */
async function curl(transfer: readonly string[], mebibytes: number): Promise<Work> {
  const format = '%{http_code} %{size_download} %{size_upload} %{time_total}';
  const output = await runCommand('curl', ['-sS', '-o', '/dev/null', '-w', format, ...transfer]);
  const [status, received, sent, seconds] = output.split(' ').map(Number) as [number, number, number, number];
  if (status !== 200 || received + sent !== mebibytes * MIB) throw new Error(`a transfer failed: ${output}`);
  return { amount: mebibytes / 1024, seconds, p50: Number.NaN, p99: Number.NaN };
}

/** A file of that size in memory where there is room for it, else on disk. */
function makeBlob(mebibytes: number): Disposable & { path: string; blob: string } {
  const path = mkdtempSync(join(hasRoom('/dev/shm', mebibytes * 2) ? '/dev/shm' : tmpdir(), 'weft-bench-'));
  const blob = join(path, 'blob');
  const remove = () => rmSync(path, { recursive: true, force: true });
  process.once('exit', remove);
  const file = openSync(blob, 'w');
  const chunk = randomBytes(MIB);
  for (let i = 0; i < mebibytes; i++) writeSync(file, chunk);
  closeSync(file);
  return { path, blob, [Symbol.dispose]: remove };
}

function hasRoom(directory: string, mebibytes: number): boolean {
  if (!existsSync(directory)) return false;
  const { bavail, bsize } = statfsSync(directory);
  return bavail * bsize > mebibytes * MIB;
}

function bars({ name }: Direction, { rounds, growth }: Measured) {
  const weftGrowth = growth.get('weft');
  return [
    ratioBar(`${name}: throughput at least nginx's`, compare(rounds, 'weft', 'nginx', throughput), 1, true),
    ratioBar(`${name}: CPU per GiB at most nginx's`, compare(rounds, 'weft', 'nginx', cpuPerUnit), 1),
    figureBar(`${name}: RSS grows by at most 32 MiB`, weftGrowth && weftGrowth.fast / MIB, GROWTH_LIMIT),
    figureBar(`${name}: also with a slow receiver`, weftGrowth && weftGrowth.slow / MIB, GROWTH_LIMIT),
  ];
}

function table({ name }: Direction, { rounds, growth }: Measured, options: Options): Table {
  const rows = [...rounds.keys()].map((peer) => [
    peer,
    (medianOf(rounds, peer, throughput) * 1024).toFixed(0),
    (medianOf(rounds, peer, cpuPerUnit) / 1e9).toFixed(2),
    (medianOf(rounds, peer, (visit) => visit.cpu.user / visit.amount) / 1e9).toFixed(2),
    (medianOf(rounds, peer, (visit) => visit.cpu.system / visit.amount) / 1e9).toFixed(2),
    ((growth.get(peer)?.fast ?? Number.NaN) / MIB).toFixed(1),
    ((growth.get(peer)?.slow ?? Number.NaN) / MIB).toFixed(1),
    peer === 'nginx' ? '1' : ratioText(compare(rounds, peer, 'nginx', throughput)),
    peer === 'nginx' ? '1' : ratioText(compare(rounds, peer, 'nginx', cpuPerUnit)),
  ]);
  return {
    title: `http1-stream: ${options.mebibytes} MiB ${name}`,
    rows: [
      [
        'peer',
        'MiB/s',
        'CPU s/GiB',
        'user',
        'system',
        'RSS growth MiB',
        'slow receiver',
        'MiB/s ÷ nginx [90 %]',
        'CPU ÷ nginx [90 %]',
      ],
      ...rows,
    ],
  };
}
