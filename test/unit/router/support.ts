/** What router tests share: configurations that have passed the schema, and requests. */

import assert from 'node:assert/strict';
import { RequestHeaderList } from '../../../src/api/headers.ts';
import { SchemaRegistry } from '../../../src/config/registry.ts';
import { validate } from '../../../src/config/validate.ts';
import { normalizePath } from '../../../src/router/path.ts';
import type { Route } from '../../../src/router/route.ts';
import { type CompiledRouter, compileRouter, type RouteRequest } from '../../../src/router/route-table.ts';
import { type RouterConfig, routerSchema } from '../../../src/router/router-schema.ts';

export const registry = new SchemaRegistry().register('stream_filter', { type: 'fault', config: {} });

/** Reads a router as a configuration file has it. */
export function readRouter(source: object): RouterConfig {
  const { value, problems } = validate(routerSchema, source, registry);
  assert.deepEqual(
    problems.filter(({ severity }) => severity === 'error'),
    [],
  );
  return value as RouterConfig;
}

export function compile(source: object): CompiledRouter {
  return compileRouter(readRouter({ router_config_name: 'r', ...source }));
}

/** Compiles a router that is right. */
export function compileGood(source: object): CompiledRouter {
  const compiled = compile(source);
  assert.deepEqual(compiled.problems, []);
  return compiled;
}

/** A router with one virtual host for every Host. */
export function oneHost(routers: object[], more: object = {}): object {
  return { virtual_hosts: [{ name: 'all', domains: ['*'], routers, ...more }] };
}

/** The only route of a router that has one. */
export function onlyRoute(source: object, asked: Asked = {}): Route {
  const route = compileGood(source).table.match(request(asked));
  assert.ok(route);
  return route;
}

export interface Asked {
  method?: string;
  path?: string;
  host?: string;
  scheme?: string;
  headers?: Record<string, string | string[]>;
  service?: string;
  variables?: Record<string, string>;
}

class RpcHeaderList extends RequestHeaderList {
  override readonly service: string;

  constructor(method: string, service: string) {
    super(method, '', '');
    this.service = service;
  }
}

/** A request as the proxy would hand it over; one with a service is RPC. */
export function request(asked: Asked = {}): RouteRequest & { requestHeaders: RequestHeaderList } {
  const { method = 'GET', path = '/', host = 'a.com', scheme = 'http', service = '' } = asked;
  const headers = service === '' ? new RequestHeaderList(method, path, host) : new RpcHeaderList(method, service);
  headers.scheme = scheme;
  for (const [name, values] of Object.entries(asked.headers ?? {})) {
    for (const value of [values].flat()) headers.append(name, value);
  }
  const variables = new Map(Object.entries(asked.variables ?? {}));
  const normalizedPath = service === '' ? normalizePath(path)?.path : '';
  assert.ok(normalizedPath !== undefined);
  return { requestHeaders: headers, normalizedPath, getVariable: (name) => variables.get(name) };
}

/** Lines of a head, in order. */
export function lines(headers: RequestHeaderList): string[] {
  const list: string[] = [];
  headers.forEach((name, value) => {
    list.push(`${name}: ${value}`);
  });
  return list;
}

export const noRandom = (): number => {
  throw new Error('nothing here is random');
};
