import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import fs, {
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { gunzipSync } from 'node:zlib';
import type { Counter } from '../../../src/api/metrics.ts';
import { LogFile } from '../../../src/observe/log-file.ts';
import { LogFiles } from '../../../src/observe/log-files.ts';
import { parseLogRoller } from '../../../src/observe/log-roller.ts';
import { MetricStore, sum } from '../../../src/observe/metric-store.ts';
import { FakeClock } from './fake-clock.ts';

const DAY = 86_400_000;

let directory: string;
let clock: FakeClock;
let errors: Error[];
let dropped: Counter;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'weft-log-'));
  clock = new FakeClock();
  errors = [];
  dropped = new MetricStore().group('log', {}).counter('dropped_total');
});
afterEach(() => rmSync(directory, { recursive: true }));

function path(name = 'a.log'): string {
  return join(directory, name);
}

function read(name = 'a.log'): string {
  return readFileSync(path(name), 'utf8');
}

function open(roller?: string, name = 'a.log'): LogFile {
  const onError = (error: Error) => errors.push(error);
  return new LogFile(path(name), {
    clock,
    dropped,
    onError,
    ...(roller !== undefined && { roller: parseLogRoller(roller) }),
  });
}

/** Waits until the file holds `text`; the test's own time limit ends a wait in vain. */
async function holds(text: string, name = 'a.log'): Promise<void> {
  while (readIfThere(name) !== text) await new Promise(setImmediate);
}

/** While a file is rolled its name belongs to nobody for a moment. */
function readIfThere(name: string): string | undefined {
  try {
    return read(name);
  } catch {
    return undefined;
  }
}

describe('log file', () => {
  it('makes the folders of the file, and appends', async () => {
    const file = open(undefined, 'x/y/a.log');
    file.write('one\n');
    await file.close();
    const again = open(undefined, 'x/y/a.log');
    again.write('two µ\n');
    await again.close();
    assert.equal(read('x/y/a.log'), 'one\ntwo µ\n');
    assert.equal(statSync(path('x/y/a.log')).mode & 0o777, 0o644 & ~process.umask());
  });

  it('writes a second after the first line, not before', async () => {
    const file = open();
    file.write('one\n');
    clock.advance(600);
    file.write('two\n');
    clock.advance(399);
    assert.equal(read(), '');
    clock.advance(1);
    await holds('one\ntwo\n');
    await file.close();
    assert.equal(clock.armed, 0);
  });

  it('writes as soon as 64 KiB have been gathered', async () => {
    const file = open();
    const line = `${'x'.repeat(1023)}\n`;
    for (let i = 0; i < 64; i++) file.write(line);
    await holds(line.repeat(64));
    await file.close();
  });

  it('writes at once when asked', async () => {
    const file = open();
    file.write('one\n');
    file.flush();
    await holds('one\n');
    await file.close();
  });

  it('keeps the order of lines however often it is asked', async () => {
    const file = open();
    for (let i = 0; i < 100; i++) {
      file.write(`${i}\n`);
      file.flush();
    }
    await file.close();
    assert.equal(read(), Array.from({ length: 100 }, (_, i) => `${i}\n`).join(''));
  });

  it('drops lines when the queue is full, counted, and keeps lines whole', async () => {
    const file = open();
    const line = `${'x'.repeat(1024 * 1024 - 1)}\n`;
    for (let i = 0; i < 6; i++) file.write(line);
    assert.equal(dropped.value, 2);
    await file.close();
    assert.equal(read(), line.repeat(4));
  });

  it('drops silently while it is disabled', async () => {
    const file = open();
    file.enabled = false;
    file.write('no\n');
    file.enabled = true;
    file.write('yes\n');
    await file.close();
    assert.equal(read(), 'yes\n');
    assert.equal(dropped.value, 0);
  });

  it('flushSync leaves nothing behind', async () => {
    const file = open();
    file.write('one\n');
    file.flushSync();
    assert.equal(read(), 'one\n');
    await file.close();
    assert.equal(read(), 'one\n');
  });

  it('throws when the file cannot be opened, and for targets that are not implemented', () => {
    writeFileSync(path('plain'), '');
    assert.throws(() => open(undefined, 'plain/a.log'), { code: 'EEXIST' });
    for (const target of ['syslog', 'syslog://host', 'syslog+udp://host:514']) {
      assert.throws(() => new LogFile(target, { clock, dropped, onError: () => {} }), /not implemented/);
    }
  });

  it('keeps lines through a failure, says so once, and writes them when it is over', async () => {
    // A full device: every write to /dev/full fails with ENOSPC.
    const file = new LogFile('/dev/full', { clock, dropped, onError: (error) => errors.push(error) });
    file.write('one\n');
    file.flush();
    while (errors.length === 0) await new Promise(setImmediate);
    assert.match(errors[0]?.message as string, /ENOSPC/);
    for (let i = 0; i < 3; i++) {
      file.write('more\n');
      file.flush();
      clock.advance(1000);
      await new Promise(setImmediate);
    }
    await file.close();
    assert.equal(errors.length, 1);
    assert.equal(dropped.value, 0);
  });
});

