/**
 * One upstream connection: joins the bytes of a `Connection` with the streams of a `ClientCodec` and belongs to a pool.
 *
 * Its life: being opened, then carrying a request or idle in turns, then gone. It is gone for the books from the moment
 * that it is given up, which is before the operating system has closed it: what comes next may take its place at once.
 */

import type { ConnectionHandler } from '../api/connection.ts';
import type { ClientCodec, ClientEvents, Protocol, RequestEncoder, ResponseReceiver } from '../api/protocol.ts';
import { CloseReason, Reason } from '../api/reason.ts';
import type { Clock } from '../api/timer.ts';
import type { Limit } from './circuit-breakers.ts';
import type { ConnectOptions, Connector, UpstreamOpener } from './connector.ts';
import type { Host, UpstreamConnection } from './host.ts';
import type { IdleNode } from './idle-list.ts';
import type { PooledClient, PoolWaiter } from './pool.ts';

/** The pool, as its connections see it. */
export interface ClientOwner {
  /** It is open and carries nothing yet. */
  onClientConnected(client: ClientConnection): void;
  /** It could not be opened; nothing else follows. */
  onClientFailed(client: ClientConnection, reason: Reason): void;
  /** Its request has ended and it can carry another. */
  onClientReady(client: ClientConnection): void;
  /** It is gone, perhaps without ever having been open; nothing else follows. */
  onClientGone(client: ClientConnection): void;
}

/**
 * How long bytes that are still queued may take to leave a connection that is given up. They are the last bytes of a
 * tunnel, or the rest of a request that nobody waits for any more.
 */
const FLUSH_MS = 2000;

