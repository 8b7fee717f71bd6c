/**
 * What a table of 1,000 routes costs per match more than a table of one: `node bench/micro/router.ts`.
 *
 * Each figure is the best of many rounds, as neighbours only ever add to it. Every request of a round is new, its
 * path and host are slices of a head as a codec makes them, so that no string has been hashed before. Requests for
 * the large table are spread over all its routes.
 */

import { RequestHeaderList } from '../../src/api/headers.ts';
import { SchemaRegistry } from '../../src/config/registry.ts';
import { validate } from '../../src/config/validate.ts';
import { compileRouter, type RouteRequest, type RouteTable } from '../../src/router/route-table.ts';
import { routerSchema } from '../../src/router/router-schema.ts';

const ROUTES = 1_000;
const REQUESTS = 4_000;
const ROUNDS = 41;
/** Nanoseconds that 999 more routes may cost per match. */
const BUDGET = 1_500;

interface Scenario {
  readonly name: string;
  /** The `match` block of a route. */
  match(i: number): object;
  path(i: number): string;
  /** Value of the header `x-route`. */
  header?(i: number): string;
  /** One virtual host per route in place of one for all. */
  readonly hosts?: boolean;
}

const SCENARIOS: readonly Scenario[] = [
  { name: 'prefix', match: (i) => ({ prefix: `/api/service-${i}/` }), path: (i) => `/api/service-${i}/users/42` },
  { name: 'path', match: (i) => ({ path: `/api/service-${i}/users` }), path: (i) => `/api/service-${i}/users` },
  {
    name: 'regex, anchored',
    match: (i) => ({ regex: `^/api/service-${i}/[a-z]+/[0-9]+$` }),
    path: (i) => `/api/service-${i}/users/42`,
  },
  {
    name: 'regex, anywhere',
    match: (i) => ({ regex: `/service-${i}/[0-9]+` }),
    path: (i) => `/api/v1/service-${i}/42`,
  },
  {
    name: 'header',
    match: (i) => ({ prefix: '/', headers: [{ name: 'x-route', value: `route-${i}` }] }),
    path: () => '/api/users/42',
    header: (i) => `route-${i}`,
  },
  {
    name: 'prefix + header',
    match: (i) => ({ prefix: `/api/service-${i % 100}/`, headers: [{ name: 'x-route', value: `route-${i}` }] }),
    path: (i) => `/api/service-${i % 100}/users/42`,
    header: (i) => `route-${i}`,
  },
  {
    name: 'all kinds',
    match: (i) =>
      [
        { prefix: `/api/service-${i}/` },
        { path: `/api/service-${i}/users/42` },
        { regex: `^/api/service-${i}/[a-z]+/[0-9]+$` },
        { prefix: '/', headers: [{ name: 'x-route', value: `route-${i}` }] },
      ][i % 4] as object,
    path: (i) => `/api/service-${i}/users/42`,
    header: (i) => `route-${i}`,
  },
  { name: 'host', match: () => ({ prefix: '/' }), path: () => '/api/users/42', hosts: true },
];

function table(scenario: Scenario, numbers: readonly number[]): RouteTable {
  const routers = numbers.map((i) => ({ match: scenario.match(i), route: { cluster_name: `cluster-${i}` } }));
  const hosts = scenario.hosts
    ? routers.map((router, k) => ({ domains: [`service-${numbers[k]}.example.com:*`], routers: [router] }))
    : [{ domains: ['*'], routers }];
  const source = { router_config_name: 'bench', virtual_hosts: hosts };
  const { value } = validate(routerSchema, source, new SchemaRegistry());
  return compileRouter(value as Parameters<typeof compileRouter>[0]).table;
}

/** A text that shares no characters with any other. */
function slice(text: string): string {
  return `GET ${text} HTTP/1.1\r\n`.slice(4, 4 + text.length);
}

class BenchRequest implements RouteRequest {
  readonly requestHeaders: RequestHeaderList;
  readonly normalizedPath: string;

  constructor(scenario: Scenario, i: number) {
    this.normalizedPath = slice(scenario.path(i));
    this.requestHeaders = new RequestHeaderList('GET', this.normalizedPath, slice(`service-${i}.example.com:8080`));
    for (const name of ['host', 'user-agent', 'accept', 'accept-encoding', 'x-request-id', 'x-forwarded-for']) {
      this.requestHeaders.append(name, 'some value');
    }
    if (scenario.header !== undefined) this.requestHeaders.append('X-Route', slice(scenario.header(i)));
  }

  getVariable(): string | undefined {
    return undefined;
  }
}

/** Nanoseconds per match. */
function time(routes: RouteTable, requests: readonly RouteRequest[]): number {
  const start = process.hrtime.bigint();
  let matched = 0;
  for (let i = 0; i < requests.length; i++) {
    if (routes.match(requests[i] as RouteRequest) !== undefined) matched++;
  }
  const elapsed = Number(process.hrtime.bigint() - start);
  if (matched !== requests.length) throw new Error(`${requests.length - matched} requests without a route`);
  return elapsed / requests.length;
}

function measure(scenario: Scenario): { one: number; many: number } {
  // One of each kind, where a scenario has several.
  const singles = [500, 501, 502, 503].map((i) => ({ i, routes: table(scenario, [i]) }));
  const routes = table(
    scenario,
    Array.from({ length: ROUTES }, (_, i) => i),
  );
  const ones: number[] = [];
  const manies: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    let sum = 0;
    for (const single of singles) {
      const same = Array.from({ length: REQUESTS / singles.length }, () => new BenchRequest(scenario, single.i));
      sum += time(single.routes, same);
    }
    // A stride without a common factor visits all routes out of order.
    const spread = Array.from({ length: REQUESTS }, (_, i) => new BenchRequest(scenario, (i * 379 + round) % ROUTES));
    ones.push(sum / singles.length);
    manies.push(time(routes, spread));
  }
  return { one: Math.min(...ones), many: Math.min(...manies) };
}

console.log(`ns per match                1 route  ${ROUTES} routes  difference  (bar: ${BUDGET})`);
for (const scenario of SCENARIOS) {
  const { one, many } = measure(scenario);
  const verdict = many - one <= BUDGET ? 'pass' : 'fail';
  const columns = [one.toFixed(0).padStart(8), many.toFixed(0).padStart(12), (many - one).toFixed(0).padStart(11)];
  console.log(`${scenario.name.padEnd(26)} ${columns.join(' ')}  ${verdict}`);
}