describe('reopening', () => {
  it('loses no line when another program moves the file', async () => {
    const file = open();
    const lines: string[] = [];
    for (let round = 0; round < 20; round++) {
      for (let i = 0; i < 50; i++) {
        const line = `${round} ${i} ${'x'.repeat(200)}\n`;
        lines.push(line);
        file.write(line);
      }
      if (round % 5 === 4) {
        renameSync(path(), path(`moved.${round}`));
        file.reopen();
        while (!readdirSync(directory).includes('a.log')) await new Promise(setImmediate);
      }
    }
    file.write('last\n');
    await file.close();
    const files = ['moved.4', 'moved.9', 'moved.14', 'moved.19', 'a.log'];
    assert.equal(files.map((name) => read(name)).join(''), `${lines.join('')}last\n`);
    assert.equal(read(), 'last\n');
  });

  it('goes on with the old file until the new one can be opened', async () => {
    const file = open(undefined, 'sub/a.log');
    file.write('one\n');
    file.flush();
    await holds('one\n', 'sub/a.log');
    renameSync(path('sub'), path('moved'));
    file.reopen();
    while (errors.length === 0) await new Promise(setImmediate);
    file.write('two\n');
    clock.advance(1000);
    await holds('one\ntwo\n', 'moved/a.log');
    fs.mkdirSync(path('sub'));
    file.write('three\n');
    while (!readdirSync(path('sub')).includes('a.log')) {
      clock.advance(1000);
      await new Promise(setImmediate);
    }
    file.write('four\n');
    await file.close();
    assert.equal(read('moved/a.log') + read('sub/a.log'), 'one\ntwo\nthree\nfour\n');
    assert.ok(read('sub/a.log').endsWith('four\n'));
    assert.equal(errors.length, 1);
  });
});

