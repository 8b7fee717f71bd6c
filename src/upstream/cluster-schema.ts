/** The `cluster_manager` block: clusters, their hosts and limits (keys as MOSN has them). */

import { isIP } from 'node:net';
import { type Address, parseAddress, tcpAddress } from '../api/address.ts';
import type { ConfigProblem } from '../api/factory.ts';
import type { Infer } from '../api/schema.ts';
import {
  any,
  block,
  boolean,
  count,
  duration,
  integer,
  list,
  map,
  name,
  object,
  oneOf,
  required,
  string,
} from '../api/schema.ts';
import { tlsContextSchema } from '../network/tls-schema.ts';

/** Defaults of this room, in milliseconds unless they say otherwise. */
export const UpstreamDefaults = {
  connectTimeout: 10_000,
  /** Below the 60 s after which most servers close an idle connection. */
  idleTimeout: 55_000,
  /** Percent of the active requests of a cluster that may be retries. */
  retryPercent: 20,
  /** Retries in flight that are always allowed. */
  minRetries: 3,
} as const;

const CLUSTER_TYPES = ['', 'SIMPLE', 'STATIC', 'DYNAMIC', 'STRICT_DNS', 'EDS', 'ORIGINAL_DST'] as const;
/** These act on what is configured and nothing else. STRICT_DNS names are resolved when connecting. */
const STATIC_TYPES: readonly unknown[] = ['', 'SIMPLE', 'STATIC', 'DYNAMIC'];

/** The values of `lb_type` that are implemented (`balancers/registry.ts`). */
export const BALANCER_TYPES = ['LB_ROUNDROBIN', 'LB_WEIGHTED_ROUNDROBIN', 'LB_RANDOM'] as const;
export type BalancerType = (typeof BALANCER_TYPES)[number];

const LB_TYPES = [
  '',
  ...BALANCER_TYPES,
  'LB_LEAST_REQUEST',
  'LB_LEAST_CONNECTION',
  'LB_MAGLEV',
  'LB_REQUEST_ROUNDROBIN',
  'LB_PEAK_EWMA',
  'LB_ORIGINAL_DST',
] as const;

export const hostSchema = object({
  address: required(name({ description: '`ip:port`, `name:port` or `unix:/path`.' })),
  hostname: string({ default: '', description: 'Name for `auto_host_rewrite`.' }),
  weight: count({ default: 1, description: 'Share of a weighted balancer, brought into 1 to 128.' }),
  metadata: object({
    filter_metadata: map(map(any()), { description: 'Values under `mosn.lb` belong to the host.' }),
  }),
  tls_disable: boolean({ support: 'inert' }),
});

const circuitBreakers = object({
  max_connections: count({ default: 0, description: 'Connections to the cluster; 0 = unlimited.' }),
  max_requests: count({ default: 0, description: 'Requests in flight; 0 = unlimited.' }),
  max_retries: count({ default: 0, description: 'Retries in flight; 0 = bounded by `retry_budget` only.' }),
  max_pending_requests: count({
    default: 0,
    description: 'Requests that wait while `max_connections` is reached; 0 = none, they are answered 503 at once.',
  }),
});

const retryBudget = block(
  {
    percent: integer(0, 100, {
      default: UpstreamDefaults.retryPercent,
      description: 'Retries in flight, in percent of the active requests.',
    }),
    min_retries: count({ default: UpstreamDefaults.minRetries, description: 'Retries that are always allowed.' }),
  },
  { own: true, description: 'Bounds the retries in flight, so that they cannot multiply an overload.' },
);

