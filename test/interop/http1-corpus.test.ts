/**
 * Inputs that others found worth keeping (go-fuzz-corpus), as requests and as responses: nothing throws or hangs, and
 * how the bytes are cut changes nothing. The corpus is looked for in `WEFT_TESTDATA`, else in `../shared/testdata`.
 */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, test } from 'node:test';
import { RequestHeaderList, ResponseHeaderList } from '../../src/api/index.ts';
import { ClientSide, ServerSide } from '../unit/protocols/http1/support.ts';

const folder = process.env['WEFT_TESTDATA'] ?? resolve(import.meta.dirname, '../../../shared/testdata');
/** An input up to this size is cut at every byte, a longer one at this many random places. */
const EVERY_BYTE_UP_TO = 2048;
const RANDOM_CUTS = 512;

/** Numbers below 2^32, always the same. */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state;
  };
}

function load(archive: string): Buffer[] {
  const into = mkdtempSync(join(tmpdir(), 'weft-corpus-'));
  try {
    execFileSync('tar', ['xzf', join(folder, archive), '-C', into]);
    const entries = readdirSync(into, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    return entries.map((entry) => readFileSync(join(entry.parentPath, entry.name))).sort((a, b) => a.length - b.length);
  } finally {
    rmSync(into, { recursive: true });
  }
}

function serve(pieces: readonly Buffer[]): string {
  const server = new ServerSide();
  server.onRequestEnd = (encoder) => encoder.headers(new ResponseHeaderList(204), true);
  for (const piece of pieces) {
    server.codec.onData(piece);
    server.sink.turn();
  }
  server.codec.onEnd();
  server.sink.turn();
  return [...server.log.take(), server.sink.take()].join('\n').replaceAll(' lingering', '');
}

function receive(pieces: readonly Buffer[]): string {
  const client = new ClientSide();
  client.request(new RequestHeaderList('GET', '/', 'a'));
  for (const piece of pieces) client.codec.onData(piece);
  if (client.codec.activeStreams > 0) client.codec.onEnd();
  // That bytes follow a response is seen at once or with the next read.
  return client.log
    .take()
    .join('\n')
    .replaceAll(/reusable|unusable/g, 'spent')
    .replaceAll('spent\nspent', 'spent');
}

function places(input: Buffer, random: () => number): number[] {
  const { length } = input;
  if (length <= EVERY_BYTE_UP_TO) return Array.from({ length: Math.max(0, length - 1) }, (_, i) => i + 1);
  return Array.from({ length: RANDOM_CUTS }, () => 1 + (random() % (length - 1)));
}

describe('corpus', () => {
  for (const [archive, run] of [
    ['fuzz-httpreq.tar.gz', serve],
    ['fuzz-httpresp.tar.gz', receive],
  ] as const) {
    const skip = existsSync(join(folder, archive)) ? false : `${archive} is not in ${folder}`;
    test(archive, { skip }, () => {
      const inputs = load(archive);
      assert.ok(inputs.length > 10);
      const random = randomNumbers(1);
      for (const input of inputs) {
        const whole = run([input]);
        for (const at of places(input, random)) {
          assert.equal(
            run([input.subarray(0, at), input.subarray(at)]),
            whole,
            `${JSON.stringify(input.toString('latin1', 0, 200))} cut at ${at}`,
          );
        }
      }
    });
  }
});
