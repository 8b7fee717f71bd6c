/** Rolling a log file away: the rename, and what happens to the rolled files afterwards. */

import { createReadStream, createWriteStream } from 'node:fs';
import { readdir, rename, stat, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { type LogRoller, ROLLED_SUFFIX } from './log-roller.ts';

const DAY = 86_400_000;

/** Renames `path` to `path + suffix`, or to the first of `….1`, `….2`, … that is free. Returns the new name. */
export async function rollAway(path: string, suffix: string, roller: LogRoller): Promise<string> {
  const name = await freeName(path + suffix, roller.keep);
  await rename(path, name);
  return name;
}

/** Compresses a file that was rolled away and deletes the ones that are too many or too old. */
export async function tidyRolled(path: string, rolled: string, roller: LogRoller, now: number): Promise<void> {
  if (roller.compress) await compress(rolled);
  const files = await rolledFiles(path);
  files.sort((a, b) => b.modified - a.modified);
  for (const [index, file] of files.entries()) {
    const tooMany = roller.keep > 0 && index >= roller.keep;
    const tooOld = roller.maxAgeDays > 0 && now - file.modified > roller.maxAgeDays * DAY;
    if (tooMany || tooOld) await unlink(file.path);
  }
}

async function freeName(wanted: string, keep: number): Promise<string> {
  const taken = new Set(await readdir(dirname(wanted)));
  const isTaken = (path: string): boolean => taken.has(basename(path)) || taken.has(`${basename(path)}.gz`);
  if (!isTaken(wanted)) return wanted;
  let n = 1;
  while (isTaken(`${wanted}.${n}`) && n !== keep) n++;
  // All are taken only if tidying failed before: the last one is written over.
  return `${wanted}.${n}`;
}

async function rolledFiles(path: string): Promise<{ path: string; modified: number }[]> {
  const directory = dirname(path);
  const name = basename(path);
  const files: { path: string; modified: number }[] = [];
  for (const entry of await readdir(directory)) {
    if (!entry.startsWith(name) || !ROLLED_SUFFIX.test(entry.slice(name.length))) continue;
    const file = join(directory, entry);
    files.push({ path: file, modified: (await stat(file)).mtimeMs });
  }
  return files;
}

async function compress(path: string): Promise<void> {
  // Loaded once a day at most.
  const [{ createGzip }, { pipeline }] = await Promise.all([import('node:zlib'), import('node:stream/promises')]);
  await pipeline(createReadStream(path), createGzip(), createWriteStream(`${path}.gz`, { mode: 0o644 }));
  await unlink(path);
}
