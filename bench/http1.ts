/** `http1`: what a small HTTP/1.1 request costs each proxy, with and without an access log. */

import { type Peer, type PeerKind, Peers } from './peer.ts';
import { haproxy } from './peers/haproxy.ts';
import { nginxProxy, nginxUpstream } from './peers/nginx.ts';
import { yardstick } from './peers/programs.ts';
import { weft } from './peers/weft.ts';
import { residentMemory } from './process-usage.ts';
import { type Report, ratioBar, ratioText, type Table } from './report.ts';
import { interleave, measure, type Rounds } from './rounds.ts';
import { compare, cpuPerUnit, MIB, medianOf, type Options, type Scenario, startPeers, throughput } from './scenario.ts';
import { wrk } from './wrk.ts';

const ROUNDS = 15;

const KINDS: readonly PeerKind[] = [
  nginxProxy({ name: 'nginx' }),
  haproxy,
  weft({ name: 'weft' }),
  yardstick,
  nginxProxy({ name: 'nginx-log', accessLog: true }),
  weft({ name: 'weft-log', accessLog: true }),
];

/** What a browser sends beside Host. */
const BROWSER_HEADERS = [
  'User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0',
  'Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8',
  'Accept-Language: en-US,en;q=0.7,de;q=0.3',
  'Accept-Encoding: gzip, deflate, br, zstd',
  'Cookie: session=8f14e45fceea167a5a36dedd4bea2543; theme=dark; consent=granted',
  'Referer: http://shop.example.com/catalogue/chairs?page=2',
  'DNT: 1',
  'Upgrade-Insecure-Requests: 1',
  'Sec-Fetch-Dest: document',
  'Sec-Fetch-Mode: navigate',
  'Sec-Fetch-Site: same-origin',
];

export const MAX_HEADERS = BROWSER_HEADERS.length + 1;

export const http1: Scenario = {
  summary: 'CPU per small HTTP/1.1 request, 64 connections kept alive',
  tools: ['nginx', 'haproxy', 'wrk'],
  kinds: KINDS,
  run,
};

async function run(options: Options): Promise<Report> {
  const report: Report = { tables: [], bars: [], skipped: [], samples: {} };
  const headers = BROWSER_HEADERS.slice(0, options.headers - 1);
  if (options.close) headers.push('Connection: close');
  const load = (peer: Peer) => () => wrk({ url: peer.url('/'), seconds: options.seconds, headers });

  await using peers = new Peers();
  const upstream = await peers.start(nginxUpstream());
  const started = await startPeers(peers, KINDS, upstream, options, report);
  const fresh = new Map(started.map((peer) => [peer.name, residentMemory(peer.pids)]));
  process.stderr.write('http1: warming up\n');
  for (const peer of started) await load(peer)();

  const rounds = await interleave('http1', started, options.rounds ?? ROUNDS, (peer) => measure(peer, load(peer)));
  report.tables.push(table(rounds, fresh, options));
  if (options.headers === 1 && !options.close) {
    const cpu = (subject: string, reference: string) => compare(rounds, subject, reference, cpuPerUnit);
    report.bars.push(
      ratioBar('CPU per request at most 1.25 × nginx', cpu('weft', 'nginx'), 1.25),
      ratioBar('CPU per request at most 0.4 × node:http + undici', cpu('weft', 'yardstick'), 0.4),
      ratioBar('with access log at most 1.35 × nginx with its log', cpu('weft-log', 'nginx-log'), 1.35),
    );
  }
  for (const [name, visits] of rounds) report.samples[name] = { freshMemory: fresh.get(name), rounds: visits };
  return report;
}

function table(rounds: Rounds, fresh: ReadonlyMap<string, number>, options: Options): Table {
  const connections = options.close ? 'a connection per request' : 'kept alive';
  const rows = [...rounds.keys()].map((name) => {
    const reference = name.endsWith('-log') ? 'nginx-log' : 'nginx';
    return [
      name,
      (medianOf(rounds, name, cpuPerUnit) / 1e3).toFixed(1),
      (medianOf(rounds, name, (visit) => visit.cpu.user / visit.amount) / 1e3).toFixed(1),
      (medianOf(rounds, name, (visit) => visit.cpu.system / visit.amount) / 1e3).toFixed(1),
      medianOf(rounds, name, throughput).toFixed(0),
      medianOf(rounds, name, (visit) => visit.p50).toFixed(2),
      medianOf(rounds, name, (visit) => visit.p99).toFixed(2),
      ((fresh.get(name) ?? Number.NaN) / MIB).toFixed(1),
      (medianOf(rounds, name, (visit) => visit.peak) / MIB).toFixed(1),
      name === reference ? '1' : ratioText(compare(rounds, name, reference, cpuPerUnit)),
    ];
  });
  return {
    title: `http1: 64 connections, ${connections}, ${options.headers} request header(s), 48-byte body`,
    rows: [
      [
        'peer',
        'CPU µs/req',
        'user',
        'system',
        'req/s',
        'p50 ms',
        'p99 ms',
        'RSS MiB at start',
        'under load',
        'CPU ÷ nginx [90 %]',
      ],
      ...rows,
    ],
  };
}
