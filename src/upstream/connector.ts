/** Opens connections to hosts: resolves a name where the address is one, then dials the address. */

import { type Address, tcpAddress } from '../api/address.ts';
import type { ConnectionHandler } from '../api/connection.ts';
import { Reason } from '../api/reason.ts';
import type { Clock, TimerHandle } from '../api/timer.ts';
import type { Host, UpstreamConnection } from './host.ts';
import type { Family, Resolver, ResolveWaiter } from './resolver.ts';

export interface UpstreamOpener {
  onConnected(connection: UpstreamConnection): void;
  onFailed(reason: Reason): void;
}

export interface ConnectOptions {
  /** Milliseconds. */
  readonly connectTimeout: number;
  /** Name of the cluster. */
  readonly owner: string;
  /** Which addresses of a name are preferred. */
  readonly family: Family;
}

/**
 * Connects to an IP literal or a unix socket. Later, never before this returns, exactly one callback of `opener`
 * follows; `cancel` makes neither follow.
 */
export type Dial = (
  address: Address,
  options: ConnectOptions,
  handler: ConnectionHandler,
  opener: UpstreamOpener,
) => { cancel(): void };

export class Connector {
  readonly dial: Dial;
  readonly resolver: Resolver;
  readonly clock: Clock;

  constructor(dial: Dial, resolver: Resolver, clock: Clock) {
    this.dial = dial;
    this.resolver = resolver;
    this.clock = clock;
  }

  /** As `Dial`; the time-out covers resolving and connecting together. */
  connect(host: Host, options: ConnectOptions, handler: ConnectionHandler, opener: UpstreamOpener): { cancel(): void } {
    if (!host.isName) return this.dial(host.address, options, handler, opener);
    const connecting = new NamedConnect(this, host.address, options, handler, opener);
    connecting.start();
    return connecting;
  }
}

/** One connect to a host whose address is a name. */
class NamedConnect implements ResolveWaiter {
  readonly family: Family;
  readonly #connector: Connector;
  readonly #address: Address;
  readonly #options: ConnectOptions;
  readonly #handler: ConnectionHandler;
  readonly #opener: UpstreamOpener;
  readonly #startedAt: number;
  /** Runs while the name is being resolved. */
  readonly #timer: TimerHandle;
  #failure: Reason;
  #dialing: { cancel(): void } | undefined;

  constructor(
    connector: Connector,
    address: Address,
    options: ConnectOptions,
    handler: ConnectionHandler,
    opener: UpstreamOpener,
  ) {
    this.family = options.family;
    this.#connector = connector;
    this.#address = address;
    this.#options = options;
    this.#handler = handler;
    this.#opener = opener;
    this.#startedAt = connector.clock.now();
    this.#timer = connector.clock.timer(() => this.#fail());
    this.#failure = Reason.ConnectTimeout;
  }

  start(): void {
    this.#timer.start(this.#options.connectTimeout);
    this.#connector.resolver.resolve(this.#address.host, this);
  }

  cancel(): void {
    this.#timer.stop();
    this.#connector.resolver.cancel(this.#address.host, this);
    this.#dialing?.cancel();
  }

  onResolved(literal: string | undefined): void {
    if (literal === undefined) {
      // Not at once: a known failure is answered before `connect` has returned.
      this.#failure = Reason.ConnectFailed;
      this.#timer.start(0);
      return;
    }
    this.#timer.stop();
    const { dial, clock } = this.#connector;
    const connectTimeout = Math.max(1, this.#options.connectTimeout - (clock.now() - this.#startedAt));
    const options = { ...this.#options, connectTimeout };
    this.#dialing = dial(tcpAddress(literal, this.#address.port), options, this.#handler, this.#opener);
  }

  #fail(): void {
    this.#connector.resolver.cancel(this.#address.host, this);
    this.#opener.onFailed(this.#failure);
  }
}
