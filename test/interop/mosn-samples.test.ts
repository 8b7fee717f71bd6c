/**
 * MOSN's own sample configurations, as its Go module ships them: those that need no more than HTTP/1 and TCP start
 * unchanged and pass traffic. Nothing of them is part of this project; Go fetches the module when the test runs.
 */

import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';

/** The newest version that carries these samples and that module proxies are known to have. */
const MODULE = 'mosn.io/mosn@v1.3.0';
const SAMPLES = [
  'configs/mosn_config.json',
  'examples/codes/http-sample/client_config.json',
  'examples/codes/http-sample/server_config.json',
  'examples/codes/tcpproxy-sample/config.json',
  'examples/codes/uds-sample/client_config.json',
  'examples/codes/uds-sample/server_config.json',
  'examples/codes/protocol-auto-sample/client_config.json',
  'examples/codes/protocol-auto-sample/server_config.json',
  'examples/codes/proxy-fallback-example/config.json',
  'examples/codes/flowcontrol-sample/client_config.json',
];
const MAIN = join(import.meta.dirname, '../../src/main.ts');

function moduleFolder(): string | undefined {
  const go = ['go', '/usr/local/go/bin/go'];
  for (const program of go) {
    try {
      const answer = execFileSync(program, ['mod', 'download', '-json', MODULE], { cwd: tmpdir(), stdio: 'pipe' });
      return (JSON.parse(answer.toString()) as { Dir: string }).Dir;
    } catch {
      // Not installed, or the module cannot be had: the test is skipped.
    }
  }
  return undefined;
}

interface Sample {
  servers: [{ listeners: { name: string; address: string; network?: string; bind_port?: boolean }[] }];
  cluster_manager: { clusters: { hosts?: { address: string }[] }[] };
}

type Place = { host: string; port: number } | { path: string };

function place(address: string): Place {
  if (address.startsWith('unix:')) return { path: address.slice(5) };
  if (address.startsWith('/')) return { path: address };
  const colon = address.lastIndexOf(':');
  return { host: '127.0.0.1', port: Number(address.slice(colon + 1)) };
}

function key(address: string): string {
  const at = place(address);
  return 'path' in at ? at.path : String(at.port);
}

/** Stands for the services that a sample names. */
async function startUpstream(address: string): Promise<http.Server> {
  const server = http.createServer((request, response) => response.end(`upstream saw ${request.url}`));
  const at = place(address);
  if ('path' in at) rmSync(at.path, { force: true });
  server.listen(at);
  await once(server, 'listening');
  return server;
}

async function isFree(address: string): Promise<boolean> {
  const at = place(address);
  if ('path' in at) return true;
  const probe = net.createServer();
  const free = await new Promise<boolean>((resolve) => {
    probe.once('error', () => resolve(false));
    probe.listen(at, () => resolve(true));
  });
  if (free) await new Promise((resolve) => probe.close(resolve));
  return free;
}

function get(address: string, path: string): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const at = place(address);
    const target = 'path' in at ? { socketPath: at.path } : at;
    const request = http.get({ ...target, path, agent: false, headers: { host: 'sample' } }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        body += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
    });
    request.on('error', reject);
  });
}

const TRIES = 5;

/**
 * Starts Weft on a sample. The samples' ports lie where the system takes ports for clients from, so that one may be in
 * use for a moment: then it is tried again. Undefined when it stays in use.
 */
async function startWeft(config: string, directory: string): Promise<ChildProcess | undefined> {
  for (let tries = 1; ; tries++) {
    const child = spawn(process.execPath, [MAIN, 'start', '-c', config], { cwd: directory, stdio: 'pipe' });
    try {
      await serving(child);
      return child;
    } catch (error) {
      if (!String(error).includes('EADDRINUSE')) throw error;
      if (tries === TRIES) return undefined;
      await delay(1000);
    }
  }
}

/** Waits until the process says that it serves. */
async function serving(child: ChildProcess): Promise<void> {
  let output = '';
  await new Promise<void>((resolve, reject) => {
    const onData = (chunk: Buffer): void => {
      output += chunk;
      if (output.includes('"weft serves"')) resolve();
    };
    child.stdout?.on('data', onData);
    child.stderr?.on('data', onData);
    child.once('exit', (code) => reject(new Error(`ended with ${code}: ${output}`)));
  });
}

/** Where the process log of a sample goes, so that the test sees it. */
function logsToStandardStreams(sample: Sample): boolean {
  const { default_log_path: path = '' } = sample.servers[0] as { default_log_path?: string };
  return ['', 'stdout', 'stderr'].includes(path);
}

const folder = moduleFolder();

describe(`samples of ${MODULE}`, {
  skip: folder ? false : `${MODULE} cannot be had: it needs Go and a module proxy`,
}, () => {
  for (const name of SAMPLES) {
    const file = join(folder ?? '', name);
    const skip = folder !== undefined && existsSync(file) ? false : 'not in this version';
    it(name, { skip }, async (context) => {
      const sample = JSON.parse(readFileSync(file, 'utf8')) as Sample;
      const listeners = sample.servers[0].listeners.filter((listener) => listener.bind_port);
      const own = new Set(listeners.map(({ address }) => key(address)));
      const hosts = sample.cluster_manager.clusters.flatMap(({ hosts = [] }) => hosts.map(({ address }) => address));
      const foreign = [
        ...new Map(hosts.filter((host) => !own.has(key(host))).map((host) => [key(host), host])).values(),
      ];
      for (const address of [...listeners.map((listener) => listener.address), ...foreign]) {
        if (!(await isFree(address))) return context.skip(`${address} is in use on this machine`);
      }
      if (!logsToStandardStreams(sample)) return context.skip('its log goes to a fixed file');

      const directory = mkdtempSync(join(tmpdir(), 'weft-sample-'));
      const upstreams = await Promise.all(foreign.map(startUpstream));
      const copy = join(directory, 'config.json');
      copyFileSync(file, copy);
      let child: ChildProcess | undefined;
      try {
        child = await startWeft(copy, directory);
        if (child === undefined) return context.skip('one of its ports is in use on this machine');
        for (const { address } of listeners) {
          const answer = await get(address, '/test.html');
          assert.equal(answer.status, 200, `through ${address}`);
          // One of the samples has a listener that answers by itself.
          assert.match(answer.body, /^(upstream saw \/test\.html$|Welcome to MOSN!)/);
        }
        const ended = once(child, 'exit');
        child.kill('SIGINT');
        assert.equal((await ended)[0], 0);
      } finally {
        if (child?.exitCode === null) {
          child.kill('SIGKILL');
          await once(child, 'exit');
        }
        for (const upstream of upstreams) upstream.close();
        rmSync(directory, { recursive: true, force: true });
      }
    });
  }
});
