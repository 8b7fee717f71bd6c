/** The network filters of one downstream connection. */

import {
  type Connection,
  type ConnectionHandler,
  type NetworkFilter,
  type NetworkFilterChain,
  NetworkStatus,
} from '../api/connection.ts';
import type { CloseReason } from '../api/reason.ts';
import type { StreamConnection } from './connection.ts';

/** A filter as compiled from the configuration: makes the instance of one connection. */
export type NetworkFilterMaker = (connection: Connection, chain: NetworkFilterChain) => NetworkFilter;

/** Chooses the filters of a connection; undefined: none fits, the connection is closed. */
export interface FilterChainMatcher {
  match(connection: Connection): readonly NetworkFilterMaker[] | undefined;
}

/** The matcher of a listener that has one chain, which takes every connection. */
export class SingleChain implements FilterChainMatcher {
  readonly #makers: readonly NetworkFilterMaker[];

  constructor(makers: readonly NetworkFilterMaker[]) {
    this.#makers = makers;
  }

  match(): readonly NetworkFilterMaker[] {
    return this.#makers;
  }
}

export class FilterChain implements ConnectionHandler, NetworkFilterChain {
  readonly #filters: NetworkFilter[] = [];
  /** Filters that have been told of the connection; the ones after are told when bytes first reach them. */
  #told = 0;

  /**
   * Makes the filters and tells them of the connection, in order, until one says Stop. A filter that stands alone
   * and has all callbacks becomes the connection's handler itself.
   */
  start(connection: StreamConnection, makers: readonly NetworkFilterMaker[]): void {
    for (const make of makers) this.#filters.push(make(connection, this));
    const only = this.#filters[0];
    if (makers.length === 1 && only !== undefined && isHandler(only)) connection.handler = only;
    while (this.#told < this.#filters.length && this.#tellNext() === NetworkStatus.Continue);
  }

  continueReading(filter: NetworkFilter, chunk: Buffer): void {
    this.#read(this.#filters.indexOf(filter) + 1, chunk);
  }

  onData(chunk: Buffer): void {
    this.#read(0, chunk);
  }

  onEnd(): void {
    for (const filter of this.#filters) filter.onEnd?.();
  }

  onWritable(): void {
    for (const filter of this.#filters) filter.onWritable?.();
  }

  onClose(reason: CloseReason): void {
    for (const filter of this.#filters) filter.onClose?.(reason);
  }

  onDrain(): void {
    for (const filter of this.#filters) filter.onDrain?.();
  }

  #read(from: number, chunk: Buffer): void {
    const filters = this.#filters;
    for (let i = from; i < filters.length; i++) {
      if (i >= this.#told && this.#tellNext() === NetworkStatus.Stop) return;
      const filter = filters[i] as NetworkFilter;
      if (filter.onData !== undefined && filter.onData(chunk) === NetworkStatus.Stop) return;
    }
  }

  #tellNext(): NetworkStatus {
    const filter = this.#filters[this.#told++] as NetworkFilter;
    return filter.onNewConnection?.() ?? NetworkStatus.Continue;
  }
}

function isHandler(filter: NetworkFilter): filter is NetworkFilter & ConnectionHandler {
  return Boolean(filter.onData && filter.onEnd && filter.onWritable && filter.onClose);
}
