/**
 * A request as it goes upstream: handed to one host after another until one answers or none may be tried any more.
 *
 * It keeps what it needs to send a body again, and nothing else: bytes that no attempt has taken yet, and, while a
 * replay would be safe, those that one has taken, up to `replay_limit`.
 */

import type { Headers, RequestHeaders, ResponseHeaders } from '../api/headers.ts';
import type { RequestEncoder } from '../api/protocol.ts';
import { Reason } from '../api/reason.ts';
import type { RetryPolicy } from '../router/route.ts';
import type { BalancerContext } from '../upstream/balancer.ts';
import type { Cluster } from '../upstream/cluster.ts';
import type { Host } from '../upstream/host.ts';
import { BodyBuffer } from './body-buffer.ts';
import type { ConfiguredProtocol, ProxyRuntime } from './proxy-runtime.ts';
import { isIdempotent, RetryState } from './retry.ts';
import type { StreamTimer, TimerOwner } from './stream-timers.ts';
import { type AttemptOwner, UpstreamAttempt } from './upstream-attempt.ts';

/** The stream that the request belongs to. */
export interface UpstreamRequestOwner {
  onResponseInformational(headers: ResponseHeaders): void;
  onResponseHeaders(headers: ResponseHeaders, end: boolean): void;
  onResponseData(chunk: Buffer, end: boolean): void;
  onResponseTrailers(trailers: Headers): void;
  /** No answer will come, or the one that had begun is cut off. */
  onUpstreamFailure(reason: Reason): void;
  /** An attempt was given the head on a connection. */
  onAttempt(attempt: UpstreamAttempt): void;
  /** The whole request has been handed over; called again for every attempt. */
  onRequestSent(): void;
  /** Stop or go on reading the client's body. */
  onRequestBlocked(blocked: boolean): void;
  /** A retry was granted. */
  onRetry(): void;
  /** The head cannot be written: a filter has made something of it that is no request. */
  fault(error: unknown): void;
}

/** Whether a request asks for a tunnel: it has no end of its own, what follows its head is the tunnel's. */
export function asksTunnel(headers: RequestHeaders): boolean {
  return headers.upgrade !== '' || headers.method === 'CONNECT';
}

/** What the tries of one request are bound to. */
export interface UpstreamTarget {
  readonly cluster: Cluster;
  readonly protocol: ConfiguredProtocol;
  readonly retry: RetryPolicy;
  /** Milliseconds; 0 = none. */
  readonly perTryTimeout: number;
  /** MOSN's variable `proxy_disable_retry`. */
  readonly retryDisabled: boolean;
}

export class UpstreamRequest implements AttemptOwner, TimerOwner, BalancerContext {
  readonly #owner: UpstreamRequestOwner;
  readonly #runtime: ProxyRuntime;
  readonly #target: UpstreamTarget;
  readonly #headers: RequestHeaders;

  #attempt: UpstreamAttempt | undefined;
  /** One whose answer is not wanted and is still coming; it has until the next one begins. */
  #discarded: UpstreamAttempt | undefined;
  /** An attempt has been given the head: from here on a replay sends something twice. */
  #written = false;
  /** Everything of the body that was sent is still here, and sending it again does no harm. */
  #replayable: boolean;
  #body: BodyBuffer | undefined;
  #trailers: Headers | undefined;
  /** The body has been passed to us whole. */
  #complete = false;
  #responseBegun = false;

  #retry: RetryState | undefined;
  #holdsRetry = false;
  /** Per-try time-out or back-off, whichever is running. */
  #timer: StreamTimer | undefined;
  #backingOff = false;

  // BalancerContext
  attempt = 0;
  readonly triedHosts: Host[] = [];

  constructor(owner: UpstreamRequestOwner, runtime: ProxyRuntime, target: UpstreamTarget, headers: RequestHeaders) {
    this.#owner = owner;
    this.#runtime = runtime;
    this.#target = target;
    this.#headers = headers;
    this.#replayable = target.retry.retryOn || isIdempotent(headers.method);
  }

  random(): number {
    return this.#runtime.random();
  }

  /** Starts the first attempt. */
  start(host: Host, end: boolean): void {
    this.#complete = end;
    this.#try(host);
  }

  data(chunk: Buffer, end: boolean): void {
    this.#complete = end;
    const encoder = this.#attempt?.encoder;
    if (encoder === undefined) {
      this.#keep(chunk);
      if (!end) this.#owner.onRequestBlocked(true);
      return;
    }
    if (this.#replayable && !this.#responseBegun) {
      this.#keep(chunk);
      this.#bound();
    }
    encoder.data(chunk, end);
    if (end) this.#sent();
    else if (encoder.blocked) this.#owner.onRequestBlocked(true);
  }

  trailers(trailers: Headers): void {
    this.#complete = true;
    this.#trailers = trailers;
    const encoder = this.#attempt?.encoder;
    if (encoder === undefined) return;
    encoder.trailers(trailers);
    this.#sent();
  }

  /** Stops and resumes delivery of the response body. */
  pauseReading(): void {
    this.#attempt?.encoder?.pauseReading();
  }

  resumeReading(): void {
    this.#attempt?.encoder?.resumeReading();
  }

