/** A stream as one of its filters sees it: what this filter resumes, reads or replaces is its own and never another's. */

import type { Address } from '../api/address.ts';
import type { Connection } from '../api/connection.ts';
import type { RequestHeaders, ResponseHeaders } from '../api/headers.ts';
import { Direction, type LocalReply, type Phase, type RouteInfo, type StreamContext } from '../api/stream-filter.ts';
import type { FilteredStream } from './pass-owners.ts';

export class FilterContext implements StreamContext {
  readonly #stream: FilteredStream;
  /** Which of the stream's filters. */
  readonly #filter: number;

  constructor(stream: FilteredStream, filter: number) {
    this.#stream = stream;
    this.#filter = filter;
  }

  get id(): number {
    return this.#stream.id;
  }

  get connection(): Connection {
    return this.#stream.connection;
  }

  get protocol(): string {
    return this.#stream.protocol;
  }

  get requestHeaders(): RequestHeaders {
    return this.#stream.requestHeaders;
  }

  get responseHeaders(): ResponseHeaders | undefined {
    return this.#stream.responseHeaders;
  }

  get phase(): Phase {
    return this.#stream.phase;
  }

  get route(): RouteInfo | undefined {
    return this.#stream.route;
  }

  get chosenHost(): Address | undefined {
    return this.#stream.chosenHost;
  }

  get isLocalReply(): boolean {
    return this.#stream.isLocalReply;
  }

  get state(): unknown[] {
    return this.#stream.state;
  }

  continueRequest(): void {
    this.#stream.resume(Direction.Request, this.#filter);
  }

  continueResponse(): void {
    this.#stream.resume(Direction.Response, this.#filter);
  }

  localReply(reply: LocalReply): boolean {
    return this.#stream.localReply(reply);
  }

  terminate(): void {
    this.#stream.terminate();
  }

  heldBody(direction: Direction): Buffer {
    return this.#stream.heldBody(direction, this.#filter);
  }

  replaceHeldBody(direction: Direction, body: Uint8Array): void {
    this.#stream.replaceHeldBody(direction, this.#filter, body);
  }

  getVariable(name: string): string | undefined {
    return this.#stream.getVariable(name);
  }

  setVariable(name: string, value: string): void {
    this.#stream.setVariable(name, value);
  }

  setFlag(bit: number): void {
    this.#stream.setFlag(bit);
  }
}
