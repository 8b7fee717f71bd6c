/** Turns one entry of `routers[]` of a virtual host into a route. */

import { Reason } from '../api/reason.ts';
import type { LocalReply } from '../api/stream-filter.ts';
import type { Findings, Path } from './findings.ts';
import { checkMutations, HeaderMutations } from './header-mutations.ts';
import { normalizeConfiguredPath } from './path.ts';
import { type PathRewrite, PrefixRewrite } from './path-rewrite.ts';
import type { RedirectTarget } from './redirect.ts';
import { RegexRewrite } from './regex-rewrite.ts';
import type { HashPolicy, HostRewrite, MetadataMatch, RetryPolicy } from './route.ts';
import { isHost, Route } from './route.ts';
import { compilePattern, type PathRule } from './route-match.ts';
import type { MatchConfig, RouteActionConfig, RouteConfig, RouterConfig, VirtualHostConfig } from './router-schema.ts';
import { WeightedClusters } from './weighted-clusters.ts';

/** What an absent block stands for. */
export const NO_MATCH: MatchConfig = { variables: [], dsl_expressions: [], headers: [] };
const NO_ACTION: RouteActionConfig = {
  weighted_clusters: [],
  hash_policy: [],
  auto_host_rewrite: false,
  request_headers_to_add: [],
  request_headers_to_remove: [],
  response_headers_to_add: [],
  response_headers_to_remove: [],
  upgrades: ['websocket'],
  connect: false,
};

const DEFAULT_RETRIES = 3;
const DEFAULT_REDIRECT_STATUS = 301;
const REDIRECT_STATUSES: readonly number[] = [301, 302, 303, 307, 308];
/** RFC 3986, section 3.1. */
const SCHEME = /^[a-z][a-z0-9+.-]*$/;
/** Statuses whose responses have no body (RFC 9110, section 6.4.1). */
const BODILESS: readonly number[] = [204, 205, 304];

/** Compiles what becomes of a request; notes what is wrong. */
export function compileRoute(
  router: RouterConfig,
  virtualHost: VirtualHostConfig,
  config: RouteConfig,
  path: PathRule,
  at: Path,
  findings: Findings,
): Route {
  const action = config.route ?? NO_ACTION;
  const actionAt = [...at, 'route'];
  const direct = compileDirect(config, [...at, 'direct_response'], findings);
  const redirect = compileRedirect(config, [...at, 'redirect'], findings);
  if (direct === undefined && redirect === undefined) checkForward(config, action, at, findings);
  checkMutations(action, actionAt, findings);
  // MOSN leaves requests alone where variables chose the route, and where no request is sent.
  const changesRequest = direct === undefined && redirect === undefined && !isByVariables(config);
  if (isByVariables(config) && asksForChanges(action)) {
    findings.warning(actionAt, 'a request whose route is chosen by variables is sent as it came');
  }
  const levels = [action, virtualHost, router];
  return new Route({
    virtualHost: virtualHost.name,
    perFilterConfig: filterConfigs(virtualHost.per_filter_config, config.per_filter_config),
    redirect,
    direct,
    timeout: action.timeout === 0 ? undefined : action.timeout,
    retry: compileRetry(action),
    upgrades: compileUpgrades(action, [...actionAt, 'upgrades'], findings),
    allowConnect: action.connect,
    upstreamProtocol: action.upstream_protocol || undefined,
    hashPolicy: compileHashPolicy(action),
    cluster: action.cluster_name ?? '',
    clusterVariable: action.cluster_variable ?? '',
    weightedClusters: compileWeights(action, [...actionAt, 'weighted_clusters'], findings),
    metadataMatch: compileMetadata(action.metadata_match),
    clusterMetadataMatch: compileClusterMetadata(action),
    requestMutations: new HeaderMutations(
      changesRequest
        ? levels.map((level) => ({ add: level.request_headers_to_add, remove: level.request_headers_to_remove }))
        : [],
    ),
    responseMutations: new HeaderMutations(
      levels.map((level) => ({ add: level.response_headers_to_add, remove: level.response_headers_to_remove })),
    ),
    pathRewrite: compilePathRewrite(action, path, actionAt, findings),
    hostRewrite: changesRequest ? compileHostRewrite(action, actionAt, findings) : undefined,
  });
}

