/** Opens upstream connections, to address literals: names are resolved by whoever asks. */

import net from 'node:net';
import type { Address } from '../api/address.ts';
import type { ConnectionHandler } from '../api/connection.ts';
import type { ConnectionOpener } from '../api/factory.ts';
import { Reason } from '../api/reason.ts';
import type { TimerHandle } from '../api/timer.ts';
import { clock } from './clock.ts';
import { type ConnectionOptions, StreamConnection } from './connection.ts';
import { reportFault } from './fault.ts';
import { NO_ADDRESS, SOCKET_OPTIONS, SocketTransport } from './socket-transport.ts';
import { type Flushable, turn } from './turn.ts';

export interface DialOptions extends ConnectionOptions {
  /** Milliseconds until `Reason.ConnectTimeout`. */
  readonly connectTimeout: number;
}

/**
 * Connects. Later, never before this returns, exactly one of the opener's callbacks follows, unless `cancel` is
 * called first. The handler may be replaced at any time (`connection.handler`).
 */
export function dial(
  address: Address,
  options: DialOptions,
  handler: ConnectionHandler,
  opener: ConnectionOpener,
): { cancel(): void } {
  return new Dial(address, options, handler, opener);
}

class Dial implements Flushable {
  nextFlush: Flushable | null = null;
  flushQueued = false;
  readonly #address: Address;
  readonly #options: DialOptions;
  readonly #handler: ConnectionHandler;
  readonly #opener: ConnectionOpener;
  readonly #transport: SocketTransport;
  readonly #timer: TimerHandle;
  #socket: net.Socket | undefined;
  #done = false;

  constructor(address: Address, options: DialOptions, handler: ConnectionHandler, opener: ConnectionOpener) {
    this.#address = address;
    this.#options = options;
    this.#handler = handler;
    this.#opener = opener;
    this.#transport = new SocketTransport(true);
    this.#timer = clock.timer(() => this.#fail(Reason.ConnectTimeout));
    const { host, port, path } = address;
    const target: object = path !== '' ? { path } : { host, port, autoSelectFamily: false };
    try {
      this.#socket = net.connect({ ...SOCKET_OPTIONS, ...target, onread: this.#transport.onreadOption() } as never);
    } catch {
      // Not an address that can be connected to; told at the end of the turn.
      turn.flushLater(this);
      return;
    }
    this.#socket.once('connect', () => this.#succeed());
    this.#socket.on('error', () => this.#fail(Reason.ConnectFailed));
    this.#timer.start(options.connectTimeout);
  }

  cancel(): void {
    if (this.#done) return;
    this.#end();
    this.#socket?.destroy();
  }

  flush(): void {
    this.#fail(Reason.ConnectFailed);
  }

  #succeed(): void {
    turn.enter();
    if (this.#done) return;
    this.#end();
    const socket = this.#socket as net.Socket;
    socket.removeAllListeners('error');
    this.#transport.attach(socket, this.#address, NO_ADDRESS);
    const connection = new StreamConnection(this.#transport, this.#handler, this.#options);
    try {
      this.#opener.onConnected(connection);
    } catch (error) {
      connection.fail(error);
    }
  }

  #fail(reason: Reason): void {
    turn.enter();
    if (this.#done) return;
    this.#end();
    this.#socket?.destroy();
    try {
      this.#opener.onFailed(reason);
    } catch (error) {
      reportFault(error, 'dial');
    }
  }

  #end(): void {
    this.#done = true;
    this.#timer.stop();
  }
}
