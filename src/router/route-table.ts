/** A router, compiled: finds the route of a request. Read-only; a changed configuration makes a new one. */

import type { ConfigProblem } from '../api/factory.ts';
import { compileRoute, NO_MATCH } from './compile-route.ts';
import { DomainTable } from './domain-table.ts';
import { Findings, type Path } from './findings.ts';
import { checkMutations } from './header-mutations.ts';
import type { SharedPatterns } from './path-pattern.ts';
import type { Route } from './route.ts';
import { type RouteEntry, RouteIndex } from './route-index.ts';
import { compileMatch } from './route-match.ts';
import type { RouteRequest } from './route-request.ts';
import type { RouterConfig, VirtualHostConfig } from './router-schema.ts';

export type { RouteRequest } from './route-request.ts';

export class RouteTable {
  /** `router_config_name`. */
  readonly name: string;
  readonly #domains: DomainTable<RouteIndex>;

  constructor(name: string, domains: DomainTable<RouteIndex>) {
    this.name = name;
    this.#domains = domains;
  }

  /** The route of a request: its Host chooses the virtual host, there the first route that matches wins. */
  match(request: RouteRequest): Route | undefined {
    return this.#domains.find(request.requestHeaders.authority)?.find(request);
  }
}

export interface CompiledRouter {
  /** Of use only when there are no problems. */
  readonly table: RouteTable;
  /** With paths from the router block; each refuses the router. */
  readonly problems: readonly ConfigProblem[];
  /** What works and is hardly what was meant. */
  readonly warnings: readonly ConfigProblem[];
}

/** Compiles a router whose configuration has passed `routerSchema`. Notes everything that is wrong with it. */
export function compileRouter(config: RouterConfig): CompiledRouter {
  const findings = new Findings();
  const domains = new DomainTable<RouteIndex>();
  const shared: SharedPatterns = new Map();
  checkMutations(config, [], findings);
  for (const [i, virtualHost] of config.virtual_hosts.entries()) {
    const at = ['virtual_hosts', i];
    checkMutations(virtualHost, at, findings);
    const routes = compileRoutes(config, virtualHost, shared, at, findings);
    addDomains(domains, virtualHost, routes, at, findings);
  }
  for (const [i, { domains: names }] of config.virtual_hosts.entries()) {
    for (const [j, name] of names.entries()) {
      if (!domains.lacksPorts(name)) continue;
      const at = ['virtual_hosts', i, 'domains', j];
      findings.warning(at, 'matches a Host without a port only; the same name with ":*" matches any port');
    }
  }
  const { problems, warnings } = findings;
  return { table: new RouteTable(config.router_config_name, domains), problems, warnings };
}

function compileRoutes(
  router: RouterConfig,
  virtualHost: VirtualHostConfig,
  shared: SharedPatterns,
  at: Path,
  findings: Findings,
): RouteIndex {
  const entries: RouteEntry[] = [];
  for (const [i, config] of virtualHost.routers.entries()) {
    const routeAt = [...at, 'routers', i];
    const match = compileMatch(config.match ?? NO_MATCH, shared, [...routeAt, 'match'], findings);
    const path = match?.path ?? { kind: 'any' };
    const route = compileRoute(router, virtualHost, config, path, routeAt, findings);
    if (match !== undefined) entries.push({ match, route });
  }
  return new RouteIndex(entries);
}

function addDomains(
  domains: DomainTable<RouteIndex>,
  virtualHost: VirtualHostConfig,
  routes: RouteIndex,
  at: Path,
  findings: Findings,
): void {
  if (virtualHost.domains.length === 0) findings.warning(at, 'has no domains and is never chosen');
  for (const [i, domain] of virtualHost.domains.entries()) {
    const fault = domains.add(domain, routes);
    if (fault !== undefined) findings.problem([...at, 'domains', i], `${JSON.stringify(domain)} ${fault}`);
  }
}
