/** Weft, started as its published command starts it. */

import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { run } from '../command.ts';
import type { PeerKind, PeerSetting } from '../peer.ts';

const ROOT = dirname(dirname(import.meta.dirname));
const BUILT = join(ROOT, 'dist/src/main.js');
const SOURCE = join(ROOT, 'src/main.ts');

/** The fields of nginx's access log, in the same order. */
const ACCESS_LOG_FORMAT =
  '%start_time% %downstream_remote_address% %Http1_request_method% %Http1_request_uri% %protocol% %response_code% ' +
  '%bytes_sent% %duration% %upstream_local_address% %response_received_duration% %authority% %request_header_user-agent%';

export interface WeftOptions {
  name: string;
  accessLog?: boolean;
  /** Runs the TypeScript sources in place of what is published. */
  fromSource?: boolean;
}

export function weft(options: WeftOptions): PeerKind {
  return {
    name: options.name,
    prepare: async (setting) => {
      const main = options.fromSource ? SOURCE : BUILT;
      if (!options.fromSource) await buildIfStale();
      if (!existsSync(main)) throw new Error(`${options.name}: there is no ${main}`);
      const file = join(setting.directory, 'weft.json');
      await writeFile(file, JSON.stringify(configuration(setting, options.accessLog === true), null, 2));
      return [process.execPath, ...nodeFlags(main), main, 'start', '-c', file];
    },
  };
}

/** MOSN's format. One route; metrics are always on and shown by the admin listener. */
function configuration(setting: PeerSetting, accessLog: boolean): object {
  const log = { log_path: join(setting.directory, 'access.log'), log_format: ACCESS_LOG_FORMAT };
  const proxy = { downstream_protocol: 'Http1', upstream_protocol: 'Http1', router_config_name: 'routes' };
  return {
    servers: [
      {
        default_log_path: 'stderr',
        processor: 1,
        routers: [
          {
            router_config_name: 'routes',
            virtual_hosts: [
              {
                name: 'all',
                domains: ['*'],
                routers: [{ match: { prefix: '/' }, route: { cluster_name: 'service' } }],
              },
            ],
          },
        ],
        listeners: [
          {
            name: 'in',
            address: `127.0.0.1:${setting.port}`,
            bind_port: true,
            connection_idle_timeout: '600s',
            access_logs: accessLog ? [log] : [],
            filter_chains: [{ filters: [{ type: 'proxy', config: proxy }] }],
          },
        ],
      },
    ],
    cluster_manager: { clusters: [{ name: 'service', hosts: [{ address: `127.0.0.1:${setting.upstreamPort}` }] }] },
    admin: { address: { socket_address: { address: '127.0.0.1', port_value: setting.adminPort } } },
  };
}

/** The flags that the first line of `main` gives to Node when it is run as a command. */
function nodeFlags(main: string): string[] {
  const firstLine = readFileSync(main, 'utf8').split('\n', 1)[0] as string;
  const words = /^#!.*\bnode\b(.*)$/.exec(firstLine)?.[1] ?? '';
  return words.split(' ').filter(Boolean);
}

async function buildIfStale(): Promise<void> {
  const built = existsSync(BUILT) ? statSync(BUILT).mtimeMs : 0;
  const changed = ['src', 'filters', 'protocols'].map((room) => newest(join(ROOT, room)));
  if (Math.max(...changed) <= built) return;
  process.stderr.write('dist is older than the sources: npm run build\n');
  await run('npm', ['run', '--silent', 'build'], { cwd: ROOT });
}

/** Time of the last change to a file under `directory`; 0 when there is none. */
function newest(directory: string): number {
  if (!existsSync(directory)) return 0;
  const files = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Math.max(0, ...files.map((entry) => statSync(join(entry.parentPath, entry.name)).mtimeMs));
}
