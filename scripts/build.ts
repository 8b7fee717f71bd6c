/**
 * `npm run build`: makes `dist/`, what is published: the command and the api bundled to a few files, and the types of
 * the api.
 *
 * Bundled, because Node's loader gets hot over a hundred small modules: V8 then compiles it, and the compiler's pages
 * alone are 8 MiB of resident memory before the first connection. Minified, because the text of what runs stays in memory
 * too; the maps beside it serve `node --enable-source-maps`. What a running proxy does not need (the command line
 * proper, the admin server) stands in files of its own.
 */

import { spawnSync } from 'node:child_process';
import { chmodSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { rolldown } from 'rolldown';

const root = join(import.meta.dirname, '..');

/** Only these packages are bundled, because every start needs them; the others are loaded when first used. */
const BUNDLED =
  /^(commander|pino|@pinojs|atomic-sleep|on-exit-leak-free|process-warning|quick-format-unescaped|real-require|safe-stable-stringify|sonic-boom|split2|thread-stream)(?=$|[-/])/;
const isOwn = /^[./]/;

rmSync(join(root, 'dist'), { recursive: true, force: true });

const bundle = await rolldown({
  cwd: root,
  input: { main: 'src/main.ts', 'api/index': 'src/api/index.ts' },
  platform: 'node',
  external: (id) => !isOwn.test(id) && !BUNDLED.test(id),
});
await bundle.write({
  dir: 'dist/src',
  format: 'esm',
  sourcemap: true,
  chunkFileNames: '[name].js',
  comments: false,
  minify: { compress: true, mangle: true, codegen: { removeWhitespace: true } },
});
await bundle.close();
chmodSync(join(root, 'dist/src/main.js'), 0o755);

const tsc = join(root, 'node_modules/typescript/bin/tsc');
const { status } = spawnSync(process.execPath, [tsc, '-p', 'tsconfig.build.json'], { cwd: root, stdio: 'inherit' });
process.exitCode = status ?? 1;
