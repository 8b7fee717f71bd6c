/** The package as a user gets it: packed, installed in an empty project, run and imported there. */

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join, relative } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { request } from '../integration/support/peers.ts';
import { WeftProcess } from '../integration/support/process.ts';
import { configOf } from '../integration/support/weft.ts';

const ROOT = join(import.meta.dirname, '../..');
/** Not copied for packing: it is made anew, or is linked. */
const LEFT_OUT = new Set(['.git', 'node_modules', 'dist']);
/** The runtime that runs the test, whatever the machine calls `node`. */
const ENVIRONMENT = { ...process.env, PATH: dirname(process.execPath) + delimiter + process.env['PATH'] };

const CONFIG = configOf({
  server: { default_log_level: 'INFO' },
  routes: [{ match: { prefix: '/' }, direct_response: { status: 200, body: 'from the package' } }],
});

const API = 'weft/api';
/** Compiles only when the api has types, and prints what its values are. */
const FILTER = `
import { FilterStatus, Phase, schema, type Infer, type StreamFilter } from ${JSON.stringify(API)};

const config = schema.object({ percent: schema.integer(0, 100, { default: 50 }) });
const settings: Infer<typeof config> = { percent: 50 };
// @ts-expect-error a number is wanted
settings.percent = 'many';

const filter: StreamFilter = { onRequestHeaders: (stream) => (stream.id > settings.percent ? FilterStatus.Terminate : FilterStatus.Continue) };
// @ts-expect-error no status
filter.onRequestHeaders = () => 'Continue';

console.log(Phase.Send, FilterStatus.Terminate, typeof config);
`;

const TSCONFIG = {
  compilerOptions: {
    module: 'nodenext',
    strict: true,
    noEmit: true,
    typeRoots: [join(ROOT, 'node_modules/@types')],
    types: ['node'],
  },
  include: ['filter.ts'],
};

/** Standard output of a program; throws with all that it has printed when it fails. */
async function run(cwd: string, program: string, ...args: string[]): Promise<string> {
  try {
    return (await promisify(execFile)(program, args, { cwd, env: ENVIRONMENT })).stdout;
  } catch (error) {
    const { message, stdout } = error as Error & { stdout: string };
    throw new Error(`${message}\n${stdout}`);
  }
}

describe('the published package', () => {
  let directory: string;
  let project: string;
  let files: string[];

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'weft-publishing-'));
    const source = join(directory, 'source');
    project = join(directory, 'project');
    // Packing builds; not in the tree that others may be running from.
    await cp(ROOT, source, { recursive: true, filter: (path) => !LEFT_OUT.has(relative(ROOT, path)) });
    // One by one, so that nothing in there can do away with the packages themselves.
    const modules = join(source, 'node_modules');
    await mkdir(modules);
    for (const name of await readdir(join(ROOT, 'node_modules'))) {
      await symlink(join(ROOT, 'node_modules', name), join(modules, name));
    }
    const [packed] = JSON.parse(
      await run(source, 'npm', 'pack', '--json', '--silent', '--pack-destination', directory),
    );
    files = packed.files.map(({ path }: { path: string }) => path);
    await mkdir(project);
    await writeFile(join(project, 'package.json'), '{ "private": true, "type": "module" }');
    await run(project, 'npm', 'install', '--ignore-scripts', '--prefer-offline', join(directory, packed.filename));
  });
  after(() => rm(directory, { recursive: true }));

  it('holds what runs and what explains it', () => {
    for (const file of [
      'LICENSE',
      'README.md',
      'dist/src/main.js',
      'dist/src/api/index.js',
      'dist/src/api/index.d.ts',
    ]) {
      assert.ok(files.includes(file), file);
    }
    assert.deepEqual(
      files.filter((path) => !/^(dist\/|docs\/|examples\/|LICENSE$|README|package\.json$)/.test(path)),
      [],
    );
  });

  it('says its version', async () => {
    assert.match(await run(project, 'npx', 'weft', 'version'), /0\.1\.0/);
  });

  it('checks a configuration', async () => {
    await writeFile(join(project, 'good.json'), JSON.stringify(CONFIG));
    await writeFile(join(project, 'bad.json'), JSON.stringify({ ...CONFIG, servers: [{ listeners: 'none' }] }));
    assert.match(await run(project, 'npx', 'weft', 'check', '-c', 'good.json'), /good\.json: ok, 0 errors, 0 warnings/);
    await assert.rejects(
      run(project, 'npx', 'weft', 'check', '-c', 'bad.json'),
      /servers\[0\]\.listeners: .*\n.*: refused, /,
    );
  });

  it('serves', async () => {
    const own = await mkdtemp(join(directory, 'run-'));
    const file = join(own, 'weft.json');
    await writeFile(file, JSON.stringify(CONFIG));
    const child = spawn('node_modules/.bin/weft', ['start', '-c', file], {
      cwd: project,
      env: ENVIRONMENT,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    await using weft = new WeftProcess(own, child);
    const { status, body } = await request(await weft.port(), '/');
    assert.deepEqual([status, body], [200, 'from the package']);
    weft.signal('SIGINT');
    assert.equal(await weft.exit, 0);
  });

  it('has an api with types and values', async () => {
    await writeFile(join(project, 'filter.ts'), FILTER);
    await writeFile(join(project, 'tsconfig.json'), JSON.stringify(TSCONFIG));
    await run(project, process.execPath, join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', '.');
    assert.equal(await run(project, process.execPath, 'filter.ts'), '3 3 object\n');
  });
});