  /** Gives everything up and back; no callback follows. Harmless when all is over. */
  close(): void {
    this.#attempt?.cancel();
    this.#attempt = undefined;
    this.#endDiscarded();
    this.#body = undefined;
    if (this.#timer !== undefined) this.#runtime.timers.giveBack(this.#timer);
    this.#timer = undefined;
    if (this.#holdsRetry) this.#target.cluster.releaseRetry();
    this.#holdsRetry = false;
  }

  // ── One attempt ────────────────────────────────────────────────────────────────────────────────────────────────

  #try(host: Host, afresh = false): void {
    const { cluster, protocol } = this.#target;
    this.#endDiscarded();
    const attempt = new UpstreamAttempt(this, host, protocol.protocol, this.#runtime.timers.clock);
    this.#attempt = attempt;
    attempt.start(cluster.pool(host, protocol.protocol, protocol.settings), afresh);
  }

  #endDiscarded(): void {
    this.#discarded?.cancel();
    this.#discarded = undefined;
  }

  onUpstreamReady(attempt: UpstreamAttempt, encoder: RequestEncoder): void {
    this.#written = true;
    this.#owner.onAttempt(attempt);
    const body = this.#body !== undefined && this.#body.size > 0 ? this.#body.bytes() : undefined;
    const trailers = this.#trailers;
    const endsHere = this.#complete && trailers === undefined;
    try {
      encoder.headers(this.#headers, endsHere && body === undefined);
    } catch (error) {
      this.#owner.fault(error);
      return;
    }
    if (body !== undefined) {
      encoder.data(body, endsHere);
      if (this.#replayable) this.#bound();
      else this.#body = undefined;
    }
    if (trailers !== undefined) encoder.trailers(trailers);
    if (this.#complete || asksTunnel(this.#headers)) this.#sent();
    else this.#owner.onRequestBlocked(encoder.blocked);
  }

  /** All that can be sent before an answer has been. */
  #sent(): void {
    if (this.#attempt === undefined) return; // the writing itself has failed
    if (this.#complete) this.#attempt.requestWritten();
    this.#owner.onRequestSent();
    if (this.#target.perTryTimeout > 0 && !this.#responseBegun) this.#startTimer(this.#target.perTryTimeout);
  }

  onUpstreamWritable(): void {
    if (!this.#complete) this.#owner.onRequestBlocked(false);
  }

  onUpstreamInformational(headers: ResponseHeaders): void {
    this.#owner.onResponseInformational(headers);
  }

  onUpstreamHeaders(attempt: UpstreamAttempt, headers: ResponseHeaders, end: boolean): void {
    this.#timer?.stop();
    if (this.#target.retry.retryOn && this.#retries.wantsStatus(headers.status) && this.#takeRetry(attempt)) {
      attempt.discard(headers, end);
      this.#discarded = attempt;
      return;
    }
    this.#responseBegun = true;
    this.#body = undefined;
    this.#owner.onResponseHeaders(headers, end);
  }

  onUpstreamData(chunk: Buffer, end: boolean): void {
    this.#owner.onResponseData(chunk, end);
  }

  onUpstreamTrailers(trailers: Headers): void {
    this.#owner.onResponseTrailers(trailers);
  }

  onUpstreamFailure(attempt: UpstreamAttempt, reason: Reason): void {
    this.#attempt = undefined;
    this.#timer?.stop();
    if (this.#responseBegun) this.#owner.onUpstreamFailure(reason);
    else if (this.#raced(attempt, reason) || (this.#retries.wantsFailure(reason) && this.#takeRetry(attempt))) return;
    else this.#owner.onUpstreamFailure(reason);
  }

  // ── Another attempt ────────────────────────────────────────────────────────────────────────────────────────────

  get #retries(): RetryState {
    this.#retry ??= new RetryState(this.#target.retry);
    return this.#retry;
  }

  /** The host closed an idle connection while we wrote to it: nobody's fault, sent again at once where that is safe. */
  #raced(attempt: UpstreamAttempt, reason: Reason): boolean {
    if (!attempt.mayHaveRaced || reason !== Reason.UpstreamReset) return false;
    if (!this.#mayReplay() || !this.#retries.takeRace()) return false;
    this.#try(attempt.host, true);
    return true;
  }

  /** Takes a retry from the policy, the cluster's breaker and its budget, and waits for its turn. */
  #takeRetry(failed: UpstreamAttempt): boolean {
    const { cluster, retryDisabled } = this.#target;
    if (retryDisabled || !this.#mayReplay()) return false;
    if (!this.#holdsRetry && !cluster.acquireRetry()) return false;
    this.#holdsRetry = true;
    this.#attempt = undefined;
    this.attempt++;
    this.triedHosts.push(failed.host);
    failed.host.stats.requestRetry.add(1);
    this.#owner.onRetry();
    this.#backingOff = true;
    this.#startTimer(this.#retries.take(this.#runtime.random));
    return true;
  }

  #mayReplay(): boolean {
    return !this.#written || this.#replayable;
  }

  #startTimer(ms: number): void {
    this.#timer ??= this.#runtime.timers.lend(this);
    this.#timer.start(ms);
  }

  onTimer(): void {
    if (this.#backingOff) {
      this.#backingOff = false;
      const host = this.#target.cluster.chooseHost(this);
      if (host === undefined) this.#owner.onUpstreamFailure(Reason.NoHealthyHost);
      else this.#try(host);
      return;
    }
    const attempt = this.#attempt;
    if (attempt === undefined) return;
    attempt.host.stats.requestTimeout.add(1);
    attempt.cancel();
    this.onUpstreamFailure(attempt, Reason.PerTryTimeout);
  }

  // ── The body that is kept ──────────────────────────────────────────────────────────────────────────────────────

  #keep(chunk: Buffer): void {
    this.#body ??= new BodyBuffer();
    this.#body.push(chunk);
  }

  /** Beyond the limit the request cannot be sent again. */
  #bound(): void {
    if (this.#body === undefined || this.#body.size <= this.#runtime.config.replay_limit) return;
    this.#body = undefined;
    this.#replayable = false;
  }
}
