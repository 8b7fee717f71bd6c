/** The facts of one stream, as access logs, variables and statistics read them. */

import { threadId } from 'node:worker_threads';
import type { Connection } from '../api/connection.ts';
import type { RequestHeaders, ResponseHeaders } from '../api/headers.ts';
import { Reason } from '../api/reason.ts';
import type { Clock } from '../api/timer.ts';
import type { StreamInfo } from '../observe/stream-info.ts';
import { resolveVariable } from '../observe/variables.ts';

const ID_BASE = threadId * 2 ** 40;
let lastId = 0;

/** A moment that has not come. */
const NEVER = -1;

export class StreamRecord implements StreamInfo {
  readonly id: number = ID_BASE + ++lastId;
  readonly downstream: Connection;
  readonly protocol: string;
  readonly listener: string;
  protected readonly clock: Clock;

  readonly startTime: number;
  // Milliseconds of the clock.
  readonly #start: number;
  #requestReceivedAt: number = NEVER;
  #upstreamStartAt: number = NEVER;
  #responseReceivedAt: number = NEVER;
  #endAt: number = NEVER;

  bytesReceived = 0;
  bytesSent = 0;
  responseCode = 0;
  flags = 0;
  reason: Reason = Reason.Completed;
  retries = 0;
  requestHeaders: RequestHeaders | undefined = undefined;
  responseHeaders: ResponseHeaders | undefined = undefined;
  /** Path without query, in the form that routes match. */
  normalizedPath = '';
  originalPath = '';
  cluster = '';
  upstreamProtocol = '';
  upstreamHost = '';
  upstreamHostname = '';
  upstreamConnectionId = 0;
  variables: Map<string, string> | undefined = undefined;

  constructor(downstream: Connection, protocol: string, listener: string, clock: Clock) {
    this.downstream = downstream;
    this.protocol = protocol;
    this.listener = listener;
    this.clock = clock;
    this.startTime = clock.wallTime();
    this.#start = clock.now();
  }

  markRequestReceived(): void {
    this.#requestReceivedAt = this.clock.now();
  }

  /** The first attempt has got its connection. */
  markUpstreamStart(): void {
    if (this.#upstreamStartAt === NEVER) this.#upstreamStartAt = this.clock.now();
  }

  markResponseReceived(): void {
    this.#responseReceivedAt = this.clock.now();
  }

  markEnd(reason: Reason): void {
    this.reason = reason;
    this.flags |= reason.flag;
    this.#endAt = this.clock.now();
  }

  /** The record of a request that a codec refused: it began and ended in one moment. */
  refuse(reason: Reason): void {
    this.responseCode = reason.status;
    this.markEnd(reason);
  }

  get requestReceived(): number {
    return this.#since(this.#requestReceivedAt);
  }

  get responseReceived(): number {
    return this.#since(this.#responseReceivedAt);
  }

  get duration(): number {
    return this.#since(this.#endAt);
  }

  get processTime(): number {
    if (this.#upstreamStartAt === NEVER) return this.duration;
    const answered = this.#responseReceivedAt === NEVER ? this.#endAt : this.#responseReceivedAt;
    return this.duration - (answered - this.#upstreamStartAt);
  }

  #since(moment: number): number {
    return moment === NEVER ? 0 : moment - this.#start;
  }

  get connectionId(): number {
    return this.downstream.id;
  }

  get localAddress(): string {
    return this.downstream.localAddress.text;
  }

  get remoteAddress(): string {
    return this.downstream.remoteAddress.text;
  }

  getVariable(name: string): string | undefined {
    const own = this.variables?.get(name);
    if (own !== undefined) return own;
    const value = resolveVariable(name)(this);
    return value === '-' ? undefined : value;
  }

  setVariable(name: string, value: string): void {
    this.variables ??= new Map();
    this.variables.set(name, value);
  }
}
