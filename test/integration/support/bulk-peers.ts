/**
 * A client and an upstream of large bodies in a thread of their own, so that what the proxy's thread allocates is the
 * proxy's alone.
 */

import http from 'node:http';
import type net from 'node:net';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';

export class BulkPeers implements AsyncDisposable {
  readonly #worker: Worker;
  /** Of the upstream. */
  readonly port: number;

  constructor(worker: Worker, port: number) {
    this.#worker = worker;
    this.port = port;
  }

  /** Sends a body of the size through the proxy; resolves with the bytes that the upstream says it has received. */
  upload(proxy: number): Promise<number> {
    return this.#ask('upload', proxy);
  }

  /** Has the upstream send a body; resolves with the bytes that the client has received. */
  download(proxy: number): Promise<number> {
    return this.#ask('download', proxy);
  }

  async #ask(what: 'upload' | 'download', proxy: number): Promise<number> {
    this.#worker.postMessage({ what, proxy });
    return reply(this.#worker);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker.terminate();
  }
}

/** `size`: bytes of every body. */
export async function bulkPeers(size: number): Promise<BulkPeers> {
  const worker = new Worker(new URL(import.meta.url), { workerData: size });
  return new BulkPeers(worker, await reply(worker));
}

function reply(worker: Worker): Promise<number> {
  return new Promise((resolve, reject) => {
    worker.once('error', reject);
    worker.once('message', (value: number) => {
      worker.off('error', reject);
      resolve(value);
    });
  });
}

/** Writes `size` bytes as fast as they are taken; gives up when the socket closes. */
export async function pour(socket: NodeJS.WritableStream & { destroyed: boolean }, size: number): Promise<void> {
  const chunk = Buffer.alloc(65_536, 'z');
  for (let left = size; left > 0 && !socket.destroyed; left -= chunk.length) {
    if (socket.write(left < chunk.length ? chunk.subarray(0, left) : chunk)) continue;
    await new Promise<void>((resolve) => {
      const go = (): void => {
        socket.off('drain', go);
        socket.off('close', go);
        resolve();
      };
      socket.on('drain', go);
      socket.on('close', go);
    });
  }
}

/** The upstream: sends `size` bytes for a GET, counts any other body and answers with the count. */
function serve(size: number): void {
  const server = http.createServer((req, res) => {
    if (req.method === 'GET') {
      res.writeHead(200, { 'content-length': size });
      void pour(res, size).then(() => res.end());
      return;
    }
    let received = 0;
    req.on('data', (chunk: Buffer) => {
      received += chunk.length;
    });
    req.on('end', () => res.end(String(received)));
  });
  server.listen(0, '127.0.0.1', () => parentPort?.postMessage((server.address() as net.AddressInfo).port));
}

function upload(port: number, size: number): void {
  const options = { host: '127.0.0.1', port, method: 'PUT', agent: false, headers: { 'content-length': size } };
  const req = http.request(options, (res) => {
    let text = '';
    res.on('data', (chunk) => {
      text += chunk;
    });
    res.on('end', () => parentPort?.postMessage(Number(text)));
  });
  void pour(req, size).then(() => req.end());
}

function download(port: number): void {
  let received = 0;
  http.get({ host: '127.0.0.1', port, agent: false }, (res) => {
    res.on('data', (chunk: Buffer) => {
      received += chunk.length;
    });
    res.on('end', () => parentPort?.postMessage(received));
  });
}

if (!isMainThread && typeof workerData === 'number') {
  const size = workerData;
  serve(size);
  parentPort?.on('message', ({ what, proxy }: { what: string; proxy: number }) => {
    if (what === 'upload') upload(proxy, size);
    else download(proxy);
  });
}
