/** The routes of `tcp_proxy`: which cluster a connection goes to. */

import { BlockList, isIP } from 'node:net';
import type { Address } from '../../../src/api/index.ts';
import { type PortRange, parsePorts, type RangeConfig, type TcpProxyConfig, type TcpRouteConfig } from './config.ts';

/** One end of a connection as a route describes it: both lists must match. */
class EndPoint {
  readonly #networks = new BlockList();
  readonly #ports: readonly PortRange[];

  constructor(ranges: readonly RangeConfig[], ports: string) {
    for (const { Address, Length } of ranges) this.#networks.addSubnet(Address, Length, family(Address));
    this.#ports = parsePorts(ports) ?? [];
  }

  matches({ host, port }: Address): boolean {
    if (isIP(host) === 0 || !this.#networks.check(host, family(host))) return false;
    return this.#ports.some(([first, last]) => port >= first && port <= last);
  }
}

class TcpRoute {
  readonly cluster: string;
  readonly #source: EndPoint;
  readonly #destination: EndPoint;

  constructor(config: TcpRouteConfig) {
    this.cluster = config.Cluster;
    this.#source = new EndPoint(config.SourceAddrs, config.SourcePort);
    this.#destination = new EndPoint(config.DestinationAddrs, config.DestinationPort);
  }

  matches(source: Address, destination: Address): boolean {
    return this.#source.matches(source) && this.#destination.matches(destination);
  }
}

export class TcpRoutes {
  readonly #cluster: string;
  readonly #routes: readonly TcpRoute[];

  constructor(config: TcpProxyConfig) {
    this.#cluster = config.cluster;
    this.#routes = config.routes.map((route) => new TcpRoute(route));
  }

  /** The cluster of a connection; undefined when no route takes it. */
  clusterOf(source: Address, destination: Address): string | undefined {
    if (this.#cluster !== '') return this.#cluster;
    return this.#routes.find((route) => route.matches(source, destination))?.cluster;
  }
}

function family(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 6 ? 'ipv6' : 'ipv4';
}
