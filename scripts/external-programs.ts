/** The programs that Weft is tested and measured against, and the Debian packages that bring them. */

import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

const DEBIAN_PACKAGES: ReadonlyMap<string, string> = new Map([
  ['nginx', 'nginx-light'],
  ['haproxy', 'haproxy'],
  ['wrk', 'wrk'],
  ['curl', 'curl'],
  ['nghttp', 'nghttp2-client'],
]);

// Debian keeps daemons out of an ordinary user's PATH.
const FOLDERS = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin'];

/** The full path of a program, or undefined when it is not there. */
export function findProgram(name: string): string | undefined {
  return FOLDERS.map((folder) => join(folder, name)).find(isExecutable);
}

/** For a test's `skip`: the reason why it cannot run, or false when every program is there. */
export function skipUnless(...programs: string[]): string | false {
  const missing = programs.filter((name) => !findProgram(name));
  return missing.length > 0 && `not installed: ${missing.map(describe).join(', ')}`;
}

/**
 * Installs the programs that are missing where that needs no question: root on Debian. Never fails; says on stderr
 * what is missing in the end.
 */
export function installPrograms(names: readonly string[] = [...DEBIAN_PACKAGES.keys()]): void {
  const missing = names.filter((name) => !findProgram(name));
  if (missing.length === 0) return;
  if (process.getuid?.() === 0 && findProgram('apt-get')) {
    aptGet('update', '-q');
    aptGet('install', '-q', '-y', '--no-install-recommends', ...missing.map(packageOf));
  }
  const absent = missing.filter((name) => !findProgram(name));
  if (absent.length > 0) console.error(`Not installed: ${absent.map(describe).join(', ')}`);
}

function aptGet(...options: string[]): void {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  spawnSync('apt-get', options, { stdio: ['ignore', 2, 2], env });
}

function describe(program: string): string {
  return `${program} (Debian package ${packageOf(program)})`;
}

function packageOf(program: string): string {
  return DEBIAN_PACKAGES.get(program) ?? program;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
