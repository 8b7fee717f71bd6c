/**
 * MOSN's own sample configurations, as its Go module ships them: those that need no more than HTTP/1 and TCP start
 * unchanged and pass traffic. Nothing of them is part of this project; Go fetches the module when the test runs.
 */

import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import { findProgram } from '../../scripts/external-programs.ts';
import { builtinExtensions } from '../../src/builtin.ts';
import { formatPath } from '../../src/config/problem.ts';
import { loadBootstrap } from '../../src/server/bootstrap.ts';

/** The first that can be had; module proxies do not have all that was released. */
const MODULES = ['mosn.io/mosn@v1.6.0', 'mosn.io/mosn@v1.3.0'];
const DRIVER = join(import.meta.dirname, 'support/sample-run.ts');

/** Those that must pass; others do when they are accepted, and are else skipped with the reason. */
const REQUIRED = new Set([
  'configs/mosn_config.json',
  'configs/mosn_config_dev.json',
  'examples/codes/flowcontrol-sample/client_config.json',
  'examples/codes/http-sample/client_config.json',
  'examples/codes/http-sample/server_config.json',
  'examples/codes/protocol-auto-sample/client_config.json',
  'examples/codes/protocol-auto-sample/server_config.json',
  'examples/codes/proxy-fallback-example/config.json',
  'examples/codes/tcpproxy-sample/config.json',
  'examples/codes/trace/skywalking-plugin/http/config.json',
  'examples/codes/trace/skywalking/http/config.json',
  'examples/codes/uds-sample/client_config.json',
  'examples/codes/uds-sample/server_config.json',
]);

interface GoModule {
  readonly name: string;
  readonly folder: string;
}

/** Undefined when Go is not installed or cannot get the module. */
function download(): GoModule | undefined {
  const go = findProgram('go') ?? '/usr/local/go/bin/go';
  for (const name of MODULES) {
    const { status, stdout } = spawnSync(go, ['mod', 'download', '-json', name], { cwd: tmpdir(), timeout: 60_000 });
    if (status === 0) return { name, folder: (JSON.parse(stdout.toString()) as { Dir: string }).Dir };
  }
  return undefined;
}

/** What starts a program in a network of its own, with a loopback interface; nothing where that is not allowed. */
function ownNetwork(): readonly string[] {
  const asRoot = process.getuid?.() === 0 ? [] : ['--map-root-user'];
  const command = ['--net', ...asRoot, 'sh', '-c', 'ip link set lo up && exec "$0" "$@"'];
  return spawnSync('unshare', [...command, 'true']).status === 0 ? ['unshare', ...command] : [];
}

function reasonToSkip(file: string): string | false {
  const { bootstrap, problems } = loadBootstrap(file, builtinExtensions().schemas, { strict: false });
  const error = problems.find(({ severity }) => severity === 'error');
  if (error) return `${formatPath(error.path)}: ${error.message}`;
  const routes = bootstrap?.server.routers.flatMap((router) => router.virtual_hosts.flatMap((host) => host.routers));
  const isRpc = routes?.some(({ match }) => match?.headers.some(({ name }) => name === 'service'));
  return isRpc === true && 'its routes ask for an RPC service';
}

const module = download();
const network = ownNetwork();

describe(`samples of ${module?.name ?? 'MOSN'}`, {
  skip: !module && `${MODULES.join(' or ')} cannot be had: it takes Go and a module proxy`,
}, () => {
  const { folder } = module as GoModule;
  const files = globSync(['configs/**/*.json', 'examples/codes/**/*.json'], { cwd: folder }).sort();
  const samples = files.filter((name) => readFileSync(join(folder, name), 'utf8').includes('"servers"'));

  it('are all there', () => {
    assert.deepEqual(
      [...REQUIRED].filter((name) => !samples.includes(name)),
      [],
    );
  });

  for (const name of samples) {
    const file = join(folder, name);
    it(name, { skip: !REQUIRED.has(name) && reasonToSkip(file) }, async (context) => {
      const [program, ...args] = [...network, process.execPath, DRIVER, file];
      try {
        await promisify(execFile)(program as string, args);
      } catch (error) {
        const { stderr } = error as { stderr: string };
        const taken = network.length === 0 && /EADDRINUSE.*/.exec(stderr);
        if (!taken) throw new Error(stderr);
        context.skip(`a port that it names is in use: ${taken[0]}`);
      }
    });
  }
});
