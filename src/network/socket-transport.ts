/** A transport over a TCP or unix socket, accepted or connected. */

import type net from 'node:net';
import { type Address, tcpAddress, unixAddress } from '../api/address.ts';
import { CloseReason } from '../api/reason.ts';
import { type BufferOwner, bufferPool, type PooledBuffer } from './buffer-pool.ts';
import { writeQueueSize } from './node-internals.ts';
import { type Part, reading, type Transport, type TransportReceiver } from './transport.ts';
import { turn } from './turn.ts';

/**
 * What every socket is made with. With a writable high watermark of 1, `write` returns false exactly when bytes stay
 * pending, and 'drain' says that none are left: no callback per write is needed.
 */
export const SOCKET_OPTIONS = {
  allowHalfOpen: true,
  noDelay: true,
  keepAlive: true,
  keepAliveInitialDelay: 15_000,
  writableHighWaterMark: 1,
} as const;

/** Memory that all sockets of the thread read into: what must outlive the read callback is copied. */
const sharedMemory: Buffer = Buffer.allocUnsafeSlow(65_536);

/** What the unnamed end of a unix socket has. */
export const NO_ADDRESS: Address = unixAddress('');

const TRANSPORT = Symbol('transport');
type TransportSocket = net.Socket & { [TRANSPORT]: SocketTransport };

export class SocketTransport implements Transport, BufferOwner {
  remoteAddress: Address = NO_ADDRESS;
  #localAddress: Address | null = null;
  #assumedAddress: Address = NO_ADDRESS;
  #socket: TransportSocket | null = null;
  #receiver: TransportReceiver | null = null;
  /** What is read into: a private buffer, or null for the shared memory. */
  #buffer: PooledBuffer | null = null;
  /** What Node is to read into from the next read on, when that changes. */
  #nextMemory: Buffer | undefined = sharedMemory;
  #bulk = false;
  #inRead = false;
  #paused = false;
  #ended = false;
  #closed = false;
  /** Whether the socket reads by `onread`; else by 'data' events. */
  readonly #onread: boolean;

  constructor(onread: boolean) {
    this.#onread = onread;
  }

  /** The option with which the socket is to be made that `attach` is given. */
  onreadOption(): net.OnReadOpts {
    return {
      // Asked for once at the start and after every callback; undefined keeps the buffer.
      buffer: () => {
        const next = this.#nextMemory;
        this.#nextMemory = undefined;
        return next as Buffer;
      },
      callback: (length) => this.#onRead(length),
    };
  }

  /**
   * Gives this transport its socket; once, before `open`. `localAddress` is the answer when the socket knows none: it
   * is a unix one, or closed.
   */
  attach(socket: net.Socket, remoteAddress: Address, localAddress: Address): void {
    const own = socket as TransportSocket;
    this.remoteAddress = remoteAddress;
    this.#assumedAddress = localAddress;
    own[TRANSPORT] = this;
    this.#socket = own;
    own.on('end', onEnd);
    own.on('error', onError);
    own.on('close', onClose);
  }

