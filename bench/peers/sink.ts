/**
 * An upstream that reads request bodies to their end and then answers 200: `node sink.ts PORT`. Under /slow it reads
 * at most 6.4 MB a second. It knows bodies with a Content-Length only.
 */

import { createServer, type Socket } from 'node:net';

const ANSWER = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n';
/** Milliseconds between two reads of at most 64 KiB. */
const SLOW_INTERVAL = 10;

const port = Number(process.argv[2]);

createServer({ noDelay: true }, (socket) => {
  let head = '';
  let missing = 0;
  let slow = false;
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk: Buffer) => {
    let body = chunk.length;
    if (missing === 0) {
      head += chunk.toString('latin1');
      const end = head.indexOf('\r\n\r\n');
      if (end < 0) return;
      slow = head.includes(' /slow ');
      missing = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0);
      body = head.length - end - 4;
      head = '';
    }
    missing -= body;
    if (missing === 0) socket.write(ANSWER);
    else if (slow) pause(socket);
  });
}).listen(port, '127.0.0.1', 4096);

function pause(socket: Socket): void {
  socket.pause();
  setTimeout(() => socket.resume(), SLOW_INTERVAL);
}
