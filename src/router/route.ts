/** A compiled route: what becomes of a request that matches it. */

import type { Headers, RequestHeaders } from '../api/headers.ts';
import { Reason } from '../api/reason.ts';
import type { LocalReply } from '../api/stream-filter.ts';
import type { HeaderMutations } from './header-mutations.ts';
import { type PathRewrite, rewritePath } from './path-rewrite.ts';
import { type RedirectTarget, redirectLocation } from './redirect.ts';
import type { RouteRequest } from './route-request.ts';
import type { WeightedClusters } from './weighted-clusters.ts';

/** When a request is sent again. */
export interface RetryPolicy {
  /** Retry more than failed connections. */
  readonly retryOn: boolean;
  /** Milliseconds; 0 = none. */
  readonly perTryTimeout: number;
  /** Retries after the first try. */
  readonly retries: number;
  /** Statuses to retry; empty = 500 and above. */
  readonly statusCodes: readonly number[];
}

/** What a consistent-hashing balancer hashes. */
export type HashPolicy =
  | { readonly kind: 'header'; readonly name: string }
  | { readonly kind: 'cookie'; readonly name: string }
  | { readonly kind: 'source_ip' };

/** Pairs of a subset, sorted by key. */
export type MetadataMatch = readonly (readonly [key: string, value: string])[];

/** How the host that goes upstream is found. */
export interface HostRewrite {
  /** `''` = not given. */
  readonly fixed: string;
  /** Header that names the host, in lower case; `''` = not given. */
  readonly header: string;
  /** The name of the chosen host. */
  readonly auto: boolean;
}

/** All that a route is made of. */
export interface RouteParts {
  readonly virtualHost: string;
  readonly perFilterConfig: ReadonlyMap<string, unknown>;
  readonly redirect: RedirectTarget | undefined;
  readonly direct: LocalReply | undefined;
  readonly timeout: number | undefined;
  readonly retry: RetryPolicy;
  readonly upgrades: ReadonlySet<string>;
  readonly allowConnect: boolean;
  readonly upstreamProtocol: string | undefined;
  readonly hashPolicy: HashPolicy;
  readonly cluster: string;
  readonly clusterVariable: string;
  readonly weightedClusters: WeightedClusters | undefined;
  readonly metadataMatch: MetadataMatch | undefined;
  readonly clusterMetadataMatch: ReadonlyMap<string, MetadataMatch>;
  readonly requestMutations: HeaderMutations;
  readonly responseMutations: HeaderMutations;
  readonly pathRewrite: PathRewrite | undefined;
  readonly hostRewrite: HostRewrite | undefined;
}

/** What may stand in a Host field (RFC 3986, section 3.2.2), with a port. */
const HOST = /^[\w.~!$&'()*+,;=%:[\]-]+$/;

export class Route {
  readonly kind: 'forward' | 'redirect' | 'direct';
  /** Name of the virtual host. */
  readonly virtualHost: string;
  /** Milliseconds from the end of the request to the response head; undefined = not set, negative = none. */
  readonly timeout: number | undefined;
  readonly retry: RetryPolicy;
  /** Protocol switches that pass, in lower case. */
  readonly upgrades: ReadonlySet<string>;
  /** CONNECT passes. */
  readonly allowConnect: boolean;
  readonly upstreamProtocol: string | undefined;
  readonly hashPolicy: HashPolicy;
  /** Whether `applyRequest` has anything to do. */
  readonly mutatesRequest: boolean;
  /** Whether `applyResponse` has anything to do. */
  readonly mutatesResponse: boolean;
  readonly #parts: RouteParts;

  constructor(parts: RouteParts) {
    this.kind = parts.direct !== undefined ? 'direct' : parts.redirect !== undefined ? 'redirect' : 'forward';
    this.virtualHost = parts.virtualHost;
    this.timeout = parts.timeout;
    this.retry = parts.retry;
    this.upgrades = parts.upgrades;
    this.allowConnect = parts.allowConnect;
    this.upstreamProtocol = parts.upstreamProtocol;
    this.hashPolicy = parts.hashPolicy;
    this.mutatesRequest =
      !parts.requestMutations.isEmpty || parts.pathRewrite !== undefined || parts.hostRewrite !== undefined;
    this.mutatesResponse = !parts.responseMutations.isEmpty;
    this.#parts = parts;
  }

  /**
   * Names the cluster for one request, once in its life; `''` where the route names none. `random` gives numbers in
   * [0, 1).
   */
  chooseCluster(random: () => number, request: RouteRequest): string {
    const { weightedClusters, cluster, clusterVariable } = this.#parts;
    if (weightedClusters !== undefined) return weightedClusters.pick(random());
    if (cluster !== '' || clusterVariable === '') return cluster;
    return request.getVariable(clusterVariable) ?? '';
  }

  /** The subset that a request to this cluster is for. */
  metadataMatch(cluster: string): MetadataMatch | undefined {
    return this.#parts.clusterMetadataMatch.get(cluster) ?? this.#parts.metadataMatch;
  }

  /** The configuration for one filter type: the route's, else the virtual host's, else undefined. */
  perFilterConfig(type: string): unknown {
    return this.#parts.perFilterConfig.get(type);
  }

  /**
   * Changes a request head on its way upstream: header lines, host, path. `hostname` is the name of the chosen host,
   * `''` where it has none or where its cluster is not one that is resolved by name. Returns false when the rewritten
   * path is not acceptable: the request is to be answered with 400.
   */
  applyRequest(headers: RequestHeaders, request: RouteRequest, hostname: string): boolean {
    const { requestMutations, pathRewrite } = this.#parts;
    requestMutations.apply(headers, request);
    this.rewriteHost(headers, hostname);
    return pathRewrite === undefined || rewritePath(headers, request.normalizedPath, pathRewrite);
  }

  /** Names the host in a request; again when it is sent to another one. */
  rewriteHost(headers: RequestHeaders, hostname: string): void {
    const { hostRewrite } = this.#parts;
    if (hostRewrite === undefined) return;
    const { fixed, header, auto } = hostRewrite;
    if (fixed !== '') headers.authority = fixed;
    else if (header !== '') {
      const value = headers.get(header);
      if (value !== undefined && isHost(value)) headers.authority = value;
    } else if (auto && hostname !== '') headers.authority = hostname;
  }

  /** Changes a response head on its way downstream, a local reply's too. */
  applyResponse(headers: Headers, request: RouteRequest): void {
    this.#parts.responseMutations.apply(headers, request);
  }

  /** The answer of a `redirect` route. */
  redirect(headers: RequestHeaders): LocalReply {
    const target = this.#parts.redirect as RedirectTarget;
    const location = redirectLocation(target, headers);
    return { reason: Reason.LocalReply, status: target.status, headers: { location } };
  }

  /** The answer of a `direct` route. */
  direct(): LocalReply {
    return this.#parts.direct as LocalReply;
  }
}

/** Whether a text can be sent as the host of a request. */
export function isHost(text: string): boolean {
  return HOST.test(text);
}
