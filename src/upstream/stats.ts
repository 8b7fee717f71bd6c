/**
 * What is counted about a cluster and about each of its hosts: groups `upstream{cluster}` and `upstream{cluster,host}`,
 * keys as in MOSN. Whoever counts for a host counts for its cluster in the same call.
 */

import type { Counter, Histogram, MetricGroup, Metrics } from '../api/metrics.ts';
import { JoinedCounter, JoinedHistogram } from '../observe/joined-metrics.ts';

/** Connections and `request_total`, `_active` and `_pending_overflow` are counted in this room, the rest by the proxy. */
export class UpstreamStats {
  readonly connectionTotal: Counter;
  readonly connectionActive: Counter;
  readonly connectionClose: Counter;
  readonly connectionConFail: Counter;
  /** Further attempts of one byte-stream connection (`tcp_proxy`). */
  readonly connectionRetry: Counter;
  readonly connectionLocalClose: Counter;
  readonly connectionRemoteClose: Counter;
  readonly connectionLocalCloseWithActiveRequest: Counter;
  readonly connectionRemoteCloseWithActiveRequest: Counter;
  readonly connectionBytesReadTotal: Counter;
  readonly connectionBytesWrite: Counter;

  readonly requestTotal: Counter;
  readonly requestActive: Counter;
  /** Answered 503 because a limit was reached. */
  readonly requestPendingOverflow: Counter;
  readonly requestRetry: Counter;
  readonly requestRetryOverflow: Counter;
  /** Ended by us before the response was whole. */
  readonly requestLocalReset: Counter;
  /** Ended by the host before the response was whole. */
  readonly requestRemoteReset: Counter;
  readonly requestTimeout: Counter;
  readonly responseSuccess: Counter;
  readonly responseFailed: Counter;
  readonly requestDurationTime: Histogram;

  /** `parent`: the statistics of the cluster, when these are a host's. */
  constructor(group: MetricGroup, parent?: UpstreamStats) {
    const join = (own: Counter, above: Counter | undefined): Counter => (above ? new JoinedCounter(own, above) : own);
    const counter = (key: string, above: Counter | undefined): Counter => join(group.counter(key), above);
    const gauge = (key: string, above: Counter | undefined): Counter => join(group.gauge(key), above);

    this.connectionTotal = counter('connection_total', parent?.connectionTotal);
    this.connectionActive = gauge('connection_active', parent?.connectionActive);
    this.connectionClose = counter('connection_close', parent?.connectionClose);
    this.connectionConFail = counter('connection_con_fail', parent?.connectionConFail);
    this.connectionRetry = counter('connection_retry', parent?.connectionRetry);
    this.connectionLocalClose = counter('connection_local_close', parent?.connectionLocalClose);
    this.connectionRemoteClose = counter('connection_remote_close', parent?.connectionRemoteClose);
    this.connectionLocalCloseWithActiveRequest = counter(
      'connection_local_close_with_active_request',
      parent?.connectionLocalCloseWithActiveRequest,
    );
    this.connectionRemoteCloseWithActiveRequest = counter(
      'connection_remote_close_with_active_request',
      parent?.connectionRemoteCloseWithActiveRequest,
    );
    this.connectionBytesReadTotal = counter('connection_bytes_read_total', parent?.connectionBytesReadTotal);
    this.connectionBytesWrite = counter('connection_bytes_write', parent?.connectionBytesWrite);

    this.requestTotal = counter('request_total', parent?.requestTotal);
    this.requestActive = gauge('request_active', parent?.requestActive);
    this.requestPendingOverflow = counter('request_pending_overflow', parent?.requestPendingOverflow);
    this.requestRetry = counter('request_retry', parent?.requestRetry);
    this.requestRetryOverflow = counter('request_retry_overflow', parent?.requestRetryOverflow);
    this.requestLocalReset = counter('request_local_reset', parent?.requestLocalReset);
    this.requestRemoteReset = counter('request_remote_reset', parent?.requestRemoteReset);
    this.requestTimeout = counter('request_timeout', parent?.requestTimeout);
    this.responseSuccess = counter('response_success', parent?.responseSuccess);
    this.responseFailed = counter('response_failed', parent?.responseFailed);
    const duration = group.histogram('request_duration_time');
    this.requestDurationTime = parent ? new JoinedHistogram(duration, parent.requestDurationTime) : duration;
  }
}

export function clusterStats(metrics: Metrics, cluster: string): UpstreamStats {
  return new UpstreamStats(metrics.group('upstream', { cluster }));
}

export function hostStats(metrics: Metrics, cluster: string, host: string, parent: UpstreamStats): UpstreamStats {
  return new UpstreamStats(metrics.group('upstream', { cluster, host }), parent);
}
