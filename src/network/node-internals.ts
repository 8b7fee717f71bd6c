/**
 * The only file that uses what Node does not document. Each door has a public way beside it that is slower and never
 * wrong; which one is open is found out by a self test before the first listener listens (`accepted-reader.ts`).
 */

import net from 'node:net';

/** What libuv hands over for an accepted connection. */
export interface AcceptedHandle {
  readonly fd: number;
  close(): void;
}

interface Internals {
  _handle?: {
    onconnection?: (error: number, handle: AcceptedHandle) => void;
    setNoDelay?(on: boolean): void;
    setKeepAlive?(on: boolean, initialDelaySeconds: number): void;
    writeQueueSize?: number;
    fd?: number;
  } | null;
}

/**
 * Takes over what a listening server does with accepted connections, so that their sockets can be made with `onread`
 * (which `net.createServer` cannot). Returns false when this Node has no such door.
 */
export function interceptAccept(
  server: net.Server,
  keepAliveSeconds: number,
  accept: (handle: AcceptedHandle) => void,
): boolean {
  const listening = (server as Internals)._handle;
  if (typeof listening?.onconnection !== 'function') return false;
  // Accepted sockets inherit these from the listening one: five system calls less for each.
  listening.setNoDelay?.(true);
  listening.setKeepAlive?.(true, keepAliveSeconds);
  listening.onconnection = (error, handle) => {
    if (!error) accept(handle);
  };
  return true;
}

/** Makes the socket of an accepted connection; it does not read until `read(0)`. */
export function socketOf(handle: AcceptedHandle, onread: net.OnReadOpts): net.Socket {
  const options: object = { handle, onread, manualStart: true, allowHalfOpen: true, writableHighWaterMark: 1 };
  return new net.Socket(options);
}

/** Bytes of pending writes that the operating system has not taken; undefined when Node does not tell. */
export function writeQueueSize(socket: net.Socket): number | undefined {
  return (socket as Internals)._handle?.writeQueueSize;
}

/** The file descriptor of a socket, -1 when Node does not tell. */
export function descriptorOf(socket: net.Socket): number {
  return (socket as Internals)._handle?.fd ?? -1;
}
