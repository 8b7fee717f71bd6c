/**
 * One request and its response: the only object that knows both.
 *
 *     codec ─ onHeaders ─► filters ─ route ─ filters ─ host ─ filters ─► UpstreamRequest ─► host
 *     codec ◄─ encoder ─── filters ◄──────────────────────────────────── UpstreamRequest ◄─ host
 *
 * A stream ends exactly once, in `#finish`: that one place settles the counters, tells the filters and writes the
 * access log. Whatever arrives afterwards is ignored.
 */

import type { Address } from '../api/address.ts';
import type { Connection } from '../api/connection.ts';
import type { Headers, RequestHeaders, ResponseHeaders } from '../api/headers.ts';
import type { Protocol, RequestReceiver, ResponseEncoder } from '../api/protocol.ts';
import { Reason } from '../api/reason.ts';
import {
  Direction,
  type LocalReply,
  Phase,
  type RouteInfo,
  type StreamContext,
  type StreamFilter,
} from '../api/stream-filter.ts';
import { normalizePath } from '../router/path.ts';
import type { Route } from '../router/route.ts';
import type { Cluster } from '../upstream/cluster.ts';
import type { Host } from '../upstream/host.ts';
import { FilterContext } from './filter-context.ts';
import { FilterPass } from './filter-pass.ts';
import { type BuiltReply, buildLocalReply } from './local-reply.ts';
import { type FilteredStream, RequestPassOwner, ResponsePassOwner } from './pass-owners.ts';
import type { ConfiguredProtocol, ProxyRuntime } from './proxy-runtime.ts';
import { StreamRecord } from './stream-record.ts';
import { globalTimeout, perTryTimeout } from './stream-timeouts.ts';
import type { StreamTimer, TimerOwner } from './stream-timers.ts';
import type { UpstreamAttempt } from './upstream-attempt.ts';
import { asksTunnel, UpstreamRequest, type UpstreamRequestOwner } from './upstream-request.ts';

/** Re-matches and re-choices of one stream, as in MOSN. */
const MAX_REENTRIES = 10;

const NO_FILTERS: StreamFilter[] = [];
const NO_CONTEXTS: StreamContext[] = [];

/**
 * An upstream that answers so before the request is whole wants no more of it (RFC 9112, section 9.3), and going on
 * could cost its answer. After any other answer the request goes on: a service may answer while it reads.
 */
const FIRST_ERROR = 400;

/** What the stream's timer is waiting for. */
const Awaiting = { Nothing: 0, RequestBody: 1, ResponseHead: 2, ResponseBody: 3, Tunnel: 4 } as const;
type Awaiting = (typeof Awaiting)[keyof typeof Awaiting];

/** The connection that the request came by, as its streams see it. */
export interface StreamOwner {
  readonly connection: Connection;
  readonly protocol: Protocol;
  /** Whether the peer is believed. */
  readonly trusted: boolean;
  /** No request after the ones that are open. */
  onDrain(): void;
}