describe('rolling', () => {
  it('rolls daily when nothing else is said, at the first line of the new day', async () => {
    clock = new FakeClock(new Date(2026, 0, 15, 23, 59));
    const file = open();
    file.write('old\n');
    clock.advance(1000);
    await holds('old\n');
    clock.advance(120_000);
    assert.deepEqual(readdirSync(directory), ['a.log']);
    file.write('new\n');
    await file.close();
    assert.deepEqual(readdirSync(directory).sort(), ['a.log', 'a.log.2026-01-15']);
    assert.equal(read('a.log.2026-01-15'), 'old\n');
    assert.equal(read(), 'new\n');
  });

  it('rolls away what an earlier process wrote on an earlier day', async () => {
    writeFileSync(path(), 'yesterday\n');
    const yesterday = new Date(clock.wallTime() - DAY);
    utimesSync(path(), yesterday, yesterday);
    const file = open();
    file.write('today\n');
    await file.close();
    assert.equal(read('a.log.2026-01-14'), 'yesterday\n');
    assert.equal(read(), 'today\n');
  });

  it('rolls by hours', async () => {
    const file = open('time=1');
    file.write('12\n');
    file.flush();
    await holds('12\n');
    clock.advance(3_600_000);
    file.write('13\n');
    await file.close();
    assert.equal(read('a.log.2026-01-15_12'), '12\n');
  });

  it('does not roll an empty file', async () => {
    const file = open();
    clock.advance(3 * DAY);
    file.write('one\n');
    await file.close();
    assert.deepEqual(readdirSync(directory), ['a.log']);
  });

  it('rolls by size, with numbers behind names that are taken, and keeps so many', async () => {
    const file = open('size=1 keep=2');
    const megabyte = `${'x'.repeat(1024 * 1024 - 1)}\n`;
    for (let i = 0; i < 5; i++) {
      file.write(`${i}${megabyte}`);
      file.flush();
      await holds(`${i}${megabyte}`);
      // mtimes decide which ones are the oldest.
      const time = new Date(clock.wallTime() + i * 1000);
      utimesSync(path(), time, time);
    }
    file.write('last\n');
    file.flush();
    await holds('last\n');
    // The new file is small again.
    file.write('line\n');
    await file.close();
    const rolled = readdirSync(directory).filter((name) => name !== 'a.log');
    assert.deepEqual(rolled.map((name) => read(name)[0]).sort(), ['3', '4']);
    for (const name of rolled) assert.match(name, /^a\.log\.2026-01-15(\.[12])?$/);
    assert.equal(read(), 'last\nline\n');
  });

  it('deletes what is too old, and nothing that is not its own', async () => {
    const aged = new Date(clock.wallTime() - 8 * DAY);
    for (const name of [
      'a.log.2026-01-07',
      'a.log.2026-01-07.1.gz',
      'a.log.bak',
      'a.log2.2026-01-07',
      'b.log.2026-01-07',
    ]) {
      writeFileSync(path(name), name);
      utimesSync(path(name), aged, aged);
    }
    const file = open('time=24 age=7');
    file.write('old\n');
    file.flush();
    await holds('old\n');
    clock.advance(DAY);
    file.write('new\n');
    await file.close();
    const left = ['a.log', 'a.log.2026-01-15', 'a.log.bak', 'a.log2.2026-01-07', 'b.log.2026-01-07'];
    assert.deepEqual(readdirSync(directory).sort(), left);
  });

  it('compresses when asked, and takes a compressed name for taken', async () => {
    const file = open('time=24 compress=on');
    writeFileSync(path('a.log.2026-01-15.gz'), 'taken');
    file.write('old\n');
    file.flush();
    await holds('old\n');
    clock.advance(DAY);
    file.write('new\n');
    await file.close();
    assert.deepEqual(readdirSync(directory).sort(), ['a.log', 'a.log.2026-01-15.1.gz', 'a.log.2026-01-15.gz']);
    assert.equal(gunzipSync(readFileSync(path('a.log.2026-01-15.1.gz'))).toString(), 'old\n');
  });

  it('only reopens when another process has rolled the file already', async () => {
    const file = open();
    file.write('old\n');
    file.flush();
    await holds('old\n');
    renameSync(path(), path('elsewhere'));
    writeFileSync(path(), 'theirs\n');
    clock.advance(DAY);
    file.write('ours\n');
    await file.close();
    assert.equal(read(), 'theirs\nours\n');
    assert.deepEqual(readdirSync(directory).sort(), ['a.log', 'elsewhere']);
  });

  it('goes on in the same file when it cannot be rolled, and says so', async () => {
    const file = open('time=24 keep=1');
    file.write('old\n');
    file.flush();
    await holds('old\n');
    // Folders in the way of both names that it might take.
    fs.mkdirSync(path('a.log.2026-01-15'));
    fs.mkdirSync(path('a.log.2026-01-15.1'));
    clock.advance(DAY);
    file.write('new\n');
    await file.close();
    assert.equal(read(), 'old\nnew\n');
    assert.equal(errors.length, 1);
  });
});

