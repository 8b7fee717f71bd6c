/**
 * How accepted sockets are read. `onread` reads into memory of ours and is what makes HTTP/1 as cheap as it is, but for
 * accepted sockets Node offers no public way to it. So: the private way (`node-internals.ts`) when a self test finds
 * it working, else public 'data' events. `WEFT_READER=data` in the environment forces the latter.
 *
 * Of the private ways this one, making the socket from the accepted handle, costs the least per connection.
 */

import net from 'node:net';
import type { Address } from '../api/address.ts';
import { reportFault } from './fault.ts';
import { type AcceptedHandle, descriptorOf, interceptAccept, socketOf } from './node-internals.ts';
import { NO_ADDRESS, remoteAddressOf, SOCKET_OPTIONS, SocketTransport } from './socket-transport.ts';
import type { TransportReceiver } from './transport.ts';

export type AcceptedReader = 'onread' | 'data';

/** Who takes accepted connections. */
export interface AcceptTarget {
  /** Where it listens. */
  readonly address: Address;
  /** Asked first; when false the connection is closed unseen. `descriptor` is -1 when it is not known. */
  admits(descriptor: number): boolean;
  accept(transport: SocketTransport): void;
}

/** What `net.createServer` is to be called with. */
export const SERVER_OPTIONS: net.ServerOpts = {
  allowHalfOpen: SOCKET_OPTIONS.allowHalfOpen,
  noDelay: SOCKET_OPTIONS.noDelay,
  keepAlive: SOCKET_OPTIONS.keepAlive,
  keepAliveInitialDelay: SOCKET_OPTIONS.keepAliveInitialDelay,
  highWaterMark: SOCKET_OPTIONS.writableHighWaterMark,
};

const KEEP_ALIVE_SECONDS = SOCKET_OPTIONS.keepAliveInitialDelay / 1000;

/** Hands the connections of a server to `target`. The server listens already. */
export function acceptConnections(server: net.Server, reader: AcceptedReader, target: AcceptTarget): void {
  if (reader === 'onread' && interceptAccept(server, KEEP_ALIVE_SECONDS, (handle) => acceptHandle(handle, target)))
    return;
  server.on('connection', (socket) => {
    if (target.admits(descriptorOf(socket))) deliver(new SocketTransport(false), socket, target);
    else socket.destroy();
  });
}

function acceptHandle(handle: AcceptedHandle, target: AcceptTarget): void {
  if (!target.admits(handle.fd)) {
    handle.close();
    return;
  }
  const transport = new SocketTransport(true);
  deliver(transport, socketOf(handle, transport.onreadOption()), target);
}

function deliver(transport: SocketTransport, socket: net.Socket, target: AcceptTarget): void {
  transport.attach(socket, remoteAddressOf(socket), target.address);
  try {
    target.accept(transport);
  } catch (error) {
    transport.destroy();
    reportFault(error, 'accept');
  }
}

let chosen: Promise<AcceptedReader> | undefined;

/** The reader of this thread; the first call runs the self test. */
export function chooseReader(): Promise<AcceptedReader> {
  chosen ??= process.env['WEFT_READER'] === 'data' ? Promise.resolve('data') : selfTest();
  return chosen;
}

const TEST_MS = 1000;

/** One loopback connection on the private way: does what was sent arrive, and does FIN? */
function selfTest(): Promise<AcceptedReader> {
  return new Promise((resolve) => {
    const server = net.createServer(SERVER_OPTIONS);
    let client: net.Socket | undefined;
    let received = '';
    const end = (reader: AcceptedReader) => {
      clearTimeout(deadline);
      client?.destroy();
      server.close();
      resolve(reader);
    };
    const deadline = setTimeout(end, TEST_MS, 'data');
    const target: AcceptTarget = {
      address: NO_ADDRESS,
      admits: () => true,
      accept(transport) {
        const receiver: TransportReceiver = {
          onRead(chunk) {
            received += chunk.toString('latin1');
          },
          onEnd() {
            transport.destroy();
            end(received === 'weft' ? 'onread' : 'data');
          },
          onDrain() {},
          onClosed: () => end('data'),
        };
        transport.open(receiver);
      },
    };
    server.on('error', () => end('data'));
    server.listen(0, '127.0.0.1', () => {
      acceptConnections(server, 'onread', target);
      const { port } = server.address() as net.AddressInfo;
      client = net.connect(port, '127.0.0.1', () => client?.end('weft'));
      client.on('error', () => end('data'));
    });
  });
}
