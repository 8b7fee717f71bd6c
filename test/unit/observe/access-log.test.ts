import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { AccessLog } from '../../../src/observe/access-log.ts';
import { LogFiles } from '../../../src/observe/log-files.ts';
import { MetricStore } from '../../../src/observe/metric-store.ts';
import { FakeClock } from './fake-clock.ts';
import { streamInfo } from './stream-info.ts';

it('writes a line for each stream, two logs into one file', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'weft-access-'));
  try {
    const files = new LogFiles({ clock: new FakeClock(), metrics: new MetricStore() });
    const path = join(directory, 'access.log');
    const one = new AccessLog(files, path, '%stream_id% %response_code%');
    const two = new AccessLog(files, path);
    one.log(streamInfo({ id: 1 }));
    two.log(streamInfo());
    one.log(streamInfo({ id: 2, responseCode: 404 }));
    await one.close();
    two.log(streamInfo());
    await two.close();
    const lines = readFileSync(path, 'utf8').split('\n');
    assert.deepEqual([lines[0], lines[2], lines[4]], ['1 200', '2 404', '']);
    assert.match(lines[1] as string, /^2026\/11\/05 /);
    assert.equal(lines[3], lines[1]);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

it('throws for a wrong format before it opens the file', () => {
  const files = new LogFiles({ clock: new FakeClock(), metrics: new MetricStore() });
  assert.throws(() => new AccessLog(files, 'stdout', '%%'), /offset 0/);
  assert.equal(files.get('stdout'), undefined);
});