export class ClientConnection
  implements PooledClient, ConnectionHandler, UpstreamOpener, ClientEvents, IdleNode<ClientConnection>
{
  readonly host: Host;
  reused: boolean;
  /** Given to a request that has not called `newStream` yet. */
  leased: boolean;
  /** The request that it is being opened for, when it is for one alone. */
  reservedFor: PoolWaiter | undefined;
  newer: ClientConnection | undefined;
  older: ClientConnection | undefined;
  idleSince: number;
  isIdle: boolean;
  readonly #owner: ClientOwner;
  readonly #protocol: Protocol;
  readonly #settings: unknown;
  /** The cluster's limit of requests: a slot is taken by the pool and given back when the stream ends. */
  readonly #requests: Limit;
  readonly #clock: Clock;
  /** Set once it is open. */
  #connection: UpstreamConnection | undefined;
  #codec: ClientCodec | undefined;
  #connecting: { cancel(): void } | undefined;
  #streams: number;
  /** A chunk is being read: what it brings is acted upon when the codec has seen all of it. */
  #reading: boolean;
  /** The last stream has ended since the owner was told so. */
  #freed: boolean;
  /** It must not carry another request. */
  #spent: boolean;
  #gone: boolean;
  #closeReason: CloseReason;
  /** What is counted already of the connection's bytes. */
  #bytesRead: number;
  #bytesWritten: number;

  constructor(owner: ClientOwner, host: Host, protocol: Protocol, settings: unknown, requests: Limit, clock: Clock) {
    this.host = host;
    this.reused = false;
    this.leased = false;
    this.reservedFor = undefined;
    this.newer = undefined;
    this.older = undefined;
    this.idleSince = 0;
    this.isIdle = false;
    this.#owner = owner;
    this.#protocol = protocol;
    this.#settings = settings;
    this.#requests = requests;
    this.#clock = clock;
    this.#connection = undefined;
    this.#codec = undefined;
    this.#connecting = undefined;
    this.#streams = 0;
    this.#reading = false;
    this.#freed = false;
    this.#spent = false;
    this.#gone = false;
    this.#closeReason = CloseReason.LocalClose;
    this.#bytesRead = 0;
    this.#bytesWritten = 0;
  }

  open(connector: Connector, options: ConnectOptions): void {
    this.#connecting = connector.connect(this.host, options, this, this);
  }

  get connection(): UpstreamConnection {
    return this.#connection as UpstreamConnection;
  }

  /** It has been open. */
  get connected(): boolean {
    return this.#connection !== undefined;
  }

  get gone(): boolean {
    return this.#gone;
  }

  newStream(receiver: ResponseReceiver): RequestEncoder {
    this.leased = false;
    this.#streams++;
    this.host.requestStarted();
    return (this.#codec as ClientCodec).newStream(receiver);
  }

  /** Gives the connection up. Streams that are open are reset when it closes. */
  discard(reason: CloseReason): void {
    if (this.#gone) return;
    const connection = this.#connection;
    if (connection === undefined) {
      this.#gone = true;
      this.#connecting?.cancel();
      this.#owner.onClientGone(this);
      return;
    }
    const wasBusy = this.#streams > 0;
    this.#leave(reason);
    if (wasBusy || connection.pending === 0) connection.destroy(reason);
    else this.#closeFlushing(connection, reason);
  }

  onConnected(connection: UpstreamConnection): void {
    this.#connection = connection;
    this.#connecting = undefined;
    this.#codec = this.#protocol.clientCodec(connection, this, this.#settings);
    this.host.connectionOpened();
    this.#owner.onClientConnected(this);
  }

  onFailed(reason: Reason): void {
    this.#gone = true;
    this.host.connectionFailed();
    this.#owner.onClientFailed(this, reason);
  }

  onData(chunk: Buffer): void {
    this.#reading = true;
    (this.#codec as ClientCodec).onData(chunk);
    this.#reading = false;
    this.#settle();
  }

  onEnd(): void {
    this.#spent = true;
    this.#closeReason = CloseReason.RemoteClose;
    this.#reading = true;
    (this.#codec as ClientCodec).onEnd();
    this.#reading = false;
    // A stream that is still open is a tunnel: it ends when its other half does.
    this.#settle();
  }

  onWritable(): void {
    (this.#codec as ClientCodec).onWritable();
  }

  onClose(reason: CloseReason): void {
    if (!this.#gone) this.#leave(reason);
    (this.#codec as ClientCodec).onClose(resetReason(reason));
  }

  onStreamEnd(reusable: boolean): void {
    if (this.#streams === 0) return;
    this.#endStream();
    this.#countBytes();
    this.#freed = true;
    this.reused = true;
    if (!reusable) this.#spent = true;
    // The slot of a spent connection is free at once: the same request may be about to be sent again.
    if (this.#spent || !this.#reading) this.#settle();
  }

  onUnusable(): void {
    this.#spent = true;
    if (!this.#reading) this.#settle();
  }

  onProtocolError(): void {
    this.discard(CloseReason.ProtocolError);
  }

  /** Acts on what a callback of the codec has brought. */
  #settle(): void {
    if (this.#gone || this.#streams > 0) return;
    if (this.#spent) this.discard(this.#closeReason);
    else if (this.#freed) {
      this.#freed = false;
      this.#owner.onClientReady(this);
    }
  }

  /** Takes it out of all books. */
  #leave(reason: CloseReason): void {
    this.#gone = true;
    this.#countBytes();
    this.host.connectionClosed(reason, this.#streams > 0);
    while (this.#streams > 0) this.#endStream();
    this.#owner.onClientGone(this);
  }

  #endStream(): void {
    this.#streams--;
    this.#requests.release();
    this.host.requestEnded();
  }

  #countBytes(): void {
    const { bytesRead, bytesWritten } = this.#connection as UpstreamConnection;
    this.host.countBytes(bytesRead - this.#bytesRead, bytesWritten - this.#bytesWritten);
    this.#bytesRead = bytesRead;
    this.#bytesWritten = bytesWritten;
  }

  #closeFlushing(connection: UpstreamConnection, reason: CloseReason): void {
    connection.close(reason);
    this.#clock.timer(() => connection.destroy(reason)).start(FLUSH_MS);
  }
}

/** Why streams are reset that were open when their connection closed; the codec refines it after a response head. */
function resetReason(reason: CloseReason): Reason {
  if (reason === CloseReason.Shutdown) return Reason.Shutdown;
  if (reason === CloseReason.Fault) return Reason.InternalError;
  return Reason.UpstreamReset;
}