function isByVariables({ match = NO_MATCH }: RouteConfig): boolean {
  return !match.prefix && !match.path && !match.regex && match.variables.length > 0;
}

function asksForChanges(action: RouteActionConfig): boolean {
  const { request_headers_to_add: add, request_headers_to_remove: remove } = action;
  const { host_rewrite, auto_host_rewrite_header, auto_host_rewrite } = action;
  return add.length + remove.length > 0 || !!host_rewrite || !!auto_host_rewrite_header || auto_host_rewrite;
}

function checkForward(config: RouteConfig, action: RouteActionConfig, at: Path, findings: Findings): void {
  const { cluster_name, cluster_variable, weighted_clusters } = action;
  if (!cluster_name && !cluster_variable && weighted_clusters.length === 0) {
    const place = config.route === undefined ? at : [...at, 'route'];
    findings.warning(place, 'names no cluster, redirect or direct response: it answers 404');
  }
}

function filterConfigs(outer: Record<string, unknown> = {}, inner: Record<string, unknown> = {}): Map<string, unknown> {
  return new Map([...Object.entries(outer), ...Object.entries(inner)]);
}

function compileDirect(config: RouteConfig, at: Path, findings: Findings): LocalReply | undefined {
  const { direct_response: direct } = config;
  if (direct === undefined) return undefined;
  const { status, body } = direct;
  if (body !== '' && BODILESS.includes(status)) {
    findings.problem([...at, 'body'], `a response with status ${status} has no body`);
  }
  return { reason: Reason.LocalReply, status, body };
}

function compileRedirect(config: RouteConfig, at: Path, findings: Findings): RedirectTarget | undefined {
  const { redirect } = config;
  if (redirect === undefined) return undefined;
  // 0 is what Go has where nothing was given.
  const status = redirect.response_code || DEFAULT_REDIRECT_STATUS;
  const scheme = (redirect.scheme_redirect ?? '').toLowerCase();
  const host = redirect.host_redirect ?? '';
  const path = redirect.path_redirect ?? '';
  if (!REDIRECT_STATUSES.includes(status)) {
    findings.problem([...at, 'response_code'], `is one of ${REDIRECT_STATUSES.join(', ')}, not ${status}`);
  }
  if (scheme !== '' && !SCHEME.test(scheme)) findings.problem([...at, 'scheme_redirect'], 'is not a scheme');
  if (host !== '' && !isHost(host)) findings.problem([...at, 'host_redirect'], 'is not a host');
  if (path !== '' && !path.startsWith('/')) findings.problem([...at, 'path_redirect'], 'does not begin with /');
  if (scheme === '' && host === '' && path === '') findings.warning(at, 'sends a client to where it has been');
  return { status, scheme, host, path: normalizeConfiguredPath(path) };
}

function compileRetry({ retry_policy: policy }: RouteActionConfig): RetryPolicy {
  return {
    retryOn: policy?.retry_on ?? false,
    perTryTimeout: policy?.retry_timeout ?? 0,
    retries: policy?.num_retries ?? DEFAULT_RETRIES,
    statusCodes: policy?.status_codes ?? [],
  };
}

function compileUpgrades({ upgrades }: RouteActionConfig, at: Path, findings: Findings): ReadonlySet<string> {
  const lower = upgrades.map((token) => token.toLowerCase());
  for (const [i, token] of lower.entries()) {
    // It would carry HTTP/2 past every filter and limit.
    if (token === 'h2c') findings.problem([...at, i], 'h2c is never passed on');
  }
  return new Set(lower);
}

function compileHashPolicy({ hash_policy: policies }: RouteActionConfig): HashPolicy {
  const { header, cookie } = policies[0] ?? {};
  // MOSN lets the cookie win.
  if (cookie !== undefined) return { kind: 'cookie', name: cookie.name };
  return header === undefined ? { kind: 'source_ip' } : { kind: 'header', name: header.key.toLowerCase() };
}

