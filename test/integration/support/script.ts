/** An upstream whose answers are written down beforehand. */

import type { IncomingMessage, RequestListener } from 'node:http';
import { httpServer, type TestServer } from './peers.ts';

/** An upstream that gives its answers one after the other, the last one again and again, and keeps what it was sent. */
export class Script implements AsyncDisposable {
  readonly server: TestServer;
  readonly bodies: string[];

  constructor(server: TestServer, bodies: string[]) {
    this.server = server;
    this.bodies = bodies;
  }

  get port(): number {
    return this.server.port;
  }

  get hits(): number {
    return this.bodies.length;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.server[Symbol.asyncDispose]();
  }
}

/** A step is a status, or something done to the request once it has come whole. */
export async function script(...steps: (number | RequestListener)[]): Promise<Script> {
  const bodies: string[] = [];
  const server = await httpServer((req, res) => {
    let body = '';
    req.on('data', (chunk) => {
      body += chunk;
    });
    req.on('end', () => {
      const step = steps[Math.min(bodies.length, steps.length - 1)] as number | RequestListener;
      bodies.push(body);
      if (typeof step !== 'number') step(req, res);
      else {
        res.statusCode = step;
        res.end(`answer ${bodies.length}`);
      }
    });
  });
  return new Script(server, bodies);
}

/** A step that never answers. */
export const hang = (): void => {};
/** A step that closes the connection instead of answering. */
export const hangUp = (req: IncomingMessage): void => {
  req.socket.destroy();
};