  open(receiver: TransportReceiver): void {
    this.#receiver = receiver;
    const socket = this.#socket as TransportSocket;
    if (!this.#onread) socket.on('data', onData);
    else if (!this.#paused) socket.read(0);
  }

  get localAddress(): Address {
    if (this.#localAddress === null) {
      const { localAddress, localPort } = this.#socket as TransportSocket;
      this.#localAddress =
        localAddress === undefined ? this.#assumedAddress : socketAddress(localAddress, localPort as number);
    }
    return this.#localAddress;
  }

  writeText(text: string): boolean {
    const socket = this.#socket as TransportSocket;
    return socket.write(text, 'latin1') || this.#isTaken(socket);
  }

  writeBytes(bytes: Uint8Array): boolean {
    const socket = this.#socket as TransportSocket;
    return socket.write(bytes) || this.#isTaken(socket);
  }

  writeParts(parts: Part[]): boolean {
    const socket = this.#socket as TransportSocket;
    socket.cork();
    for (let i = 0; i < parts.length; i++) {
      const part = parts[i] as Part;
      if (typeof part === 'string') socket.write(part, 'latin1');
      else socket.write(part);
    }
    socket.uncork();
    return this.#isTaken(socket);
  }

  /** After a write that returned false: nothing pending after all (or no socket any more, which 'error' tells). */
  #isTaken(socket: TransportSocket): boolean {
    if (socket.writableLength === 0) return true;
    socket.once('drain', onDrain);
    return false;
  }

  get backlog(): number {
    const socket = this.#socket as TransportSocket;
    return writeQueueSize(socket) ?? socket.writableLength;
  }

  pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    if (!this.#ended) (this.#socket as TransportSocket).pause();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    if (!this.#ended) this.#startReading();
  }

  /** The buffer of this transport is its own again. */
  onBufferFree(): void {
    if (!this.#paused && !this.#closed) this.#startReading();
  }

  bulk(on: boolean): void {
    this.#bulk = on;
  }

  end(): void {
    (this.#socket as TransportSocket).end();
  }

  destroy(): void {
    this.#closed = true;
    (this.#socket as TransportSocket).destroy();
    // Whoever called may still pass on what is being read: the end of the read callback gives the buffer back.
    if (!this.#inRead) this.#releaseBuffer();
  }

  #startReading(): void {
    const socket = this.#socket as TransportSocket;
    if (!this.#onread) {
      socket.resume();
      return;
    }
    const buffer = this.#buffer;
    // A write of what was read last is still pending; only a source that was paused for it can come here.
    if (buffer !== null && buffer.users > 1) buffer.onSoleUser = this;
    else socket.read(0);
  }

  #onRead(length: number): boolean {
    turn.enter();
    if (this.#closed || this.#receiver === null) return true;
    const buffer = this.#buffer;
    const memory = buffer === null ? sharedMemory : buffer.bytes;
    this.#inRead = true;
    reading.memory = memory.buffer;
    reading.lender = buffer;
    this.#receiver.onRead(memory.subarray(0, length));
    reading.memory = null;
    reading.lender = null;
    this.#inRead = false;
    if (this.#bulk || buffer !== null) this.#chooseBuffer(length === memory.length);
    return true;
  }

  /**
   * After a read callback: what the next read goes to. Only a read that filled its memory says that more is there, so
   * that a connection which falls silent is never left with a private buffer.
   */
  #chooseBuffer(filled: boolean): void {
    const buffer = this.#buffer;
    if (this.#closed || !this.#bulk || !filled) {
      if (buffer === null) return;
      this.#releaseBuffer();
      this.#nextMemory = sharedMemory;
      return;
    }
    // While paused the buffer is kept, also when a pending write lies in it: that write is what one waits for.
    if (buffer !== null && (buffer.users === 1 || this.#paused)) return;
    this.#releaseBuffer();
    this.#buffer = bufferPool.takeBulk() ?? null;
    this.#nextMemory = this.#buffer === null ? sharedMemory : this.#buffer.bytes;
  }

  #releaseBuffer(): void {
    this.#buffer?.release();
    this.#buffer = null;
  }

  onSocketData(chunk: Buffer): void {
    turn.enter();
    if (!this.#closed) this.#receiver?.onRead(chunk);
  }

  onSocketEnd(): void {
    turn.enter();
    this.#ended = true;
    if (!this.#closed) this.#receiver?.onEnd();
  }

  onSocketDrain(): void {
    turn.enter();
    if (!this.#closed) this.#receiver?.onDrain();
  }

  onSocketClosed(reason: CloseReason): void {
    turn.enter();
    if (this.#closed) return;
    this.#closed = true;
    this.#releaseBuffer();
    this.#receiver?.onClosed(reason);
  }
}

// Shared by all sockets: a closure of each socket for each event would double what an idle connection costs.

function onData(this: net.Socket, chunk: Buffer): void {
  (this as TransportSocket)[TRANSPORT].onSocketData(chunk);
}

function onEnd(this: net.Socket): void {
  (this as TransportSocket)[TRANSPORT].onSocketEnd();
}

function onDrain(this: net.Socket): void {
  (this as TransportSocket)[TRANSPORT].onSocketDrain();
}

function onError(this: net.Socket, error: NodeJS.ErrnoException): void {
  const reason = error.syscall === 'read' ? CloseReason.RemoteReset : CloseReason.WriteError;
  (this as TransportSocket)[TRANSPORT].onSocketClosed(reason);
}

function onClose(this: net.Socket): void {
  (this as TransportSocket)[TRANSPORT].onSocketClosed(CloseReason.RemoteClose);
}

/** The address of the peer of an accepted socket; a client of a unix socket has none. */
export function remoteAddressOf(socket: net.Socket): Address {
  const { remoteAddress, remotePort } = socket;
  return remoteAddress === undefined ? NO_ADDRESS : socketAddress(remoteAddress, remotePort as number);
}

/** An IPv4 peer of a socket that listens on IPv6 is an IPv4 peer. */
function socketAddress(host: string, port: number): Address {
  return tcpAddress(host.startsWith('::ffff:') && host.includes('.') ? host.slice(7) : host, port);
}