describe('log files', () => {
  it('opens each path once, and closes it with its last user', async () => {
    const store = new MetricStore();
    const files = new LogFiles({ clock, metrics: store });
    const first = files.open(path());
    const second = files.open(path());
    assert.equal(first, second);
    await files.release(first);
    second.write('still open\n');
    await files.release(second);
    assert.equal(read(), 'still open\n');
    assert.equal(files.get(path()), undefined);
    assert.notEqual(files.open(path()), first);
    await files.close();
  });

  it('reopens and closes all, and counts failures by path', async () => {
    const store = new MetricStore();
    const files = new LogFiles({ clock, metrics: store });
    const failed: string[] = [];
    files.onError = (name) => failed.push(name);
    const file = files.open(path());
    renameSync(path(), path('moved'));
    files.reopen();
    file.write('one\n');
    const full = files.open('/dev/full');
    full.write('lost\n');
    await files.close();
    assert.equal(read('moved') + read(), 'one\n');
    assert.deepEqual(failed, ['/dev/full']);
    const group = sum([store]).find(({ labels }) => labels[0]?.[1] === '/dev/full');
    assert.equal(group?.metrics.find(({ key }) => key === 'write_failed_total')?.value, 1);
  });
});

describe('log file of a process that ends', () => {
  const PROGRAM = `
    import { LogFiles } from '${new URL('../../../src/observe/log-files.ts', import.meta.url)}';
    import { MetricStore } from '${new URL('../../../src/observe/metric-store.ts', import.meta.url)}';
    import { clock } from '${new URL('../../../src/network/clock.ts', import.meta.url)}';
    const files = new LogFiles({ clock, metrics: new MetricStore() });
    process.on('exit', () => files.flushSync());
    const file = files.open(process.argv[1]);
  `;
  const run = (program: string, target: string) =>
    spawnSync(process.execPath, ['--input-type=module', '-e', PROGRAM + program, '--', target], { encoding: 'utf8' });

  it('holds every line once, also those on their way at exit', () => {
    const result = run(
      `
        const write = (from, to) => { for (let i = from; i < to; i++) file.write('line ' + i + ' ' + 'x'.repeat(50) + '\\n'); };
        write(0, 5000);
        // Long enough for the write to begin, too short for it to be reported as done.
        for (let i = 0; i < 50; i++) await null;
        write(5000, 6000);
        process.exit(0);
      `,
      path(),
    );
    assert.equal(result.stderr, '');
    const numbers =
      read()
        .match(/^line \d+ x{50}$/gm)
        ?.map((line) => Number(line.split(' ')[1])) ?? [];
    assert.equal(numbers.length, 6000);
    assert.equal(new Set(numbers).size, 6000);
    assert.equal(read().split('\n').length, 6001);
  });

  it('writes to stdout and stderr', () => {
    assert.equal(run(`file.write('out\\n'); files.open('').write('err\\n');`, 'stdout').stdout, 'out\n');
    assert.equal(run(`file.write('err\\n'); await files.close();`, 'stderr').stderr, 'err\n');
  });

  for (const [kind, setUp] of [
    ['blocking', ''],
    // Node makes a pipe so, for all who share it, when it is asked for process.stdout.
    ['non-blocking', 'process.stdout;'],
  ]) {
    it(`waits for a slow reader of a ${kind} pipe without losing a line`, async () => {
      const program = `${PROGRAM}${setUp} for (let i = 0; i < 200000; i++) file.write(i + '\\n'); await files.close();`;
      const child = spawn(process.execPath, ['--input-type=module', '-e', program, '--', 'stdout'], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let text = '';
      for await (const chunk of child.stdout) text += chunk;
      assert.equal(text, Array.from({ length: 200_000 }, (_, i) => `${i}\n`).join(''));
    });
  }
});
