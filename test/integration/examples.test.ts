/** What the documents show is right: every example and every configuration in a README passes `check --strict`. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';

const root = join(import.meta.dirname, '../..');

function assertValid(file: string): void {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(root, 'src/main.ts'), 'check', '--strict', '-c', file],
    { encoding: 'utf8' },
  );
  assert.match(stdout + stderr, /: ok, 0 errors, 0 warnings\n$/);
  assert.equal(status, 0);
}

describe('examples', () => {
  const files = globSync('examples/*.{json,yaml}', { cwd: root });
  assert.ok(files.length >= 3);
  for (const file of files) it(`${file} is valid`, () => assertValid(join(root, file)));
});

describe('configurations in documents', () => {
  const folder = mkdtempSync(join(tmpdir(), 'weft-documents-'));
  after(() => rmSync(folder, { recursive: true }));

  for (const document of ['README.md', 'README.zh-CN.md']) {
    it(`${document} shows a valid one`, () => {
      const text = readFileSync(join(root, document), 'utf8');
      const blocks = [...text.matchAll(/^```yaml\n(servers:\n.*?)^```/gms)].map((match) => match[1] as string);
      assert.equal(blocks.length, 1);
      const file = join(folder, `${document}.yaml`);
      writeFileSync(file, blocks[0] as string);
      assertValid(file);
    });
  }
});
