/** The two halves of a stream as its filter passes see them. */

import type { Headers } from '../api/headers.ts';
import { Reason } from '../api/reason.ts';
import { type FilterResult, Phase, type StreamFilter } from '../api/stream-filter.ts';
import type { DownstreamStream } from './downstream-stream.ts';
import type { PassOwner } from './filter-pass.ts';
import type { FilterStep } from './stream-filters.ts';

export class RequestPassOwner implements PassOwner {
  readonly #stream: DownstreamStream;

  constructor(stream: DownstreamStream) {
    this.#stream = stream;
  }

  get over(): boolean {
    return this.#stream.answered;
  }

  callHeaders(filter: StreamFilter, step: FilterStep, end: boolean): FilterResult | undefined {
    this.#stream.phase = step.phase;
    return filter.onRequestHeaders?.(this.#stream, this.#stream.requestHeaders, end);
  }

  callData(filter: StreamFilter, step: FilterStep, chunk: Buffer, end: boolean): FilterResult | undefined {
    this.#stream.phase = step.phase;
    return filter.onRequestData?.(this.#stream, chunk, end);
  }

  callTrailers(filter: StreamFilter, step: FilterStep, trailers: Headers): FilterResult | undefined {
    this.#stream.phase = step.phase;
    return filter.onRequestTrailers?.(this.#stream, trailers);
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
  readonly #stream: DownstreamStream;

  constructor(stream: DownstreamStream) {
    this.#stream = stream;
  }

  get over(): boolean {
    return this.#stream.over;
  }

  callHeaders(filter: StreamFilter, _step: FilterStep, end: boolean): FilterResult | undefined {
    this.#stream.phase = Phase.Send;
    return filter.onResponseHeaders?.(this.#stream, this.#stream.responseHeaders!, end);
  }

  callData(filter: StreamFilter, _step: FilterStep, chunk: Buffer, end: boolean): FilterResult | undefined {
    this.#stream.phase = Phase.Send;
    return filter.onResponseData?.(this.#stream, chunk, end);
  }

  callTrailers(filter: StreamFilter, _step: FilterStep, trailers: Headers): FilterResult | undefined {
    this.#stream.phase = Phase.Send;
    return filter.onResponseTrailers?.(this.#stream, trailers);
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
