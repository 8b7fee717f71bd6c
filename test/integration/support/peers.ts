/** Upstreams and clients that are not Weft: node:http servers, raw TCP servers, raw TCP clients. */

import http from 'node:http';
import net from 'node:net';

export class TestServer implements AsyncDisposable {
  readonly server: net.Server;
  readonly sockets = new Set<net.Socket>();

  constructor(server: net.Server) {
    this.server = server;
    server.on('connection', (socket) => {
      this.sockets.add(socket);
      socket.on('close', () => this.sockets.delete(socket));
    });
  }

  get port(): number {
    return (this.server.address() as net.AddressInfo).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    if (this.server.listening) await new Promise((resolve) => this.server.close(resolve));
  }
}

async function listening(server: net.Server, host = '127.0.0.1'): Promise<TestServer> {
  const result = new TestServer(server);
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  return result;
}

/** A node:http server. */
export function httpServer(handler: http.RequestListener, host?: string): Promise<TestServer> {
  const server = http.createServer({ keepAliveTimeout: 0 }, handler);
  return listening(server, host);
}

/** A server of bytes. */
export function tcpServer(handler: (socket: net.Socket) => void): Promise<TestServer> {
  return listening(
    net.createServer({ allowHalfOpen: true }, (socket) => {
      socket.on('error', () => {});
      handler(socket);
    }),
  );
}

/** A server that keeps every byte that reaches it and answers each read with what `answer` says. */
export class RecordingServer implements AsyncDisposable {
  readonly peer: TestServer;
  /** Everything received, all connections in the order of arrival. */
  received = '';

  constructor(peer: TestServer) {
    this.peer = peer;
  }

  get port(): number {
    return this.peer.port;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.peer[Symbol.asyncDispose]();
  }
}

/** Records what arrives; `answer` is given all that its connection has received so far and writes for itself. */
export async function recordingServer(
  answer: (seen: string, socket: net.Socket) => void = (seen, socket) => {
    if (seen.endsWith('\r\n\r\n')) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
  },
): Promise<RecordingServer> {
  const peer = await tcpServer((socket) => {
    let seen = '';
    socket.on('data', (chunk) => {
      const text = chunk.toString('latin1');
      seen += text;
      server.received += text;
      answer(seen, socket);
    });
    socket.on('end', () => socket.end());
  });
  const server = new RecordingServer(peer);
  return server;
}

/** A server that answers the n-th request head it sees with the n-th text, on one or several connections. */
export function scriptedServer(answer: (head: string, socket: net.Socket) => string | undefined): Promise<TestServer> {
  return tcpServer((socket) => {
    let seen = '';
    socket.on('data', (chunk) => {
      seen += chunk.toString('latin1');
      for (let end = seen.indexOf('\r\n\r\n'); end >= 0; end = seen.indexOf('\r\n\r\n')) {
        const head = seen.slice(0, end + 4);
        seen = seen.slice(end + 4);
        const text = answer(head, socket);
        if (text !== undefined) socket.write(text, 'latin1');
      }
    });
    socket.on('end', () => socket.end());
  });
}

/** Answers every request with its path. */
export function pathEcho(): Promise<TestServer> {
  return scriptedServer((head) => {
    const path = head.split(' ')[1] as string;
    return `HTTP/1.1 200 OK\r\nContent-Length: ${path.length}\r\n\r\n${head.startsWith('HEAD') ? '' : path}`;
  });
}

/** A port on which nothing listens. */
export async function deadPort(): Promise<number> {
  const server = await tcpServer(() => {});
  const { port } = server;
  await server[Symbol.asyncDispose]();
  return port;
}

/** A raw client connection that collects what it reads. */
export class RawClient implements Disposable {
  readonly socket: net.Socket;
  text = '';
  /** The peer has sent FIN, or the connection is gone. */
  ended = false;
  closed = false;
  readonly #waiting: (() => void)[] = [];

  constructor(socket: net.Socket) {
    this.socket = socket;
    socket.setEncoding('latin1');
    socket.on('data', (chunk) => {
      this.text += chunk;
      this.#wake();
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      this.closed = true;
      this.ended = true;
      this.#wake();
    });
    socket.on('end', () => {
      this.ended = true;
      this.#wake();
    });
  }

  write(text: string | Uint8Array): void {
    this.socket.write(typeof text === 'string' ? Buffer.from(text, 'latin1') : text);
  }

  /** Sends FIN; reading goes on. */
  end(): void {
    this.socket.end();
  }

  /** Waits until the text holds; checked whenever something arrives. Rejects when the connection ends before. */
  async until(expected: string | ((text: string) => boolean)): Promise<string> {
    const holds = typeof expected === 'string' ? (text: string) => text.includes(expected) : expected;
    while (!holds(this.text)) {
      if (this.ended) throw new Error(`connection ended after: ${JSON.stringify(this.text)}`);
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    return this.text;
  }

  /** Everything until the peer has sent FIN or closed. */
  async rest(): Promise<string> {
    while (!this.ended) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return this.text;
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }
}

/** Connects to a port of 127.0.0.1, or to whatever the options say. */
export async function rawClient(to: number | net.NetConnectOpts): Promise<RawClient> {
  const target = typeof to === 'number' ? { port: to, host: '127.0.0.1' } : to;
  const socket = net.connect({ ...target, allowHalfOpen: true });
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  return new RawClient(socket);
}

/**
 * One raw exchange: sends, reads until the connection ends (send `Connection: close`), or until there are so many
 * characters.
 */
export async function exchange(
  port: number | net.NetConnectOpts,
  request: string,
  enough = Number.POSITIVE_INFINITY,
): Promise<string> {
  using client = await rawClient(port);
  client.write(request);
  if (enough === Number.POSITIVE_INFINITY) return await client.rest();
  return (await client.until((text) => text.length >= enough)).slice(0, enough);
}

export interface Answer {
  status: number;
  headers: http.IncomingHttpHeaders;
  rawHeaders: string[];
  body: string;
  trailers: NodeJS.Dict<string>;
}

/** A request by node:http on a fresh connection. */
export function request(
  port: number,
  path: string,
  options: http.RequestOptions & { body?: string | Buffer } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { body, ...rest } = options;
    const req = http.request({ host: '127.0.0.1', port, path, agent: false, ...rest }, (res) => {
      const chunks: Buffer[] = [];
      res.on('data', (chunk: Buffer) => chunks.push(chunk));
      res.on('end', () =>
        resolve({
          status: res.statusCode ?? 0,
          headers: res.headers,
          rawHeaders: res.rawHeaders,
          body: Buffer.concat(chunks).toString(),
          trailers: res.trailers,
        }),
      );
      res.on('error', reject);
    });
    req.on('error', reject);
    req.end(body);
  });
}
