/** A WebSocket server (RFC 6455) that sends every message back. */

import { createHash } from 'node:crypto';
import type { Socket } from 'node:net';
import { httpServer, type TestServer } from '../../integration/support/peers.ts';

const CLOSE = 8;

/** Takes the protocol that the client names first. Knows whole messages only, not parts of one. */
export async function webSocketEcho(): Promise<TestServer> {
  const peer = await httpServer((_request, response) => response.writeHead(426).end());
  peer.server.on('upgrade', (request, socket: Socket) => {
    const key = `${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
    const protocol = request.headers['sec-websocket-protocol']?.split(',')[0];
    socket.write(
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
        `Sec-WebSocket-Accept: ${createHash('sha1').update(key).digest('base64')}\r\n` +
        `${protocol ? `Sec-WebSocket-Protocol: ${protocol}\r\n` : ''}\r\n`,
    );
    let pending: Buffer = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      pending = Buffer.concat([pending, chunk]);
      for (let frame = firstFrame(pending); frame; frame = firstFrame(pending)) {
        pending = pending.subarray(frame.size);
        socket.write(header(frame.opcode, frame.payload.length));
        socket.write(frame.payload);
        if (frame.opcode === CLOSE) socket.end();
      }
    });
    socket.on('error', () => {});
  });
  return peer;
}

interface Frame {
  readonly opcode: number;
  readonly payload: Uint8Array;
  /** Bytes of the frame with its header. */
  readonly size: number;
}

/** Section 5.2: the frame at the beginning, once it is whole. */
function firstFrame(bytes: Buffer): Frame | undefined {
  if (bytes.length < 2) return undefined;
  const code = bytes.readUInt8(1) & 0x7f;
  const start = code === 127 ? 10 : code === 126 ? 4 : 2;
  if (bytes.length < start + 4) return undefined;
  const length = start === 10 ? Number(bytes.readBigUInt64BE(2)) : start === 4 ? bytes.readUInt16BE(2) : code;
  const size = start + 4 + length;
  if (bytes.length < size) return undefined;
  const mask = bytes.subarray(start, start + 4);
  const payload = bytes.subarray(start + 4, size).map((byte, i) => byte ^ (mask[i & 3] as number));
  return { opcode: bytes.readUInt8(0) & 0x0f, payload, size };
}

function header(opcode: number, length: number): Buffer {
  const first = 0x80 | opcode;
  if (length < 126) return Buffer.from([first, length]);
  if (length < 65_536) return Buffer.from([first, 126, length >> 8, length & 0xff]);
  const head = Buffer.from([first, 127, 0, 0, 0, 0, 0, 0, 0, 0]);
  head.writeUInt32BE(length, 6);
  return head;
}
