/**
 * `node scripts/test.ts unit integration`: runs the test files of these folders under `test/`, each in a process of
 * its own. Fails when a test fails, when a folder has no test, and when nothing is heard for too long, which is how
 * a file that leaves a server or a timer behind shows itself.
 */

import { globSync } from 'node:fs';
import { join, sep } from 'node:path';
import { run } from 'node:test';
import { installPrograms } from './external-programs.ts';
import { report } from './test-reporter.ts';

const CONCURRENCY = 2;
const TEST_TIMEOUT_MS = 120_000;
const SILENCE_MS = 180_000;

const root = join(import.meta.dirname, '..');
const suites = process.argv.slice(2);
if (suites.includes('interop')) installPrograms();

const silence = new AbortController();
const watchdog = setTimeout(() => {
  console.error(`Nothing heard from the tests for ${SILENCE_MS / 1000} s; unfinished files are ended.`);
  silence.abort();
}, SILENCE_MS);

process.chdir(root);
const events = run({
  files: suites.flatMap(filesOf),
  concurrency: CONCURRENCY,
  timeout: TEST_TIMEOUT_MS,
  signal: silence.signal,
});
events.on('data', () => watchdog.refresh());
events.on('end', () => clearTimeout(watchdog));
events.on('test:fail', () => {
  process.exitCode = 1;
});
events.compose(report).pipe(process.stdout);

function filesOf(suite: string): string[] {
  const files = globSync(`test/${suite}/**/*.test.ts`, { cwd: root });
  if (files.length === 0) {
    console.error(`There is no test in test/${suite}.`);
    process.exitCode = 1;
  }
  return files.map((file) => join(root, file).replaceAll(sep, '/')).sort();
}
