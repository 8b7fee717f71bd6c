/** The benchmark harness: `node bench/main.ts <scenario> [options]`. Method and reading: bench/README.md. */

import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { http1, MAX_HEADERS } from './http1.ts';
import { http1Stream } from './http1-stream.ts';
import { idle } from './idle.ts';
import { type Report, reportText } from './report.ts';
import type { Options, Scenario } from './scenario.ts';
import { requireTools, toolVersions } from './tools.ts';

const SCENARIOS: ReadonlyMap<string, Scenario> = new Map([
  ['http1', http1],
  ['http1-stream', http1Stream],
  ['idle', idle],
]);

const HELP = `Usage: node bench/main.ts <scenario> [options]

Scenarios:
${[...SCENARIOS].map(([name, scenario]) => `  ${name.padEnd(14)}${scenario.summary}\n${' '.repeat(16)}peers: ${peerNames(scenario)}`).join('\n')}

Options:
  --rounds N     interleaved rounds (15; idle: 3)
  --seconds N    length of one visit (http1: 2)
  --only A,B     measure these peers only
  --headers N    http1: request headers, Host included (1, at most ${MAX_HEADERS})
  --close        http1: a connection per request
  --mib N        http1-stream: size of a transfer (1024)
  --json FILE    where the samples go (bench/results/<scenario>-<time>.json)
  --check        exit code 1 unless every bar is held
`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string' },
    seconds: { type: 'string', default: '2' },
    only: { type: 'string' },
    headers: { type: 'string', default: '1' },
    close: { type: 'boolean', default: false },
    mib: { type: 'string', default: '1024' },
    json: { type: 'string' },
    check: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

const name = positionals[0] ?? '';
const scenario = SCENARIOS.get(name);
if (values.help || scenario === undefined) {
  process.stdout.write(HELP);
  process.exit(values.help ? 0 : 1);
}
// Debian keeps servers where the PATH of an ordinary user does not lead.
process.env['PATH'] += ':/usr/sbin';
// The default action would end this process without its 'exit' handlers, which stop the peers.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

const options: Options = {
  rounds: values.rounds === undefined ? undefined : positive('--rounds', values.rounds),
  seconds: positive('--seconds', values.seconds),
  only: values.only === undefined ? undefined : peerSet(scenario, values.only),
  headers: positive('--headers', values.headers, MAX_HEADERS),
  close: values.close,
  mebibytes: positive('--mib', values.mib),
};
requireTools(scenario.tools);
const machine = {
  processor: cpus()[0]?.model ?? 'unknown',
  cores: cpus().length,
  kernel: release(),
  node: process.version,
  ...toolVersions(scenario.tools),
};
const time = new Date();
const report = await scenario.run(options);
const file = values.json ?? join(import.meta.dirname, 'results', `${name}-${time.toISOString().slice(0, 19)}.json`);
writeJson(file, report);
process.stdout.write(`${Object.entries(machine).flat().join(' ')}\n\n${reportText(report)}\nSamples: ${file}\n`);
process.exitCode = values.check && report.bars.some((bar) => bar.verdict !== 'pass') ? 1 : 0;

function writeJson(path: string, { tables: _, ...rest }: Report): void {
  mkdirSync(dirname(path), { recursive: true });
  const only = options.only && [...options.only];
  const content = { scenario: name, time, machine, options: { ...options, only }, ...rest };
  writeFileSync(path, `${JSON.stringify(content, null, 2)}\n`);
}

function peerNames({ kinds }: Scenario): string {
  return kinds.map((kind) => kind.name).join(', ');
}

function peerSet(of: Scenario, text: string): Set<string> {
  const names = new Set(text.split(','));
  const unknown = [...names].filter((peer) => !of.kinds.some((kind) => kind.name === peer));
  if (unknown.length > 0) refuse(`--only ${unknown.join(',')}: the peers are ${peerNames(of)}`);
  return names;
}

function positive(option: string, text: string, highest = Number.MAX_SAFE_INTEGER): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > highest) {
    refuse(`${option} needs a whole number from 1${highest < 1e6 ? ` to ${highest}` : ''}`);
  }
  return value;
}

function refuse(reason: string): never {
  process.stderr.write(`${reason}\n`);
  process.exit(1);
}
