/** The two halves of a stream as its filter passes see them. */

import type { Headers, RequestHeaders, ResponseHeaders } from '../api/headers.ts';
import { Reason } from '../api/reason.ts';
import {
  type Direction,
  type FilterResult,
  Phase,
  type StreamContext,
  type StreamFilter,
} from '../api/stream-filter.ts';
import type { PassOwner } from './filter-pass.ts';
import type { FilterStep } from './stream-filters.ts';

/** What the passes and the contexts of the filters need of the stream. Filters are named by their numbers. */
export interface FilteredStream
  extends Omit<StreamContext, 'continueRequest' | 'continueResponse' | 'heldBody' | 'replaceHeldBody'> {
  phase: Phase;
  readonly requestHeaders: RequestHeaders;
  readonly responseHeaders: ResponseHeaders | undefined;
  readonly over: boolean;
  /** Nobody wants the rest of the request. */
  readonly requestOver: boolean;
  /** The proxy's own steps; false when they answered the stream. */
  matchRoute(): boolean;
  chooseHost(): boolean;
  /** Counts a re-match or re-choose; false when there were too many. */
  mayReenter(): boolean;
  forwardHeaders(end: boolean): void;
  forwardData(chunk: Buffer, end: boolean): void;
  forwardTrailers(trailers: Headers): void;
  sendHeaders(end: boolean): void;
  sendData(chunk: Buffer, end: boolean): void;
  sendTrailers(trailers: Headers): void;
  contextOf(filter: number): StreamContext;
  /** A filter lets go of what it holds. */
  resume(direction: Direction, filter: number): void;
  heldBody(direction: Direction, filter: number): Buffer;
  replaceHeldBody(direction: Direction, filter: number, body: Uint8Array): void;
  /** A filter begins (1) or ends (-1) to hold a side. */
  holdRequest(by: 1 | -1): void;
  holdResponse(by: 1 | -1): void;
  overflow(reason: Reason): void;
  fault(error: unknown): void;
}

export class RequestPassOwner implements PassOwner {
  readonly #stream: FilteredStream;

  constructor(stream: FilteredStream) {
    this.#stream = stream;
  }

  get over(): boolean {
    return this.#stream.requestOver;
  }

  callHeaders(filter: StreamFilter, step: FilterStep, end: boolean): FilterResult | undefined {
    this.#stream.phase = step.phase;
    return filter.onRequestHeaders?.(this.#stream.contextOf(step.filter), this.#stream.requestHeaders, end);
  }

  callData(filter: StreamFilter, step: FilterStep, chunk: Buffer, end: boolean): FilterResult | undefined {
    this.#stream.phase = step.phase;
    return filter.onRequestData?.(this.#stream.contextOf(step.filter), chunk, end);
  }

  callTrailers(filter: StreamFilter, step: FilterStep, trailers: Headers): FilterResult | undefined {
    this.#stream.phase = step.phase;
    return filter.onRequestTrailers?.(this.#stream.contextOf(step.filter), trailers);
  }

  runOwnStep(step: FilterStep): boolean {
    return step.own === 'match' ? this.#stream.matchRoute() : this.#stream.chooseHost();
  }

  mayReenter(): boolean {
    return this.#stream.mayReenter();
  }

  emitHeaders(end: boolean): void {
    this.#stream.forwardHeaders(end);
  }

  emitData(chunk: Buffer, end: boolean): void {
    this.#stream.forwardData(chunk, end);
  }

  emitTrailers(trailers: Headers): void {
    this.#stream.forwardTrailers(trailers);
  }

  pauseSource(): void {
    this.#stream.holdRequest(1);
  }

  resumeSource(): void {
    this.#stream.holdRequest(-1);
  }

  terminate(): void {
    this.#stream.terminate();
  }

  overflow(): void {
    this.#stream.overflow(Reason.BodyTooLarge);
  }

  fault(error: unknown): void {
    this.#stream.fault(error);
  }

  setContentLength(length: number): void {
    this.#stream.requestHeaders.contentLength = length;
  }
}

export class ResponsePassOwner implements PassOwner {
  readonly #stream: FilteredStream;

  constructor(stream: FilteredStream) {
    this.#stream = stream;
  }

  get over(): boolean {
    return this.#stream.over;
  }

  callHeaders(filter: StreamFilter, step: FilterStep, end: boolean): FilterResult | undefined {
    this.#stream.phase = Phase.Send;
    return filter.onResponseHeaders?.(this.#stream.contextOf(step.filter), this.#stream.responseHeaders!, end);
  }

  callData(filter: StreamFilter, step: FilterStep, chunk: Buffer, end: boolean): FilterResult | undefined {
    this.#stream.phase = Phase.Send;
    return filter.onResponseData?.(this.#stream.contextOf(step.filter), chunk, end);
  }

  callTrailers(filter: StreamFilter, step: FilterStep, trailers: Headers): FilterResult | undefined {
    this.#stream.phase = Phase.Send;
    return filter.onResponseTrailers?.(this.#stream.contextOf(step.filter), trailers);
  }

  /** The response side has none. */
  runOwnStep(): boolean {
    return true;
  }

  mayReenter(): boolean {
    return this.#stream.mayReenter();
  }

  emitHeaders(end: boolean): void {
    this.#stream.sendHeaders(end);
  }

  emitData(chunk: Buffer, end: boolean): void {
    this.#stream.sendData(chunk, end);
  }

  emitTrailers(trailers: Headers): void {
    this.#stream.sendTrailers(trailers);
  }

  pauseSource(): void {
    this.#stream.holdResponse(1);
  }

  resumeSource(): void {
    this.#stream.holdResponse(-1);
  }

  terminate(): void {
    this.#stream.terminate();
  }

  overflow(): void {
    this.#stream.overflow(Reason.ResponseTooLarge);
  }

  fault(error: unknown): void {
    this.#stream.fault(error);
  }

  setContentLength(length: number): void {
    this.#stream.responseHeaders!.contentLength = length;
  }
}
