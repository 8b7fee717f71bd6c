/**
 * Runs before every npm script: installs what package-lock.json names when it is not there yet, so that a fresh clone
 * needs no other command. Plain JavaScript, because the Node that starts npm may be an old one; the pinned runtime
 * that the installation brings into node_modules/.bin is what the script itself then runs on.
 */

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const LEAST_NODE = 24;
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const modules = join(root, 'node_modules');
const runtime = join(modules, '.bin', process.platform === 'win32' ? 'node.cmd' : 'node');

if (!isInstalled()) {
  install();
  dropBrokenRuntime();
}
if (!existsSync(runtime) && major(process.version) < LEAST_NODE) {
  fail(
    `Weft needs Node.js ${LEAST_NODE} or later. This is ${process.version}, and there is no pinned runtime for ` +
      `${process.platform}-${process.arch}: install a newer Node.js.`,
  );
}

/** Compares the lock file with npm's own record of what it installed; optional packages may be missing. */
function isInstalled() {
  const installed = packagesOf(join(modules, '.package-lock.json'));
  if (installed === undefined) return false;
  const wanted = packagesOf(join(root, 'package-lock.json')) ?? {};
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === '') return true;
    const found = installed[path];
    return found === undefined ? entry.optional === true : found.version === entry.version;
  });
}

function packagesOf(file) {
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).packages : undefined;
}

function install() {
  console.error('weft: installing the packages of package-lock.json (once)');
  const options = ['ci', '--ignore-scripts', '--include=dev', '--include=optional', '--loglevel=error'];
  const npm = process.env.npm_execpath;
  // stdout belongs to the script that runs next.
  const stdio = ['ignore', 2, 2];
  const result = npm
    ? spawnSync(process.execPath, [npm, ...options], { cwd: root, stdio })
    : spawnSync('npm', options, { cwd: root, stdio, shell: process.platform === 'win32' });
  if (result.error) fail(`cannot run npm: ${result.error.message}`);
  if (result.status !== 0) fail('npm ci failed');
}

/** The pinned runtime is built for glibc; where it cannot run, the Node that is there has to do. */
function dropBrokenRuntime() {
  if (!existsSync(runtime)) return;
  const trial = spawnSync(runtime, ['--version'], { shell: process.platform === 'win32' });
  if (trial.status !== 0) rmSync(runtime);
}

function major(version) {
  return Number(version.slice(1).split('.')[0]);
}

function fail(message) {
  console.error(`weft: ${message}`);
  process.exit(1);
}