export const clusterSchema = object({
  name: required(name()),
  type: oneOf(CLUSTER_TYPES, {
    default: 'SIMPLE',
    support: 'planned',
    isInactive: (value) => STATIC_TYPES.includes(value),
    description: 'How hosts are found. STRICT_DNS and EDS act as STATIC; names are resolved when connecting.',
  }),
  sub_type: string({ support: 'inert' }),
  lb_type: oneOf(LB_TYPES, {
    default: 'LB_ROUNDROBIN',
    support: 'planned',
    isInactive: (value) => value === '' || BALANCER_TYPES.includes(value as BalancerType),
    description: 'How a host is chosen. Types that are not implemented yet act as LB_ROUNDROBIN.',
  }),
  max_request_per_conn: count({ support: 'inert' }),
  mark: count({ support: 'planned' }),
  conn_buffer_limit_bytes: count({ support: 'inert' }),
  circuit_breakers: list(circuitBreakers, { description: 'The first entry counts.' }),
  health_check: any({ support: 'planned' }),
  spec: any({ support: 'inert' }),
  lb_subset_config: any({ support: 'planned' }),
  original_dst_lb_config: any({ support: 'inert' }),
  cluster_manager_tls: boolean({ support: 'inert' }),
  tls_context: tlsContextSchema,
  hosts: list(hostSchema),
  connect_timeout: duration({
    default: UpstreamDefaults.connectTimeout,
    description: 'Name resolution and TCP connect together; 0 = the default.',
  }),
  keepalive: any({ support: 'planned' }),
  idle_timeout: duration({
    default: UpstreamDefaults.idleTimeout,
    description: 'An unused connection is closed after this time; 0 = never.',
  }),
  lbconfig: any({ support: 'planned' }),
  slow_start: any({ support: 'planned' }),
  dns_refresh_rate: duration({ support: 'planned' }),
  respect_dns_ttl: boolean({ support: 'planned' }),
  dns_lookup_family: oneOf(['', 'V4_ONLY', 'V6_ONLY'], {
    default: 'V4_ONLY',
    description: 'Addresses of this family are preferred.',
  }),
  dns_resolvers: any({ support: 'planned' }),
  dns_resolver_file: string({ support: 'planned' }),
  dns_resolver_port: string({ support: 'planned' }),
  cluster_pool_enable: boolean({ support: 'inert' }),
  pending_timeout: duration({
    own: true,
    description: 'How long a request waits while `max_connections` is reached; absent: `connect_timeout`.',
  }),
  retry_budget: retryBudget,
});

export const clusterManagerSchema = object({
  tls_context: tlsContextSchema,
  cluster_pool_enable: boolean({
    support: 'inert',
    description: 'Pools belong to one cluster in any case.',
  }),
  clusters: list(clusterSchema),
  clusters_configs: string({ description: 'A directory with one JSON file per cluster, in place of `clusters`.' }),
});

export type HostConfig = Infer<typeof hostSchema>;
export type ClusterConfig = Infer<typeof clusterSchema>;
export type ClusterManagerConfig = Infer<typeof clusterManagerSchema>;

const STRICT_DNS_PORT = 80;

/** Reads a host's address; a name without a port has port 80 in a STRICT_DNS cluster. Undefined when it is none. */
export function hostAddress(text: string, clusterType: string): Address | undefined {
  const address = parseAddress(text);
  if (address !== undefined) return address.path === '' && address.port === 0 ? undefined : address;
  const isName = /^[\w.-]+$/.test(text) && isIP(text) === 0;
  return clusterType === 'STRICT_DNS' && isName ? tcpAddress(text, STRICT_DNS_PORT) : undefined;
}

/** What the schema of one cluster cannot say. */
export function checkCluster(config: ClusterConfig): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const original = 'connections to the original destination are not implemented yet';
  if (config.type === 'ORIGINAL_DST') problems.push({ path: ['type'], message: original });
  if (config.lb_type === 'LB_ORIGINAL_DST') problems.push({ path: ['lb_type'], message: original });
  for (const [i, { address }] of config.hosts.entries()) {
    if (hostAddress(address, config.type) !== undefined) continue;
    problems.push({
      path: ['hosts', i, 'address'],
      message: `expected "ip:port", "name:port" or "unix:/path", found ${JSON.stringify(address)}`,
    });
  }
  return problems;
}
