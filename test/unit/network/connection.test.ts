/** The connection over a fake transport: order, batching, watermarks, ending. Sockets: `socket.test.ts`. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import fc from 'fast-check';
import { CloseReason } from '../../../src/api/reason.ts';
import { bufferPool } from '../../../src/network/buffer-pool.ts';
import { type ConnectionOptions, StreamConnection } from '../../../src/network/connection.ts';
import { setFaultHandler } from '../../../src/network/fault.ts';
import { reading } from '../../../src/network/transport.ts';
import { FakeTransport, handler, pattern, Recorder } from './support.ts';

const KIB = 1024;

function fixture(options: Partial<ConnectionOptions> = {}) {
  const transport = new FakeTransport();
  const recorder = new Recorder();
  const connection = new StreamConnection(transport, recorder, { owner: 'test', ...options });
  return { transport, recorder, connection };
}

test('the writes of one turn leave together at its end', async () => {
  const { transport, connection } = fixture();
  connection.writeText('a');
  connection.writeText('b');
  assert.equal(connection.pending, 2);
  assert.deepEqual(transport.writes, []);
  await nextTurn();
  assert.deepEqual(transport.writes, ['ab']);
  assert.equal(connection.pending, 0);
  assert.equal(connection.bytesWritten, 2);
});

test('a head and its body are one string, up to 16 KiB; a larger one follows the head in one buffer', async () => {
  const { transport, connection } = fixture();
  connection.writeText('head;');
  connection.writeBytes(Buffer.from('body'));
  connection.writeText(';next');
  await nextTurn();
  assert.deepEqual(transport.writes, ['head;body;next']);
  const body = pattern(16 * KIB);
  connection.writeText('head;');
  connection.writeBytes(body);
  connection.writeText(';end');
  await nextTurn();
  assert.equal(transport.writes[1], `[head;${body.toString('latin1')};end]`);
});

test('one small chunk is a string, several are one buffer; their owner may overwrite them at once', async () => {
  const { transport, connection } = fixture();
  const chunk = Buffer.from('abc');
  connection.writeBytes(chunk);
  chunk.fill('x');
  await nextTurn();
  connection.writeBytes(new Uint8Array([0x64]));
  await nextTurn();
  for (const byte of [0x61, 0x62, 0x63]) {
    chunk.fill(byte);
    connection.writeBytes(chunk);
  }
  chunk.fill('x');
  connection.writeText('é');
  await nextTurn();
  connection.writeBytes(Buffer.from('e'));
  await nextTurn();
  assert.deepEqual(transport.writes, ['abc', 'd', '[aaabbbcccé]', 'e']);
  assert.equal(bufferPool.lent, 0);
});

test('a large chunk of the owner is written at once, as it is, with what came before it', () => {
  const { transport, connection } = fixture();
  const large = Buffer.alloc(20 * KIB, 'L');
  connection.writeText('head;');
  connection.writeBytes(large);
  assert.deepEqual(transport.writes, [`head;+[${large.toString()}]`]);
});

test('a large chunk of shared read memory is copied, one of a private buffer is lent until it has left', (t) => {
  const { transport, connection } = fixture();
  const shared = Buffer.allocUnsafeSlow(64 * KIB);
  t.after(() => {
    reading.memory = null;
    reading.lender = null;
  });
  transport.takes = false;
  const seen: Uint8Array[] = [];
  transport.writeBytes = (bytes) => {
    seen.push(bytes);
    return false;
  };
  reading.memory = shared.buffer;
  connection.writeBytes(shared.subarray(0, 20 * KIB));
  connection.writeBytes(shared.subarray(0, 50 * KIB));
  assert.ok(seen.every((bytes) => bytes.buffer !== shared.buffer));
  connection.destroy(CloseReason.LocalClose);

  const second = fixture();
  const lender = bufferPool.takeBulk();
  assert.ok(lender);
  reading.memory = lender.bytes.buffer;
  reading.lender = lender;
  second.connection.writeBytes(lender.bytes.subarray(0, 20 * KIB));
  assert.equal(lender.users, 1, 'taken at once: nothing is lent');
  second.transport.takes = false;
  second.connection.writeBytes(lender.bytes.subarray(0, 20 * KIB));
  second.connection.writeBytes(lender.bytes.subarray(0, 20 * KIB));
  assert.equal(lender.users, 3);
  second.transport.drain();
  assert.equal(lender.users, 2, 'the second is still pending');
  second.connection.destroy(CloseReason.LocalClose);
  assert.equal(lender.users, 1);
  lender.release();
  assert.equal(bufferPool.lent, 0);
});

test('from 64 KiB on a connection does not wait for the end of the turn', () => {
  const { transport, connection } = fixture();
  const text = 'x'.repeat(40 * KIB);
  connection.writeText(text);
  assert.equal(transport.writes.length, 0);
  connection.writeText(text);
  assert.equal(transport.writes.length, 1);
  assert.equal(connection.blocked, false);
});

test('while a write is pending nothing is added to it; above the high watermark the source is to stop', async () => {
  const { transport, recorder, connection } = fixture({ highWatermark: 100 });
  transport.takes = false;
  connection.writeText('a'.repeat(80));
  await nextTurn();
  assert.equal(connection.blocked, false);
  connection.writeText('b'.repeat(20));
  assert.equal(connection.blocked, false);
  connection.writeText('c');
  assert.equal(connection.blocked, true);
  assert.equal(connection.pending, 101);
  assert.equal(transport.writes.length, 1);
  transport.takes = true;
  transport.drain();
  assert.deepEqual(transport.writes[1], `${'b'.repeat(20)}c`);
  assert.equal(connection.blocked, false);
  assert.deepEqual(recorder.events, ['writable']);
  assert.equal(connection.bytesWritten, 101);
});

test('the source is told only below the low watermark', async () => {
  const { transport, recorder, connection } = fixture({ highWatermark: 100 });
  transport.takes = false;
  connection.writeText('a'.repeat(90));
  await nextTurn();
  connection.writeText('b'.repeat(60));
  assert.equal(connection.blocked, true);
  transport.drain();
  assert.equal(connection.blocked, true, '60 are above 50');
  assert.deepEqual(recorder.events, []);
  transport.takes = true;
  transport.drain();
  assert.equal(connection.blocked, false);
  assert.deepEqual(recorder.events, ['writable']);
});

test('pauses are counted', () => {
  const { transport, connection } = fixture();
  connection.pause();
  connection.pause();
  connection.resume();
  assert.deepEqual(transport.calls, ['pause']);
  connection.resume();
  connection.resume();
  assert.deepEqual(transport.calls, ['pause', 'resume']);
  connection.pause();
  assert.deepEqual(transport.calls, ['pause', 'resume', 'pause']);
});

test('end sends FIN after what is queued, and reading goes on', async () => {
  const { transport, recorder, connection } = fixture();
  transport.takes = false;
  connection.writeText('last');
  connection.end();
  connection.end();
  connection.writeText('dropped');
  await nextTurn();
  assert.deepEqual([transport.writes, transport.calls], [['last'], []]);
  transport.drain();
  assert.deepEqual(transport.calls, ['end']);
  transport.receiver.onRead(Buffer.from('x'));
  transport.receiver.onEnd();
  assert.deepEqual(recorder.events, ['data', 'end']);
  assert.ok(connection.open);
  transport.receiver.onClosed(CloseReason.RemoteClose);
  assert.equal(recorder.closed, CloseReason.LocalClose, 'we were the first to end');
});

test('close writes what is queued, then ends; the handler is told once, and never from inside of a call', async () => {
  const { transport, recorder, connection } = fixture();
  connection.writeText('answer');
  connection.close(CloseReason.IdleTimeout);
  assert.equal(connection.open, false);
  connection.writeText('dropped');
  connection.close(CloseReason.LocalClose);
  transport.receiver.onRead(Buffer.from('ignored'));
  transport.receiver.onEnd();
  assert.deepEqual(recorder.events, []);
  await nextTurn();
  assert.deepEqual(transport.writes, ['answer']);
  assert.deepEqual(transport.calls, ['destroy']);
  connection.destroy(CloseReason.LocalClose);
  await nextTurn();
  assert.deepEqual(recorder.events, ['close:idle_timeout']);
});

test('close waits for a pending write, and does not read meanwhile', async () => {
  const { transport, recorder, connection } = fixture();
  transport.takes = false;
  connection.writeText('answer');
  connection.close(CloseReason.LocalClose);
  await nextTurn();
  assert.deepEqual(transport.calls, ['pause']);
  transport.drain();
  await nextTurn();
  assert.deepEqual(transport.calls, ['pause', 'destroy']);
  assert.deepEqual(recorder.events, ['close:local_close']);
});

test('destroy loses what is queued and tells at the end of the turn', async () => {
  const { transport, recorder, connection } = fixture();
  connection.writeText('lost');
  connection.destroy(CloseReason.ProtocolError);
  assert.deepEqual(transport.calls, ['destroy']);
  assert.deepEqual(recorder.events, []);
  await nextTurn();
  assert.deepEqual(transport.writes, []);
  assert.deepEqual(recorder.events, ['close:protocol_error']);
});

test('a lost transport is told at once, and after a close with the reason of the close', async () => {
  const first = fixture();
  first.transport.receiver.onClosed(CloseReason.RemoteReset);
  assert.deepEqual(first.recorder.events, ['close:remote_reset']);
  const second = fixture();
  second.transport.takes = false;
  second.connection.writeText('x');
  second.connection.close(CloseReason.Drained);
  await nextTurn();
  second.transport.receiver.onClosed(CloseReason.WriteError);
  assert.deepEqual(second.recorder.events, ['close:drained']);
  await nextTurn();
  assert.equal(second.recorder.events.length, 1);
});

test('closeLingering sends FIN and drops what still comes, up to a bound, until the FIN of the peer', async () => {
  const bounded = fixture();
  bounded.connection.pause();
  bounded.connection.writeText('too large');
  bounded.connection.closeLingering(CloseReason.ProtocolError);
  await nextTurn();
  assert.deepEqual(bounded.transport.writes, ['too large']);
  assert.deepEqual(bounded.transport.calls, ['pause', 'end', 'resume']);
  bounded.transport.receiver.onRead(Buffer.alloc(1024 * KIB));
  assert.deepEqual(bounded.transport.calls, ['pause', 'end', 'resume']);
  bounded.transport.receiver.onRead(Buffer.alloc(1));
  await nextTurn();
  assert.deepEqual(bounded.transport.calls, ['pause', 'end', 'resume', 'pause']);
  assert.deepEqual(bounded.recorder.events, [], 'to close now would be a reset');

  const ended = fixture();
  ended.connection.closeLingering(CloseReason.LocalClose);
  await nextTurn();
  ended.transport.receiver.onEnd();
  await nextTurn();
  assert.deepEqual(ended.recorder.events, ['close:local_close']);

  const already = fixture();
  already.transport.receiver.onEnd();
  already.connection.closeLingering(CloseReason.LocalClose);
  await nextTurn();
  assert.deepEqual(already.recorder.events, ['end', 'close:local_close']);
});

test('lingering has an end in time', async () => {
  const { recorder, transport, connection } = fixture();
  const alive = setInterval(() => {}, 1000);
  connection.closeLingering(CloseReason.LocalClose);
  await new Promise<void>((resolve) => {
    recorder.onClose = () => resolve();
  });
  clearInterval(alive);
  assert.ok(transport.calls.includes('destroy'));
});

test('a write without progress ends the connection, one with progress does not', async () => {
  const { transport, recorder, connection } = fixture({ writeTimeout: 30 });
  const alive = setInterval(() => {}, 1000);
  transport.takes = false;
  let looks = 0;
  Object.defineProperty(transport, 'backlog', { get: () => 100 - Math.min(++looks, 3), set() {} });
  connection.writeText('x'.repeat(100));
  await new Promise<void>((resolve) => {
    recorder.onClose = (reason) => {
      recorder.closed = reason;
      resolve();
    };
  });
  clearInterval(alive);
  assert.equal(recorder.closed, CloseReason.WriteTimeout);
  assert.equal(looks, 4, 'three looks with progress, one without');
});

test('a throw in the handler ends this connection with Fault and is reported', async (t) => {
  const faults: string[] = [];
  const previous = setFaultHandler((error, where) => faults.push(`${where}: ${(error as Error).message}`));
  t.after(() => setFaultHandler(previous));
  for (const callback of ['onData', 'onEnd', 'onWritable', 'onClose'] as const) {
    const { transport, connection } = fixture({ highWatermark: 10 });
    const recorder = new Recorder();
    connection.handler = recorder;
    recorder[callback] = () => {
      throw new Error(callback);
    };
    if (callback === 'onData') transport.receiver.onRead(Buffer.from('x'));
    if (callback === 'onEnd') transport.receiver.onEnd();
    if (callback === 'onWritable') {
      transport.takes = false;
      connection.writeText('x'.repeat(20));
      await nextTurn();
      transport.drain();
    }
    if (callback === 'onClose') connection.destroy(CloseReason.LocalClose);
    await nextTurn();
    assert.equal(connection.open, false);
    if (callback !== 'onClose') assert.equal(recorder.closed, CloseReason.Fault, callback);
  }
  assert.deepEqual(
    faults,
    ['onData', 'onEnd', 'onWritable', 'onClose'].map((name) => `connection: ${name}`),
  );
});

test('the end is told to the handler first and then to the owner', async () => {
  const order: string[] = [];
  const transport = new FakeTransport();
  const connection = new StreamConnection(transport, handler({ onClose: () => void order.push('handler') }), {
    owner: 'test',
    onEnded: () => order.push('owner'),
  });
  connection.destroy(CloseReason.LocalClose);
  await nextTurn();
  assert.deepEqual(order, ['handler', 'owner']);
});

test('identifiers are unique and a connection knows where it belongs', () => {
  const a = fixture().connection;
  const b = fixture().connection;
  assert.notEqual(a.id, b.id);
  assert.equal(a.owner, 'test');
  assert.equal(a.remoteAddress.text, '127.0.0.1:2');
  assert.equal(a.localAddress.text, '127.0.0.1:1');
});

test('whatever is written in whatever pieces, and whenever writes stay pending: the bytes arrive in order', async () => {
  const piece = fc.record({
    kind: fc.constantFrom('text', 'bytes', 'borrowed', 'lent', 'turn', 'drain', 'stall'),
    size: fc.oneof(fc.nat(20), fc.nat(5000), fc.nat(80_000)),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { maxLength: 25 }), async (pieces) => {
      const transport = new FakeTransport();
      /** The write that is pending, in the memory that it was given. */
      let pendingParts: (string | Uint8Array)[] = [];
      let arrived = '';
      const take = () => {
        for (const part of pendingParts)
          arrived += typeof part === 'string' ? part : Buffer.from(part).toString('latin1');
        pendingParts = [];
      };
      const write = (parts: (string | Uint8Array)[]) => {
        assert.deepEqual(pendingParts, [], 'a second write while one is pending');
        pendingParts = parts;
        if (transport.takes) take();
        return transport.takes;
      };
      transport.writeText = (text) => write([text]);
      transport.writeBytes = (bytes) => write([bytes]);
      transport.writeParts = (parts) => write(parts);
      const connection = new StreamConnection(transport, handler(), { owner: 'test' });
      const memory = Buffer.allocUnsafeSlow(100_000);
      let expected = '';
      let seed = 1;
      for (const { kind, size } of pieces) {
        const bytes = pattern(size, ++seed);
        if (kind === 'turn') await nextTurn();
        else if (kind === 'stall') transport.takes = false;
        else if (kind === 'drain') {
          transport.takes = true;
          if (pendingParts.length > 0) {
            take();
            transport.drain();
          }
        } else {
          expected += bytes.toString('latin1');
          if (kind === 'text') connection.writeText(bytes.toString('latin1'));
          else if (kind === 'bytes') connection.writeBytes(bytes);
          else {
            const lender = kind === 'lent' && size <= 100_000 ? bufferPool.takeBulk() : undefined;
            const target = lender?.bytes ?? memory;
            bytes.copy(target);
            reading.memory = target.buffer;
            reading.lender = lender ?? null;
            connection.writeBytes(target.subarray(0, size));
            reading.memory = null;
            reading.lender = null;
            // The next read overwrites what is not lent.
            if (lender === undefined || lender.users === 1) target.fill(0);
            lender?.release();
          }
        }
      }
      transport.takes = true;
      await nextTurn();
      while (pendingParts.length > 0) {
        take();
        transport.drain();
      }
      assert.equal(connection.pending, 0);
      assert.ok(arrived === expected, 'bytes differ');
      assert.equal(bufferPool.lent, 0);
      connection.destroy(CloseReason.LocalClose);
      await nextTurn();
    }),
    { numRuns: 150 },
  );
});
