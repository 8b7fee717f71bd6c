/**
 * `node sample-run.ts FILE`: starts Weft on a configuration as it stands, with peers at the addresses that it names,
 * sends traffic through every listener and stops it. Throws when anything is not as it should be. A program of its own,
 * so that it can be run in a network of its own, where no port is taken.
 */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { builtinExtensions } from '../../../src/builtin.ts';
import { loadBootstrap } from '../../../src/server/bootstrap.ts';
import { exchange, request } from '../../integration/support/peers.ts';
import { WeftProcess } from '../../integration/support/process.ts';

const MAIN = join(import.meta.dirname, '../../../src/main.ts');
/** No protocol begins like this. */
const BYTES = '\x00\x01weft\r\n';

type Place = { host: string; port: number } | { path: string };

function placeOf(address: string): Place {
  if (address.startsWith('unix:')) return { path: address.slice('unix:'.length) };
  if (address.startsWith('/')) return { path: address };
  return { host: '127.0.0.1', port: Number(address.slice(address.lastIndexOf(':') + 1)) };
}

/** Answers HTTP requests with their path, and sends anything else back. */
async function startPeer(place: Place): Promise<net.Server> {
  const server = net.createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      const path = /^GET (\S+) HTTP\/1\.1\r\n/.exec(chunk.toString('latin1'))?.[1];
      const body = `peer saw ${path}`;
      socket.write(path === undefined ? chunk : `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    });
  });
  // A socket file stays behind when a run is killed.
  if ('path' in place) rmSync(place.path, { force: true });
  server.listen(place);
  await once(server, 'listening');
  return server;
}

/** Starts `weft start` on a copy of the file. */
async function startWeft(file: string): Promise<WeftProcess> {
  const directory = mkdtempSync(join(tmpdir(), 'weft-sample-'));
  const copy = join(directory, 'config.json');
  copyFileSync(file, copy);
  // Samples write their log to standard output; the support reads standard error.
  const command = ['-c', 'exec "$0" "$@" 1>&2', process.execPath, MAIN, 'start', '-c', copy];
  const weft = new WeftProcess(
    directory,
    spawn('sh', command, { cwd: directory, stdio: ['ignore', 'ignore', 'pipe'] }),
  );
  await weft.logged('weft serves');
  return weft;
}

async function run(file: string): Promise<void> {
  const { bootstrap, problems } = loadBootstrap(file, builtinExtensions().schemas, { strict: false });
  assert.ok(bootstrap, JSON.stringify(problems));
  const listeners = bootstrap.server.listeners.filter(({ bind_port }) => bind_port);
  const own = listeners.map(({ address }) => JSON.stringify(placeOf(address)));
  const hosts = bootstrap.cluster_manager.clusters.flatMap((cluster) => cluster.hosts);
  const foreign = new Set(hosts.map(({ address }) => JSON.stringify(placeOf(address))));
  for (const place of own) foreign.delete(place);
  const peers = await Promise.all([...foreign].map((place) => startPeer(JSON.parse(place))));
  {
    await using weft = await startWeft(file);
    for (const { address, filter_chains } of listeners) {
      const place = placeOf(address);
      const answer = await request(0, '/test.html', 'path' in place ? { socketPath: place.path } : place);
      // One of the samples answers by itself.
      assert.match(`${answer.status} ${answer.body}`, /^200 (peer saw \/test\.html$|Welcome to MOSN!)/, address);
      const filters = filter_chains.flatMap((chain) => chain.filters);
      if (!filters.some(({ type }) => type === 'tcp_proxy')) continue;
      assert.equal(await exchange(place, BYTES, BYTES.length), BYTES, address);
    }
    weft.signal('SIGINT');
    assert.equal(await weft.exit, 0);
  }
  for (const peer of peers) peer.close();
}

await run(process.argv[2] as string);
