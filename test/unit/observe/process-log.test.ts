import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { LogFiles } from '../../../src/observe/log-files.ts';
import { MetricStore } from '../../../src/observe/metric-store.ts';
import {
  isLogLevel,
  type LogLevel,
  ProcessLog,
  parseLogLevel,
  parseLogLevelFlag,
} from '../../../src/observe/process-log.ts';
import { FakeClock } from './fake-clock.ts';

let directory: string;
let files: LogFiles;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'weft-process-log-'));
  files = new LogFiles({ clock: new FakeClock(), metrics: new MetricStore() });
});
afterEach(() => rmSync(directory, { recursive: true }));

function open(level: LogLevel, ceiling?: LogLevel): ProcessLog {
  return new ProcessLog(files.open(join(directory, 'weft.log')), level, ceiling);
}

/** Closes the file and returns what it holds. */
async function lines(): Promise<Record<string, unknown>[]> {
  await files.close();
  const text = readFileSync(join(directory, 'weft.log'), 'utf8');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}

function sayAll(log: ProcessLog): void {
  for (const method of ['fatal', 'error', 'warn', 'info', 'debug'] as const) log[method]({}, method);
}

describe('process log', () => {
  it('writes one JSON object a line, with level, time and fields', async () => {
    open('INFO').warn({ listener: 'in', err: new TypeError('no\nway') }, 'it "failed"');
    const [line, ...others] = await lines();
    assert.equal(others.length, 0);
    assert.equal(line?.['level'], 'warn');
    assert.equal(line['msg'], 'it "failed"');
    assert.equal(line['listener'], 'in');
    assert.equal(line['pid'], process.pid);
    assert.match(line['time'] as string, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assert.equal((line['err'] as { message: string }).message, 'no\nway');
  });

  const cases: [LogLevel, string[]][] = [
    ['OFF', []],
    ['FATAL', ['fatal']],
    ['ERROR', ['fatal', 'error']],
    ['WARN', ['fatal', 'error', 'warn']],
    ['INFO', ['fatal', 'error', 'warn', 'info']],
    ['DEBUG', ['fatal', 'error', 'warn', 'info', 'debug']],
    ['TRACE', ['fatal', 'error', 'warn', 'info', 'debug']],
  ];
  for (const [level, expected] of cases) {
    it(`writes at ${level}: ${expected.join(', ') || 'nothing'}`, async () => {
      sayAll(open(level));
      assert.deepEqual(
        (await lines()).map(({ msg }) => msg),
        expected,
      );
    });
  }

  it('stays below its ceiling, also when the level is changed', async () => {
    const log = open('ERROR', 'WARN');
    sayAll(log);
    log.level = 'DEBUG';
    sayAll(log);
    assert.equal(log.level, 'DEBUG');
    assert.deepEqual(
      (await lines()).map(({ msg }) => msg),
      ['fatal', 'error', 'fatal', 'error', 'warn'],
    );
  });

  it('reads level names as MOSN does', () => {
    assert.equal(parseLogLevel('ERROR'), 'ERROR');
    for (const text of ['error', 'OFF', 'VERBOSE', '']) assert.equal(parseLogLevel(text), 'INFO');
    assert.equal(isLogLevel('OFF'), false);
    assert.equal(isLogLevel(3), false);
  });

  it('reads the values of --log-level', () => {
    assert.equal(parseLogLevelFlag('critical'), 'FATAL');
    assert.equal(parseLogLevelFlag('warning'), 'WARN');
    assert.equal(parseLogLevelFlag('off'), 'OFF');
    assert.equal(parseLogLevelFlag('WARN'), undefined);
  });
});