export class DownstreamStream
  extends StreamRecord
  implements RequestReceiver, UpstreamRequestOwner, FilteredStream, TimerOwner
{
  readonly #runtime: ProxyRuntime;
  readonly #owner: StreamOwner;
  readonly #encoder: ResponseEncoder;
  declare requestHeaders: RequestHeaders;
  #ended = false;

  // The way: what was matched and chosen.
  phase: Phase = Phase.BeforeRoute;
  #route: Route | undefined;
  #cluster: Cluster | undefined;
  #host: Host | undefined;
  #upstream: UpstreamRequest | undefined;
  #reentries = 0;
  /** The path that `normalizedPath` stands for: filters may change it. */
  #pathSeen = '';

  // The request side. Its source is paused while a filter holds or the upstream does not keep up.
  #requestDone = false;
  /** It has no body; what follows its head would be a tunnel's. */
  #mayTunnel = false;
  #requestHolds = 0;
  #requestBlocked = false;
  /** Nobody wants the rest of it: Weft has answered itself, or the upstream with an error. */
  #requestUnwanted = false;

  // The response side, likewise.
  #answered = false;
  #responseStarted = false;
  #responseDone = false;
  /** Set when the answer is our own. */
  #localReason: Reason | undefined;
  #responseHolds = 0;
  #responseBlocked = false;
  #tunnel = false;

  // Filters; untouched on a listener that has none.
  #filters: StreamFilter[] = NO_FILTERS;
  #contexts: StreamContext[] = NO_CONTEXTS;
  #requestPass: FilterPass | undefined;
  #responsePass: FilterPass | undefined;
  #state: unknown[] | undefined;

  #timer: StreamTimer | undefined;
  #awaiting: Awaiting = Awaiting.Nothing;
  #lastActivity = 0;

  constructor(runtime: ProxyRuntime, owner: StreamOwner, encoder: ResponseEncoder) {
    super(owner.connection, owner.protocol.name, runtime.listener, runtime.timers.clock);
    this.#runtime = runtime;
    this.#owner = owner;
    this.#encoder = encoder;
    runtime.stats.requestTotal.add(1);
    runtime.stats.requestActive.add(1);
  }

  // ── The request arrives ──────────────────────────────────────────────────────────────────────────────────────

  onHeaders(headers: RequestHeaders, end: boolean): void {
    this.requestHeaders = headers;
    this.#mayTunnel = !end && this.#encoder.requestComplete;
    if (end) this.#requestArrived();
    else this.#await(Awaiting.RequestBody, this.#runtime.config.timeouts.body);
    if (!this.#admit(headers)) return;
    if (this.#runtime.filters !== undefined) this.#startFilters(end);
    else if (this.matchRoute() && this.chooseHost()) this.forwardHeaders(end);
  }

  onData(chunk: Buffer, end: boolean): void {
    if (this.#ended) return;
    this.bytesReceived += chunk.length;
    if (end) this.#requestArrived();
    else this.#lastActivity = this.clock.now();
    if (this.#requestUnwanted) return;
    if (this.#requestPass !== undefined && !this.#tunnel) this.#requestPass.data(chunk, end);
    else this.forwardData(chunk, end);
    if (end && this.#tunnel && this.#responseDone) this.#finish(Reason.Completed);
  }

  onTrailers(trailers: Headers): void {
    if (this.#ended) return;
    this.#requestArrived();
    if (this.#requestUnwanted) return;
    if (this.#requestPass !== undefined) this.#requestPass.trailers(trailers);
    else this.forwardTrailers(trailers);
  }

  /** The client is gone, or broke the protocol in the middle of its request. */
  onReset(reason: Reason): void {
    this.#finish(reason);
  }

  #requestArrived(): void {
    this.#requestDone = true;
    this.markRequestReceived();
    this.#lastActivity = this.clock.now();
    if (this.#awaiting === Awaiting.RequestBody) this.#disarm();
  }

  /** Refuses what neither filter nor route may see; writes down the way that the request has come. */
  #admit(headers: RequestHeaders): boolean {
    if (!this.#normalize(headers)) {
      // Whoever tries how we read such a path gets one try a connection.
      this.#owner.onDrain();
      return this.#fail(Reason.BadRequest);
    }
    if (!this.#owner.protocol.http) return true;
    const { trusted, connection } = this.#owner;
    const passed = this.#runtime.forwarding.apply(headers, connection.remoteAddress.host, headers.scheme, trusted);
    return passed || this.#fail(Reason.LoopDetected);
  }

  /** Brings the path into the form that routes match; false when it is ambiguous. */
  #normalize(headers: RequestHeaders): boolean {
    const path = headers.path;
    if (path === this.#pathSeen) return true;
    if (headers.method === 'CONNECT') this.normalizedPath = '/';
    else {
      const normal = normalizePath(path);
      if (normal === undefined) return false;
      this.normalizedPath = normal.path;
      if (normal.dotSegments) {
        this.originalPath = path;
        headers.path = normal.path + normal.query;
      }
    }
    this.#pathSeen = headers.path;
    return true;
  }

  #startFilters(end: boolean): void {
    const chain = this.#runtime.filters!;
    const limit = this.#runtime.config.buffer_limit;
    this.#filters = chain.instantiate();
    this.#contexts = [];
    for (let i = 0; i < this.#filters.length; i++) this.#contexts.push(new FilterContext(this, i));
    this.#requestPass = new FilterPass(new RequestPassOwner(this), chain.requestSteps, this.#filters, limit);
    this.#responsePass = new FilterPass(new ResponsePassOwner(this), chain.responseSteps, this.#filters, limit);
    this.#requestPass.headers(end);
  }

  // ── The proxy's own steps ────────────────────────────────────────────────────────────────────────────────────

  /** Finds the route. Finding none is not an error yet: filters may answer first (MOSN's order). */
  matchRoute(): boolean {
    if (!this.#normalize(this.requestHeaders)) return this.#fail(Reason.BadRequest);
    const route = this.#runtime.routes()?.match(this);
    this.#route = route;
    this.cluster = route === undefined ? '' : route.chooseCluster(this.#runtime.random, this);
    return true;
  }

  /** Chooses cluster and host, or answers where there is nothing to choose; false when the stream was answered. */
  chooseHost(): boolean {
    const route = this.#route;
    const headers = this.requestHeaders;
    if (route === undefined) return this.#fail(Reason.NoRoute);
    if (route.kind === 'direct') return this.#answer(route.direct());
    if (route.kind === 'redirect') return this.#answer(route.redirect(headers));
    if (headers.method === 'CONNECT' && !route.allowConnect) return this.#fail(Reason.MethodNotAllowed);
    if (headers.upgrade !== '' && !route.upgrades.has(headers.upgrade)) headers.upgrade = '';
    this.#cluster = this.#runtime.clusters.get(this.cluster);
    if (this.#cluster === undefined) return this.#fail(Reason.NoCluster);
    const protocol = this.#upstreamProtocol(route);
    this.#upstream = new UpstreamRequest(
      this,
      this.#runtime,
      {
        cluster: this.#cluster,
        protocol,
        retry: route.retry,
        perTryTimeout: perTryTimeout(this, route, this.#owner.trusted),
        retryDisabled: this.variables?.get('proxy_disable_retry') === 'true',
      },
      headers,
    );
    this.#host = this.#cluster.chooseHost(this.#upstream);
    if (this.#host === undefined) return this.#fail(Reason.NoHealthyHost);
    return true;
  }

  /** Variable > route > proxy filter > as downstream. */
  #upstreamProtocol(route: Route): ConfiguredProtocol {
    const { protocols, config } = this.#runtime;
    const name = this.variables?.get('upstream_protocol') ?? route.upstreamProtocol ?? config.upstream_protocol ?? '';
    return protocols.get(name) ?? protocols.get(this.protocol)!;
  }

  /** Counts a re-match or re-choose of a filter. */
  mayReenter(): boolean {
    return ++this.#reentries <= MAX_REENTRIES || this.#fail(Reason.InternalError);
  }

  // ── The request leaves ───────────────────────────────────────────────────────────────────────────────────────

  /** The head has passed all filters. */
  forwardHeaders(end: boolean): void {
    const route = this.#route!;
    const host = this.#host!;
    if (route.mutatesRequest && !route.applyRequest(this.requestHeaders, this, host.hostname)) {
      this.#fail(Reason.BadRequest);
      return;
    }
    // A request that may not switch protocols after all ends with its head.
    const whole = end || (this.#mayTunnel && !asksTunnel(this.requestHeaders));
    this.#upstream!.start(host, whole);
  }

  forwardData(chunk: Buffer, end: boolean): void {
    this.#upstream?.data(chunk, end);
  }

  forwardTrailers(trailers: Headers): void {
    this.#upstream?.trailers(trailers);
  }

  onAttempt(attempt: UpstreamAttempt): void {
    const { host } = attempt;
    if (host !== this.#host) {
      this.#host = host;
      this.#route!.rewriteHost(this.requestHeaders, host.hostname);
    }
    this.upstreamHost = host.address.text;
    this.upstreamHostname = host.hostname;
    this.upstreamProtocol = attempt.protocol.name;
    this.upstreamConnectionId = attempt.connectionId;
    this.markUpstreamStart();
  }

  /** The global time-out runs from here to the response head; retries do not restart it. */
  onRequestSent(): void {
    if (this.#awaiting === Awaiting.ResponseHead || this.#answered) return;
    this.#await(Awaiting.ResponseHead, globalTimeout(this, this.#route!, this.#owner.trusted));
  }

  onRequestBlocked(blocked: boolean): void {
    this.#requestBlocked = blocked;
    this.#steerRequest();
  }

  holdRequest(by: 1 | -1): void {
    this.#requestHolds += by;
    this.#steerRequest();
  }

  #steerRequest(): void {
    if (this.#ended) return;
    if (this.#requestBlocked || this.#requestHolds > 0) this.#encoder.pauseReading();
    else {
      this.#lastActivity = this.clock.now(); // silence while we would not listen was not the client's
      this.#encoder.resumeReading();
    }
  }

  // ── The response arrives ─────────────────────────────────────────────────────────────────────────────────────

  onResponseInformational(headers: ResponseHeaders): void {
    if (this.#ended || this.#answered) return;
    for (let i = 0; i < this.#filters.length; i++) this.#inform(i, headers);
    this.#encoder.informational(headers);
  }

  onResponseHeaders(headers: ResponseHeaders, end: boolean): void {
    this.#answered = true;
    this.#requestUnwanted = headers.status >= FIRST_ERROR;
    this.responseHeaders = headers;
    this.markResponseReceived();
    this.#lastActivity = this.clock.now();
    this.#tunnel = headers.status === 101 || (this.requestHeaders.method === 'CONNECT' && headers.status < 300);
    if (end) this.#disarm();
    else if (this.#tunnel) this.#await(Awaiting.Tunnel, this.#runtime.config.timeouts.tunnel_idle);
    else this.#await(Awaiting.ResponseBody, this.#runtime.config.timeouts.stream_idle);
    const route = this.#route!;
    if (route.mutatesResponse) route.applyResponse(headers, this);
    if (this.#responsePass !== undefined) this.#responsePass.headers(end);
    else this.sendHeaders(end);
  }

  onResponseData(chunk: Buffer, end: boolean): void {
    this.#lastActivity = this.clock.now();
    const pass = this.#responsePass;
    // Of a tunnel filters see only what waits behind its head.
    if (pass === undefined || (this.#tunnel && this.#responseStarted)) this.sendData(chunk, end);
    else pass.data(chunk, end);
  }

  onResponseTrailers(trailers: Headers): void {
    if (this.#responsePass !== undefined) this.#responsePass.trailers(trailers);
    else this.sendTrailers(trailers);
  }

  onUpstreamFailure(reason: Reason): void {
    if (!this.#responseStarted) this.#fail(reason);
    else this.#abort(reason === Reason.UpstreamReset ? Reason.UpstreamTruncated : reason);
  }

  onRetry(): void {
    this.retries++;
  }

  // ── The response leaves ──────────────────────────────────────────────────────────────────────────────────────

  sendHeaders(end: boolean): void {
    const headers = this.responseHeaders!;
    try {
      this.#encoder.headers(headers, end);
    } catch (error) {
      // Filters can make a head that cannot be written; nothing of it has left.
      this.fault(error);
      return;
    }
    this.#responseStarted = true;
    this.responseCode = headers.status;
    if (end) this.#finish(this.#localReason ?? Reason.Completed);
  }

  sendData(chunk: Uint8Array, end: boolean): void {
    this.bytesSent += chunk.length;
    this.#encoder.data(chunk, end);
    if (end) {
      this.#responseDone = true;
      // A tunnel ends when both halves have: this is one of them.
      if (!this.#tunnel || this.#requestDone) this.#finish(this.#localReason ?? Reason.Completed);
    } else if (this.#encoder.blocked) this.#blockResponse(true);
  }

  sendTrailers(trailers: Headers): void {
    this.#encoder.trailers(trailers);
    this.#finish(this.#localReason ?? Reason.Completed);
  }

  /** The client takes more of the response. */
  onWritable(): void {
    if (this.#responseBlocked) this.#blockResponse(false);
  }

  #blockResponse(blocked: boolean): void {
    this.#responseBlocked = blocked;
    this.#steerResponse();
  }

  holdResponse(by: 1 | -1): void {
    this.#responseHolds += by;
    this.#steerResponse();
  }

  #steerResponse(): void {
    if (this.#ended) return;
    if (this.#responseBlocked || this.#responseHolds > 0) this.#upstream?.pauseReading();
    else {
      this.#lastActivity = this.clock.now();
      this.#upstream?.resumeReading();
    }
  }

  // ── Answers of our own ───────────────────────────────────────────────────────────────────────────────────────

  /** Answers in place of the upstream; the first answer wins, and none is taken once a response has begun to leave. */
  localReply(reply: LocalReply): boolean {
    if (this.#ended || this.#responseStarted || this.#localReason !== undefined) return false;
    let built: BuiltReply;
    try {
      built = buildLocalReply(reply);
    } catch (error) {
      this.fault(error);
      return false;
    }
    const { headers, body } = built;
    this.#upstream?.close();
    this.#upstream = undefined;
    this.#disarm();
    this.#localReason = reply.reason;
    this.#requestUnwanted = true;
    this.flags |= reply.reason.flag;
    this.responseHeaders = headers;
    const route = this.#route;
    if (route?.mutatesResponse) route.applyResponse(headers, this);
    // A reply that a sender filter gives does not pass the sender filters again.
    const pass = this.#answered ? undefined : this.#responsePass;
    this.#answered = true;
    const end = body.length === 0;
    if (pass === undefined) {
      this.#responsePass = undefined;
      this.sendHeaders(end);
      if (!end && !this.#ended) this.sendData(body, true);
    } else {
      pass.headers(end);
      if (!end && !this.#ended && this.responseHeaders === headers) pass.data(body, true);
    }
    return true;
  }

  get isLocalReply(): boolean {
    return this.#localReason !== undefined;
  }

  #answer(reply: LocalReply): false {
    this.localReply(reply);
    return false;
  }

  #fail(reason: Reason): false {
    return this.#answer({ reason });
  }

  /** Ends the stream without an answer. */
  terminate(): void {
    this.#abort(Reason.Terminated);
  }

  /** A filter threw, or made something that cannot be sent. */
  fault(error: unknown): void {
    this.#noteFault(error);
    if (!this.localReply({ reason: Reason.InternalError })) this.#abort(Reason.InternalError);
  }

  /** A filter holds more than it may. */
  overflow(reason: Reason): void {
    if (!this.localReply({ reason })) this.#abort(reason);
  }

  /** Cuts off: what has left cannot be taken back. */
  #abort(reason: Reason): void {
    if (this.#ended) return;
    this.#finish(reason);
    this.#encoder.reset();
  }

  // ── Time ─────────────────────────────────────────────────────────────────────────────────────────────────────

  #await(what: Awaiting, ms: number): void {
    this.#awaiting = what;
    if (ms <= 0) this.#timer?.stop();
    else {
      this.#timer ??= this.#runtime.timers.lend(this);
      this.#timer.start(ms);
    }
  }

  #disarm(): void {
    this.#awaiting = Awaiting.Nothing;
    this.#timer?.stop();
  }

  onTimer(timer: StreamTimer): void {
    const { stats, config } = this.#runtime;
    switch (this.#awaiting) {
      case Awaiting.ResponseHead:
        this.#host?.stats.requestTimeout.add(1);
        this.#fail(Reason.GlobalTimeout);
        return;
      case Awaiting.RequestBody:
        if (this.#silent(timer, config.timeouts.body, this.#requestBlocked || this.#requestHolds > 0)) {
          stats.bodyTimeout.add(1);
          this.#fail(Reason.BodyTimeout);
        }
        return;
      case Awaiting.ResponseBody:
      case Awaiting.Tunnel: {
        const limit = this.#awaiting === Awaiting.Tunnel ? config.timeouts.tunnel_idle : config.timeouts.stream_idle;
        if (this.#silent(timer, limit, this.#responseBlocked || this.#responseHolds > 0)) {
          stats.streamIdleTimeout.add(1);
          if (!this.localReply({ reason: Reason.StreamIdleTimeout })) this.#abort(Reason.StreamIdleTimeout);
        }
      }
    }
  }

  /** Idle timers are not re-armed per chunk: when one fires it looks how long the silence has really been. */
  #silent(timer: StreamTimer, limit: number, waitingForUs: boolean): boolean {
    const left = limit - (this.clock.now() - this.#lastActivity);
    if (left <= 0 && !waitingForUs) return true;
    timer.start(left > 0 ? left : limit);
    return false;
  }

  // ── What filters see ─────────────────────────────────────────────────────────────────────────────────────────

  get over(): boolean {
    return this.#ended;
  }

  get requestOver(): boolean {
    return this.#ended || this.#requestUnwanted;
  }

  get connection(): Connection {
    return this.downstream;
  }

  get chosenHost(): Address | undefined {
    return this.#host?.address;
  }

  get route(): RouteInfo | undefined {
    const route = this.#route;
    if (route === undefined) return undefined;
    return {
      virtualHost: route.virtualHost,
      cluster: this.cluster,
      perFilterConfig: (type) => route.perFilterConfig(type),
    };
  }

  get state(): unknown[] {
    this.#state ??= [];
    return this.#state;
  }

  contextOf(filter: number): StreamContext {
    return this.#contexts[filter] as StreamContext;
  }

  resume(direction: Direction, filter: number): void {
    if (direction === Direction.Request) {
      if (!this.requestOver) this.#requestPass?.resume(filter);
    } else if (!this.#ended) this.#responsePass?.resume(filter);
  }

  heldBody(direction: Direction, filter: number): Buffer {
    return this.#pass(direction).heldBody(filter);
  }

  replaceHeldBody(direction: Direction, filter: number, body: Uint8Array): void {
    this.#pass(direction).replaceHeldBody(filter, body);
  }

  #pass(direction: Direction): FilterPass {
    const pass = direction === Direction.Request ? this.#requestPass : this.#responsePass;
    if (pass === undefined) throw new Error('no message passes the filters in this direction');
    return pass;
  }

  setFlag(bit: number): void {
    this.flags |= bit;
  }

  // ── The end ──────────────────────────────────────────────────────────────────────────────────────────────────

  #finish(reason: Reason): void {
    if (this.#ended) return;
    this.#ended = true;
    this.markEnd(reason);
    if (this.#timer !== undefined) this.#runtime.timers.giveBack(this.#timer);
    this.#timer = undefined;
    this.#upstream?.close();
    this.#settle(reason);
    for (let i = 0; i < this.#filters.length; i++) this.#complete(i, reason);
    for (const log of this.#runtime.accessLogs) log.log(this);
  }

  #settle(reason: Reason): void {
    const { stats } = this.#runtime;
    stats.requestActive.add(-1);
    if (this.#responseStarted && (reason === Reason.Completed || reason === this.#localReason)) {
      stats.requestCompleted.add(1);
      stats.code(this.responseCode);
    } else {
      stats.requestReset.add(1);
      if (this.responseCode === 0) this.responseCode = reason.status;
    }
    if (reason !== Reason.Completed) {
      stats.reason(reason);
      if (reason.failed) stats.requestFailed.add(1);
    }
    stats.times(this.duration, this.processTime);
  }

  // Callbacks that nobody waits for: what they throw, or reject later, is noted and changes nothing.

  #complete(filter: number, reason: Reason): void {
    try {
      this.#watch(this.#filters[filter]?.onComplete?.(this.contextOf(filter), reason));
    } catch (error) {
      this.#noteFault(error);
    }
  }

  #inform(filter: number, headers: ResponseHeaders): void {
    try {
      this.#watch(this.#filters[filter]?.onInformational?.(this.contextOf(filter), headers));
    } catch (error) {
      this.#noteFault(error);
    }
  }

  #watch(result: unknown): void {
    if (result instanceof Promise) result.catch((error: unknown) => this.#noteFault(error));
  }

  #noteFault(error: unknown): void {
    this.#runtime.stats.filterFault.add(1);
    this.#runtime.log.error({ err: error, stream: this.id }, 'stream filter failed');
  }
}
