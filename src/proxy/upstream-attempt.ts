/**
 * One try to have a request answered by one host: waits for a connection, is handed the request, reports what comes
 * back. A stream has one attempt at a time; one that was given up never reports again.
 */

import type { Headers, ResponseHeaders } from '../api/headers.ts';
import type { Protocol, RequestEncoder, ResponseReceiver } from '../api/protocol.ts';
import { Reason } from '../api/reason.ts';
import type { Clock } from '../api/timer.ts';
import type { Host, UpstreamConnection } from '../upstream/host.ts';
import type { ConnectionPool, PooledClient, PoolWaiter } from '../upstream/pool.ts';

/** What an attempt reports to. */
export interface AttemptOwner {
  /** A connection is there: hand over the request. */
  onUpstreamReady(attempt: UpstreamAttempt, encoder: RequestEncoder): void;
  /** A 1xx head. */
  onUpstreamInformational(headers: ResponseHeaders): void;
  onUpstreamHeaders(attempt: UpstreamAttempt, headers: ResponseHeaders, end: boolean): void;
  onUpstreamData(chunk: Buffer, end: boolean): void;
  onUpstreamTrailers(trailers: Headers): void;
  /** The upstream takes more of the request. */
  onUpstreamWritable(): void;
  onUpstreamFailure(attempt: UpstreamAttempt, reason: Reason): void;
}

const Stage = { Waiting: 0, Open: 1, Over: 2 } as const;
type Stage = (typeof Stage)[keyof typeof Stage];

/** A response that is thrown away is read to its end when no more than this is left, so that its connection lives. */
const DISCARD_LIMIT = 65_536;

/** Statuses from here on are failures of the host. */
const SERVER_ERROR = 500;

export class UpstreamAttempt implements PoolWaiter, ResponseReceiver {
  readonly host: Host;
  readonly protocol: Protocol;
  readonly #clock: Clock;
  #owner: AttemptOwner | undefined;
  #stage: Stage = Stage.Waiting;
  #pool: ConnectionPool | undefined;
  #encoder: RequestEncoder | undefined;
  #discarded = 0;
  #startTime = 0;
  #status = 0;
  #written = false;
  #answered = false;
  #connection: UpstreamConnection | undefined;
  /** The connection had carried a request before, and how many bytes had been read from it then. */
  #reused = false;
  #readBefore = 0;

  constructor(owner: AttemptOwner, host: Host, protocol: Protocol, clock: Clock) {
    this.#owner = owner;
    this.host = host;
    this.protocol = protocol;
    this.#clock = clock;
  }

  /**
   * Asks the pool; `onUpstreamReady` or `onUpstreamFailure` may come before this returns.
   *
   * @param afresh on a connection that has carried nothing yet
   */
  start(pool: ConnectionPool, afresh: boolean): void {
    this.#pool = pool;
    if (afresh) pool.acquireNew(this);
    else pool.acquire(this);
  }

  /** Of the connection; 0 without one. For the access log. */
  get connectionId(): number {
    return this.#connection?.id ?? 0;
  }

  /** The host may have closed the connection as idle: it was an old one and not a byte of an answer has come. */
  get mayHaveRaced(): boolean {
    return this.#reused && this.#connection?.bytesRead === this.#readBefore;
  }

  /** Undefined while waiting for a connection and after the end. */
  get encoder(): RequestEncoder | undefined {
    return this.#encoder;
  }

  /** Ends the attempt from this side: the host's work for it is no longer wanted. */
  cancel(): void {
    this.#owner = undefined;
    const stage = this.#stage;
    this.#stage = Stage.Over;
    if (stage === Stage.Waiting) this.#pool?.cancel(this);
    else if (stage === Stage.Open) {
      if (!this.#answered) this.host.stats.requestLocalReset.add(1);
      this.#encoder?.reset();
    }
    this.#encoder = undefined;
  }

  /** Gives up the response whose head has just come. Its connection stays usable if the rest of it is short. */
  discard(headers: ResponseHeaders, end: boolean): void {
    if (end || headers.contentLength < 0 || headers.contentLength > DISCARD_LIMIT) {
      if (end) this.#over();
      else this.cancel();
    }
    this.#owner = undefined;
  }

  onPoolReady(client: PooledClient): void {
    const owner = this.#owner;
    if (owner === undefined) return;
    this.#stage = Stage.Open;
    this.#startTime = this.#clock.now();
    this.#reused = client.reused;
    this.#connection = client.connection;
    this.#readBefore = client.connection.bytesRead;
    this.#encoder = client.newStream(this);
    owner.onUpstreamReady(this, this.#encoder);
  }

  onPoolFailure(reason: Reason): void {
    const owner = this.#over();
    owner?.onUpstreamFailure(this, reason);
  }

  onInformational(headers: ResponseHeaders): void {
    this.#owner?.onUpstreamInformational(headers);
  }

  /** The request has been handed over whole. */
  requestWritten(): void {
    this.#written = true;
    if (this.#answered) this.#stage = Stage.Over;
  }

  /** The response is whole. Unless the request is too, there is still something to give up: a tunnel's other half. */
  #responseEnded(): void {
    this.#answered = true;
    if (this.#written) this.#stage = Stage.Over;
    const { stats } = this.host;
    if (this.#status < SERVER_ERROR) stats.responseSuccess.add(1);
    else stats.responseFailed.add(1);
    stats.requestDurationTime.observe(this.#clock.now() - this.#startTime);
  }

  onHeaders(headers: ResponseHeaders, end: boolean): void {
    this.#status = headers.status;
    if (end) this.#responseEnded();
    this.#owner?.onUpstreamHeaders(this, headers, end);
  }

  onData(chunk: Buffer, end: boolean): void {
    if (end) this.#responseEnded();
    if (this.#owner !== undefined) this.#owner.onUpstreamData(chunk, end);
    else if (!end) this.#countDiscarded(chunk.length);
  }

  onTrailers(trailers: Headers): void {
    this.#responseEnded();
    this.#owner?.onUpstreamTrailers(trailers);
  }

  onReset(reason: Reason): void {
    if (!this.#answered && reason !== Reason.Shutdown) this.host.stats.requestRemoteReset.add(1);
    const owner = this.#over();
    owner?.onUpstreamFailure(this, reason);
  }

  onWritable(): void {
    this.#owner?.onUpstreamWritable();
  }

  #countDiscarded(bytes: number): void {
    this.#discarded += bytes;
    if (this.#discarded > DISCARD_LIMIT) this.cancel();
  }

  #over(): AttemptOwner | undefined {
    const owner = this.#owner;
    this.#stage = Stage.Over;
    this.#owner = undefined;
    this.#encoder = undefined;
    return owner;
  }
}
