/** The configuration block of a router: one entry of `routers[]`. */

import type { Infer } from '../api/schema.ts';
import {
  boolean,
  count,
  duration,
  integer,
  list,
  map,
  name,
  object,
  regex,
  registeredMap,
  required,
  string,
} from '../api/schema.ts';

const headersToAdd = list(
  object({
    header: required(
      object({
        key: required(name({ description: 'Header name.' })),
        value: string({ default: '', description: 'Text, or `%variable%`.' }),
      }),
    ),
    append: boolean({ default: true, description: 'Join to an existing value by a comma; false: replace it.' }),
  }),
);

/** Added first, then removed; route, virtual host and router in turn. */
const headerMutations = {
  request_headers_to_add: headersToAdd,
  request_headers_to_remove: list(name()),
  response_headers_to_add: headersToAdd,
  response_headers_to_remove: list(name()),
};

const metadata = (description: string, support: 'planned' | 'inert') =>
  object({ filter_metadata: map(map(string())) }, { description, support });

const match = object(
  {
    prefix: string({ description: 'The path begins with this; case counts.' }),
    path: string({ description: 'The path is this; case does not count.' }),
    regex: regex({ description: 'The path has a match of this RE2 pattern somewhere.' }),
    variables: list(
      object({
        name: required(name()),
        value: string({ description: 'The variable is this.' }),
        regex: regex({ description: 'The variable has a match of this RE2 pattern; wins over `value`.' }),
        model: string({ description: 'How the next item is joined to this one: `and` (default) or `or`.' }),
      }),
      { description: 'Conditions on variables, read from left to right.' },
    ),
    dsl_expressions: list(object({ expression: string() }), {
      description: 'CEL expressions.',
      support: 'refused',
    }),
    headers: list(
      object({
        name: required(name({ description: 'Header name, or `method`; `service` for RPC.' })),
        value: string({ default: '' }),
        regex: boolean({ default: false, description: '`value` is an RE2 pattern.' }),
      }),
      { description: 'All must hold. They go with prefix, path and regex, or stand alone.' },
    ),
  },
  { description: 'The first of prefix, path, regex, variables that is given decides; without any, `headers` alone.' },
);

const retryPolicy = object(
  {
    retry_on: boolean({ default: false, description: 'Retry more than failed connections.' }),
    retry_timeout: duration({ default: 0, description: 'Time-out of one try; 0 = none.' }),
    num_retries: count({ description: 'Retries after the first try; absent = 3.' }),
    status_codes: list(integer(100, 599), { description: 'Statuses to retry; empty = 500 and above.' }),
  },
  { description: 'When a request is sent again.' },
);

const route = object(
  {
    cluster_name: string({ description: 'Cluster that the request goes to.' }),
    cluster_variable: string({ description: 'Variable that names the cluster, when `cluster_name` does not.' }),
    cluster_header: string({ support: 'inert' }),
    upstream_protocol: string({ description: 'Protocol to the upstream; absent: as the proxy filter says.' }),
    weighted_clusters: list(
      object({
        cluster: required(
          object({
            name: required(name()),
            weight: count({ default: 0 }),
            metadata_match: metadata('Subset of the cluster; replaces that of the route.', 'planned'),
          }),
        ),
      }),
      { description: 'Clusters that share the requests by weight; they win over `cluster_name`.' },
    ),
    hash_policy: list(
      object({
        header: object({ key: required(name()) }),
        cookie: object({ name: required(name()), path: string(), ttl: duration() }),
        source_ip: object({}),
      }),
      { description: 'What a consistent-hashing balancer hashes; only the first counts.', support: 'planned' },
    ),
    metadata_match: metadata('Subset of the cluster.', 'planned'),
    timeout: duration({
      description: 'From the end of the request to the response head; absent or 0 = 60s, negative = none.',
    }),
    retry_policy: retryPolicy,
    prefix_rewrite: string({ description: 'Replaces the matched prefix, or the whole path of a `path` route.' }),
    regex_rewrite: object(
      {
        pattern: required(
          object({
            regex: required(regex()),
            google_re2: object({ max_program_size: count() }, { support: 'inert' }),
          }),
        ),
        substitution: string({ default: '', description: 'Replacement; `$1` and `$name` stand for groups.' }),
      },
      { description: 'Replaces every match in the path; `prefix_rewrite` wins.' },
    ),
    host_rewrite: string({ description: 'Host sent upstream.' }),
    auto_host_rewrite_header: string({ description: 'Header whose value becomes the host sent upstream.' }),
    auto_host_rewrite: boolean({
      default: false,
      description: 'Send the host name of the chosen host (STRICT_DNS clusters).',
    }),
    ...headerMutations,
    upgrades: list(name(), {
      default: ['websocket'],
      own: true,
      description: 'Protocol switches that pass, such as `websocket`; never `h2c`.',
    }),
    connect: boolean({ default: false, own: true, description: 'CONNECT passes, to the cluster of this route.' }),
  },
  { description: 'Forwards the request.' },
);

const router = object({
  match: match,
  route,
  redirect: object(
    {
      response_code: integer(0, 399, { default: 301, description: '301, 302, 303, 307 or 308.' }),
      path_redirect: string({ description: 'Path in place of that of the request.' }),
      host_redirect: string({ description: 'Host in place of that of the request.' }),
      scheme_redirect: string({ description: 'Scheme in place of that of the request.' }),
    },
    { description: 'Answers with a redirect.' },
  ),
  direct_response: object(
    { status: required(integer(200, 599)), body: string({ default: '' }) },
    { description: 'Answers with this.' },
  ),
  metadata: metadata('Informational.', 'inert'),
  per_filter_config: registeredMap('stream_filter', { description: 'Configuration of stream filters for this route.' }),
  request_mirror_policies: object(
    { cluster: string(), percent: count(), trace_sampled: boolean({ support: 'inert' }) },
    { support: 'planned' },
  ),
});

export const virtualHostSchema = object({
  name: string({ default: '' }),
  domains: list(name(), {
    description:
      'Host names, `*.suffix` or `*`, each with `:port` or `:*`; without a port they match a Host without one.',
  }),
  routers: list(router, { description: 'Routes; the first that matches wins.' }),
  require_tls: string({ support: 'inert' }),
  ...headerMutations,
  per_filter_config: registeredMap('stream_filter', {
    description: 'Configuration of stream filters for all routes that have none of their own.',
  }),
});

export const routerSchema = object(
  {
    router_config_name: required(name({ description: 'Name that proxy filters refer to.' })),
    virtual_hosts: list(virtualHostSchema),
    router_configs: string({
      description: 'Directory with one JSON file per virtual host, in place of `virtual_hosts`.',
    }),
    ...headerMutations,
  },
  { description: 'A route table.' },
);

export type RouterConfig = Infer<typeof routerSchema>;
export type VirtualHostConfig = RouterConfig['virtual_hosts'][number];
export type RouteConfig = VirtualHostConfig['routers'][number];
export type RouteActionConfig = NonNullable<RouteConfig['route']>;
export type MatchConfig = NonNullable<RouteConfig['match']>;
