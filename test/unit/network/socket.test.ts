/** Connections over real sockets, on both ways of reading accepted ones. Each test runs once with either. */

import assert from 'node:assert/strict';
import type net from 'node:net';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { CloseReason } from '../../../src/api/reason.ts';
import type { AcceptedReader } from '../../../src/network/accepted-reader.ts';
import { BULK_BUFFER_SIZE, bufferPool } from '../../../src/network/buffer-pool.ts';
import { HIGH_WATERMARK, type StreamConnection } from '../../../src/network/connection.ts';
import { connect, connectRaw, handler, pattern, Recorder, serve, until } from './support.ts';

const MIB = 1024 * 1024;
const TIMEOUT = { timeout: 60_000 };

for (const reader of ['onread', 'data'] satisfies AcceptedReader[]) {
  test(`${reader}: text and bytes go both ways, latin1 as it is`, TIMEOUT, async (t) => {
    const server = await serve(reader);
    t.after(() => server.close());
    const [near, far] = [new Recorder(), new Recorder()];
    const ours = await connect(server.address, near);
    const theirs = await server.accepted();
    theirs.handler = far;
    ours.writeText('réponse ');
    ours.writeBytes(Buffer.from([0, 255]));
    await until(() => far.received === 10);
    assert.equal(far.text, 'réponse \0ÿ');
    theirs.writeText('ok');
    await until(() => near.received === 2);
    assert.equal(near.text, 'ok');
    assert.deepEqual([ours.bytesWritten, ours.bytesRead, theirs.bytesRead, theirs.bytesWritten], [10, 2, 10, 2]);
    assert.equal(ours.remoteAddress.text, server.address.text);
    assert.equal(ours.localAddress.text, theirs.remoteAddress.text);
    assert.equal(theirs.localAddress.text, server.address.text);
  });

  test(`${reader}: an answer after the FIN of the client arrives, then FIN goes back`, TIMEOUT, async (t) => {
    const server = await serve(reader);
    t.after(() => server.close());
    const client = await connectRaw(server.address);
    const far = new Recorder();
    const connection = await server.accepted();
    connection.handler = far;
    const answer: Buffer[] = [];
    client.on('data', (chunk: Buffer) => answer.push(chunk));
    let ended = false;
    client.on('end', () => (ended = true));
    client.end('question');
    await until(() => far.events.includes('end'));
    assert.equal(far.text, 'question');
    assert.ok(connection.open);
    await nextTurn();
    connection.writeText('answer');
    connection.end();
    await until(() => ended);
    assert.equal(Buffer.concat(answer).toString(), 'answer');
    await until(() => far.closed !== undefined);
    assert.equal(far.closed, CloseReason.RemoteClose);
  });

  test(`${reader}: we may end first and read on`, TIMEOUT, async (t) => {
    const server = await serve(reader);
    t.after(() => server.close());
    const client = await connectRaw(server.address);
    const far = new Recorder();
    const connection = await server.accepted();
    connection.handler = far;
    let ended = false;
    client.on('end', () => (ended = true)).resume();
    connection.writeText('bye');
    connection.end();
    await until(() => ended);
    client.end('last words');
    await until(() => far.closed !== undefined);
    assert.equal(far.text, 'last words');
    assert.deepEqual(far.events, ['data', 'end', 'close:local_close']);
  });

  test(`${reader}: a reset is told as such, once`, TIMEOUT, async (t) => {
    const server = await serve(reader);
    t.after(() => server.close());
    const client = await connectRaw(server.address);
    const far = new Recorder();
    const connection = await server.accepted();
    connection.handler = far;
    client.write('x');
    await until(() => far.received === 1);
    client.resetAndDestroy();
    await until(() => far.closed !== undefined);
    assert.equal(far.closed, CloseReason.RemoteReset);
    connection.writeText('into the void');
    connection.close(CloseReason.LocalClose);
    await nextTurn();
    await nextTurn();
    assert.deepEqual(far.events, ['data', 'close:remote_reset']);
  });

  test(`${reader}: nothing arrives while paused, however often pause and resume alternate`, TIMEOUT, async (t) => {
    const server = await serve(reader);
    t.after(() => server.close());
    const client = await connectRaw(server.address);
    const connection = await server.accepted();
    let paused = false;
    let received = 0;
    const expected = pattern(3 * MIB);
    const chunks: Buffer[] = [];
    connection.handler = handler({
      onData(chunk) {
        assert.equal(paused, false, 'bytes while paused');
        chunks.push(Buffer.from(chunk));
        received += chunk.length;
        connection.pause();
        connection.pause();
        paused = true;
      },
    });
    client.write(expected);
    while (received < expected.length) {
      await nextTurn();
      if (!paused) continue;
      // Within one turn: on, off, on.
      connection.resume();
      connection.resume();
      connection.pause();
      await nextTurn();
      paused = false;
      connection.resume();
    }
    assert.ok(Buffer.concat(chunks).equals(expected));
  });

  test(`${reader}: FIN that came while paused is told after resume`, TIMEOUT, async (t) => {
    const server = await serve(reader);
    t.after(() => server.close());
    const client = await connectRaw(server.address);
    const far = new Recorder();
    const connection = await server.accepted();
    connection.handler = far;
    connection.pause();
    client.end('all');
    for (let i = 0; i < 20; i++) await nextTurn();
    assert.deepEqual(far.events, []);
    connection.resume();
    await until(() => far.events.includes('end'));
    assert.equal(far.text, 'all');
    connection.pause();
    connection.resume();
    connection.end();
    await until(() => far.closed !== undefined);
  });

  for (const bulk of [false, true]) {
    const mode = bulk ? 'private buffers' : 'shared memory';
    test(`${reader}, ${mode}: pending writes never change what arrives`, TIMEOUT, async (t) => {
      // Four flows at once through one thread's read memory, to clients that stop reading again and again. The body
      // is more than the kernel keeps for a connection.
      const size = 16 * MIB;
      const origin = await serve(reader);
      const proxy = await serve(reader);
      t.after(() => {
        origin.close();
        proxy.close();
      });
      let sawPending = 0;
      const flows: Promise<void>[] = [];
      for (let seed = 1; seed <= 4; seed++) {
        const client = await connectRaw(proxy.address);
        client.pause();
        const downstream = await proxy.accepted();
        const upstream = await connect(origin.address);
        const source = await origin.accepted();
        if (bulk) upstream.bulk(true);
        upstream.handler = handler({
          onData(chunk) {
            downstream.writeBytes(chunk);
            if (downstream.pending > 0) sawPending++;
            if (downstream.blocked) upstream.pause();
          },
          onEnd: () => downstream.end(),
        });
        downstream.handler = handler({ onWritable: () => upstream.resume() });
        const body = pattern(size, seed);
        feed(source, body);
        flows.push(
          until(() => downstream.blocked)
            .then(() => readInStops(client, size))
            .then((received) => {
              assert.ok(received.equals(body), `flow ${seed} differs`);
              upstream.close(CloseReason.LocalClose);
            }),
        );
      }
      await Promise.all(flows);
      assert.ok(sawPending > 0);
      await until(() => bufferPool.lent === 0);
    });
  }

  test(`${reader}: 100 MB to a slow reader need little memory`, TIMEOUT, async (t) => {
    const size = 100 * MIB;
    const origin = await serve(reader);
    const proxy = await serve(reader);
    t.after(() => {
      origin.close();
      proxy.close();
    });
    const client = await connectRaw(proxy.address);
    client.pause();
    const downstream = await proxy.accepted();
    const upstream = await connect(origin.address);
    const source = await origin.accepted();
    upstream.bulk(true);
    let most = 0;
    let mostLent = 0;
    upstream.handler = handler({
      onData(chunk) {
        downstream.writeBytes(chunk);
        most = Math.max(most, downstream.pending);
        mostLent = Math.max(mostLent, bufferPool.lent);
        if (downstream.blocked) upstream.pause();
      },
      onEnd: () => downstream.end(),
    });
    downstream.handler = handler({ onWritable: () => upstream.resume() });
    const block = pattern(MIB);
    let sent = 0;
    const more = () => {
      while (sent < size && !source.blocked) {
        source.writeBytes(block);
        sent += block.length;
      }
      if (sent === size) source.end();
    };
    source.handler = handler({ onWritable: more });
    more();
    let received = 0;
    let ended = false;
    client.on('data', (chunk: Buffer) => {
      received += chunk.length;
      if (received % 7 === 0) {
        client.pause();
        setImmediate(() => client.resume());
      }
    });
    client.on('end', () => (ended = true));
    await until(() => downstream.blocked);
    client.resume();
    await until(() => ended);
    assert.equal(received, size);
    assert.ok(most > 0 && most <= HIGH_WATERMARK + BULK_BUFFER_SIZE, `${most} bytes pending`);
    assert.ok(mostLent <= 4 * BULK_BUFFER_SIZE, `${mostLent} bytes lent`);
  });

  test(
    `${reader}: a private buffer is given back when the body is over, and when the connection closes`,
    TIMEOUT,
    async (t) => {
      const server = await serve(reader);
      t.after(() => server.close());
      const client = await connectRaw(server.address);
      const connection = await server.accepted();
      let most = 0;
      let received = 0;
      connection.handler = handler({
        onData(chunk) {
          received += chunk.length;
          most = Math.max(most, bufferPool.lent);
        },
      });
      connection.bulk(true);
      client.write(Buffer.alloc(8 * MIB));
      await until(() => received === 8 * MIB);
      if (reader === 'onread') assert.equal(most, BULK_BUFFER_SIZE);
      assert.equal(bufferPool.lent, 0, 'silent connections hold nothing');
      connection.handler = handler({ onData: () => connection.destroy(CloseReason.LocalClose) });
      client.write(Buffer.alloc(8 * MIB));
      await until(() => !connection.open);
      await nextTurn();
      assert.equal(bufferPool.lent, 0);
    },
  );

  test(`${reader}: a peer that does not read runs into the write time-out`, TIMEOUT, async (t) => {
    const server = await serve(reader, handler, { writeTimeout: 50 });
    t.after(() => server.close());
    const client = await connectRaw(server.address);
    client.pause();
    const far = new Recorder();
    const connection = await server.accepted();
    connection.handler = far;
    while (!connection.blocked) connection.writeBytes(Buffer.alloc(MIB));
    await until(() => far.closed !== undefined);
    assert.equal(far.closed, CloseReason.WriteTimeout);
    assert.ok(connection.bytesWritten < 64 * MIB);
    client.destroy();
  });

  test(
    `${reader}: a close in the read callback of another connection leaves the bytes being read alone`,
    TIMEOUT,
    async (t) => {
      const server = await serve(reader);
      t.after(() => server.close());
      const [first, second] = [await connectRaw(server.address), await connectRaw(server.address)];
      const [a, b] = [await server.accepted(), await server.accepted()];
      const far = new Recorder();
      b.handler = far;
      a.bulk(true);
      b.bulk(true);
      a.handler = handler({
        onData(chunk) {
          // Destroys itself, then passes on what it was given.
          a.destroy(CloseReason.LocalClose);
          b.writeBytes(chunk);
        },
      });
      const sent = pattern(40_000);
      const chunks: Buffer[] = [];
      second.on('data', (chunk: Buffer) => chunks.push(chunk));
      const length = () => chunks.reduce((sum, chunk) => sum + chunk.length, 0);
      first.write(sent);
      await until(() => length() > 0 && !a.open && b.pending === 0 && length() === b.bytesWritten);
      assert.ok(Buffer.concat(chunks).equals(sent.subarray(0, length())));
      b.destroy(CloseReason.LocalClose);
      await until(() => far.closed !== undefined);
      assert.equal(bufferPool.lent, 0);
    },
  );
}

/** Sends a body with respect for back-pressure, then FIN. */
function feed(source: StreamConnection, body: Buffer): void {
  let sent = 0;
  const more = () => {
    while (sent < body.length && !source.blocked) {
      const to = Math.min(body.length, sent + 50_000);
      source.writeBytes(body.subarray(sent, to));
      sent = to;
    }
    if (sent === body.length) source.end();
  };
  source.handler = handler({ onWritable: more });
  more();
}

/** Reads until FIN, in stops and starts. */
async function readInStops(client: net.Socket, size: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let ended = false;
  client.on('end', () => (ended = true));
  client.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    if (chunks.length % 5 !== 0) return;
    client.pause();
    setImmediate(() => client.resume());
  });
  client.resume();
  await until(() => ended);
  const received = Buffer.concat(chunks);
  assert.equal(received.length, size);
  client.destroy();
  return received;
}
