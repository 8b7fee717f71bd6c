/**
 * Inputs that no one here wrote: go-fuzz's corpora of requests and responses, fed whole and split at every point. The
 * codec must not throw, must not hang, and must tell the same whatever the cut.
 *
 * The corpora are not part of the project. They are looked for in `WEFT_TESTDATA`, else beside the repository.
 */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { RequestHeaderList } from '../../src/api/index.ts';
import { ClientSide, ServerSide } from '../unit/protocols/http1/support.ts';

const FOLDER = process.env['WEFT_TESTDATA'] ?? join(import.meta.dirname, '../../../shared/testdata');
/** Longer inputs are split at this many points, evenly spread. */
const MAX_SPLITS = 2048;

/** Everything a server codec tells of an input that comes in these pieces; each request is answered at its end. */
function serverStory(pieces: readonly Buffer[]): string {
  const server = new ServerSide();
  server.onRequestEnd = () => server.reply();
  for (const piece of pieces) server.feed(piece.toString('latin1'));
  server.codec.onEnd();
  server.sink.turn();
  return `${server.log.take().join('\n')}\n${server.sink.take()}`;
}

/** The same of a client codec, after a GET. */
function clientStory(pieces: readonly Buffer[]): string {
  const client = new ClientSide();
  client.request(new RequestHeaderList('GET', '/', 'a'));
  client.sink.take();
  for (const piece of pieces) client.feed(piece.toString('latin1'));
  client.codec.onEnd();
  client.sink.turn();
  return client.log.take().join('\n');
}

function splitPoints(length: number): number[] {
  const step = Math.max(1, length / MAX_SPLITS);
  return Array.from({ length: Math.min(length, MAX_SPLITS) }, (_, i) => Math.floor(i * step)).slice(1);
}

for (const [archive, story] of [
  ['fuzz-httpreq.tar.gz', serverStory],
  ['fuzz-httpresp.tar.gz', clientStory],
] as const) {
  const file = join(FOLDER, archive);
  const skip = existsSync(file) ? false : `${archive} is not there (WEFT_TESTDATA names its folder)`;
  describe(archive, { skip }, () => {
    it('is told the same whole, split at every point, and byte by byte', () => {
      const folder = mkdtempSync(join(tmpdir(), 'weft-corpus-'));
      try {
        execFileSync('tar', ['xzf', file, '-C', folder]);
        const inputs = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
        assert.ok(inputs.length > 10, 'the archive has inputs');
        for (const entry of inputs) {
          const input = readFileSync(join(entry.parentPath, entry.name));
          const whole = story([input]);
          for (const at of splitPoints(input.length)) {
            const split = story([input.subarray(0, at), input.subarray(at)]);
            if (split !== whole) assert.equal(split, whole, `${entry.name} split at ${at}`);
          }
          if (input.length > MAX_SPLITS) continue;
          const bytes = story(Array.from(input, (_, i) => input.subarray(i, i + 1)));
          if (bytes !== whole) assert.equal(bytes, whole, `${entry.name} byte by byte`);
        }
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    });
  });
}