function compileWeights(action: RouteActionConfig, at: Path, findings: Findings): WeightedClusters | undefined {
  const clusters = action.weighted_clusters.map(({ cluster }) => cluster);
  if (clusters.length === 0) return undefined;
  if (clusters.some(({ weight }) => weight > 0)) return new WeightedClusters(clusters);
  findings.problem(at, 'the weights add up to 0');
  return undefined;
}

/** The key under which MOSN's files keep the pairs that choose a subset. */
const SUBSET_METADATA = 'mosn.lb';

function compileMetadata(config: RouteActionConfig['metadata_match']): MetadataMatch | undefined {
  const pairs = Object.entries(config?.filter_metadata?.[SUBSET_METADATA] ?? {});
  return pairs.length === 0 ? undefined : pairs.sort(([a], [b]) => (a < b ? -1 : 1));
}

function compileClusterMetadata({ weighted_clusters }: RouteActionConfig): Map<string, MetadataMatch> {
  const byCluster = new Map<string, MetadataMatch>();
  for (const { cluster } of weighted_clusters) {
    const match = compileMetadata(cluster.metadata_match);
    if (match !== undefined) byCluster.set(cluster.name, match);
  }
  return byCluster;
}

function compilePathRewrite(
  action: RouteActionConfig,
  rule: PathRule,
  at: Path,
  findings: Findings,
): PathRewrite | undefined {
  if (action.prefix_rewrite) return compilePrefixRewrite(action.prefix_rewrite, rule, at, findings);
  const rewrite = action.regex_rewrite;
  if (rewrite === undefined || rewrite.pattern.regex === '') return undefined;
  const rewriteAt = [...at, 'regex_rewrite'];
  const pattern = compilePattern(rewrite.pattern.regex, [...rewriteAt, 'pattern', 'regex'], findings);
  const substitutionAt = [...rewriteAt, 'substitution'];
  if (!/^[!-~]*$/.test(rewrite.substitution) || /[?#\\]/.test(rewrite.substitution)) {
    findings.problem(substitutionAt, 'is not a path');
  }
  if (rule.kind === 'any') {
    findings.warning(rewriteAt, 'has no effect on a route that does not match by path');
    return undefined;
  }
  if (pattern === undefined) return undefined;
  const compiled = new RegexRewrite(pattern, rewrite.substitution);
  for (const group of compiled.unknownGroups) {
    const hint = /^\d+\w/.test(group)
      ? ` (for group ${Number.parseInt(group, 10)} write \${${Number.parseInt(group, 10)}})`
      : '';
    findings.warning(substitutionAt, `the pattern has no group ${group}, it stands for nothing${hint}`);
  }
  return compiled;
}

function compilePrefixRewrite(
  replacement: string,
  rule: PathRule,
  at: Path,
  findings: Findings,
): PathRewrite | undefined {
  const rewriteAt = [...at, 'prefix_rewrite'];
  if (!replacement.startsWith('/')) findings.problem(rewriteAt, 'does not begin with /');
  const path = normalizeConfiguredPath(replacement);
  if (rule.kind === 'prefix') return new PrefixRewrite(rule.prefix.length, path);
  if (rule.kind === 'exact') return new PrefixRewrite(rule.path.length, path);
  findings.warning(rewriteAt, 'has no effect on a route that does not match by prefix or path');
  return undefined;
}

function compileHostRewrite(action: RouteActionConfig, at: Path, findings: Findings): HostRewrite | undefined {
  const fixed = action.host_rewrite ?? '';
  const header = (action.auto_host_rewrite_header ?? '').toLowerCase();
  if (fixed !== '' && !isHost(fixed)) findings.problem([...at, 'host_rewrite'], 'is not a host');
  return fixed === '' && header === '' && !action.auto_host_rewrite
    ? undefined
    : { fixed, header, auto: action.auto_host_rewrite };
}
