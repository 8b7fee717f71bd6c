/** The configuration block of `tcp_proxy`, with MOSN's keys (the route's are matched in any case). */

import { isIP } from 'node:net';
import { type ConfigProblem, type Infer, type Reference, schema } from '../../../src/api/index.ts';

const { count, integer, list, object, required, string } = schema;

const range = object({
  Address: required(string({ description: 'An IP address.' })),
  Length: required(integer(0, 128, { description: 'Bits of the prefix.' })),
});

const route = object({
  Cluster: required(string({ description: 'Cluster of connections that meet all four conditions.' })),
  SourceAddrs: list(range, { description: 'Networks of the peer; an empty list matches nothing, as in MOSN.' }),
  DestinationAddrs: list(range, { description: 'Networks of the local address; an empty list matches nothing.' }),
  SourcePort: string({ default: '', description: 'Ports of the peer: `80,8000-9000`; empty matches nothing.' }),
  DestinationPort: string({ default: '', description: 'Ports of the local address; empty matches nothing.' }),
});

export const tcpProxySchema = object({
  stat_prefix: string({ support: 'inert' }),
  cluster: string({ default: '', description: 'Cluster of every connection; wins over `routes`.' }),
  idle_timeout: count({ description: 'Nanoseconds without a byte in either direction; absent: 1h, 0: never.' }),
  max_connect_attempts: count({ support: 'inert', description: 'MOSN and Weft try min(hosts, 3).' }),
  routes: list(route, { description: 'The first that matches names the cluster.' }),
});

export type TcpProxyConfig = Infer<typeof tcpProxySchema>;
export type TcpRouteConfig = TcpProxyConfig['routes'][number];
export type RangeConfig = TcpRouteConfig['SourceAddrs'][number];

/** What the schema cannot say. */
export function checkTcpProxy(config: TcpProxyConfig): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  if (config.cluster === '' && config.routes.length === 0) {
    problems.push({ path: [], message: 'needs "cluster" or "routes"' });
  }
  for (const [i, route] of config.routes.entries()) {
    for (const key of ['SourceAddrs', 'DestinationAddrs'] as const) {
      for (const [j, range] of route[key].entries()) {
        if (isRange(range)) continue;
        problems.push({ path: ['routes', i, key, j], message: `no network: ${range.Address}/${range.Length}` });
      }
    }
    for (const key of ['SourcePort', 'DestinationPort'] as const) {
      if (parsePorts(route[key]) !== undefined) continue;
      problems.push({ path: ['routes', i, key], message: `expected ports like "80,8000-9000", found "${route[key]}"` });
    }
  }
  return problems;
}

export function tcpProxyReferences(config: TcpProxyConfig): Reference[] {
  if (config.cluster !== '') return [{ kind: 'cluster', name: config.cluster, path: ['cluster'] }];
  return config.routes.map(({ Cluster }, i) => ({ kind: 'cluster', name: Cluster, path: ['routes', i, 'Cluster'] }));
}

function isRange({ Address, Length }: RangeConfig): boolean {
  const version = isIP(Address);
  return version !== 0 && Length <= (version === 6 ? 128 : 32);
}

export type PortRange = readonly [first: number, last: number];

/** Reads `80,8000-9000`; undefined when it is something else. */
export function parsePorts(text: string): PortRange[] | undefined {
  if (text === '') return [];
  const ranges: PortRange[] = [];
  for (const part of text.split(',')) {
    const [, first, last] = /^\s*(\d{1,5})(?:-(\d{1,5}))?\s*$/.exec(part) ?? [];
    if (first === undefined) return undefined;
    const range: PortRange = [Number(first), Number(last ?? first)];
    if (range[0] > range[1] || range[1] > 65_535) return undefined;
    ranges.push(range);
  }
  return ranges;
}
