import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BULK_BUFFER_SIZE, BufferPool, OUT_BUFFER_SIZE } from '../../../src/network/buffer-pool.ts';

test('a buffer comes back when its last user has released it, and is used again', () => {
  const pool = new BufferPool();
  const first = pool.takeOut();
  assert.equal(first.bytes.length, OUT_BUFFER_SIZE);
  assert.equal(pool.lent, OUT_BUFFER_SIZE);
  first.retain();
  first.release();
  assert.equal(pool.lent, OUT_BUFFER_SIZE);
  assert.notEqual(pool.takeOut(), first);
  first.release();
  assert.equal(pool.lent, OUT_BUFFER_SIZE);
  const again = pool.takeOut();
  assert.equal(again, first);
  assert.equal(again.users, 1);
});

test('beyond the cap out buffers are small and not pooled, and there are no private read buffers', () => {
  const pool = new BufferPool(BULK_BUFFER_SIZE);
  const bulk = pool.takeBulk();
  assert.equal(bulk?.bytes.length, BULK_BUFFER_SIZE);
  assert.equal(pool.takeBulk(), undefined);
  const plain = pool.takeOut();
  assert.ok(plain.bytes.length < OUT_BUFFER_SIZE);
  plain.release();
  assert.equal(pool.lent, BULK_BUFFER_SIZE);
  bulk?.release();
  assert.equal(pool.lent, 0);
  assert.equal(pool.takeBulk(), bulk);
});

test('who waits for a buffer is told once, when all other users are gone', () => {
  const pool = new BufferPool();
  const buffer = pool.takeBulk();
  assert.ok(buffer);
  let told = 0;
  buffer.retain();
  buffer.retain();
  buffer.onSoleUser = { onBufferFree: () => told++ };
  buffer.release();
  assert.equal(told, 0);
  buffer.release();
  assert.equal(told, 1);
  buffer.retain();
  buffer.release();
  assert.equal(told, 1);
});

test('unused buffers are kept up to a bound', () => {
  const pool = new BufferPool();
  const taken = Array.from({ length: 200 }, () => pool.takeOut());
  for (const buffer of taken) buffer.release();
  assert.equal(pool.lent, 0);
  const again = new Set(Array.from({ length: 200 }, () => pool.takeOut()));
  const reused = taken.filter((buffer) => again.has(buffer)).length;
  assert.ok(reused > 0 && reused * OUT_BUFFER_SIZE <= 2 * 1024 * 1024, `${reused} reused`);
});
