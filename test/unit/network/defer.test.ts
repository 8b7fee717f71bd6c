/** `Connection.defer`: an entry point of its own, at the end of the turn. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { CloseReason } from '../../../src/api/reason.ts';
import { StreamConnection } from '../../../src/network/connection.ts';
import { setFaultHandler } from '../../../src/network/fault.ts';
import { FakeTransport, Recorder } from './support.ts';

function fixture() {
  const transport = new FakeTransport();
  const recorder = new Recorder();
  return { transport, recorder, connection: new StreamConnection(transport, recorder, { owner: 'test' }) };
}

test('a task runs at the end of the turn and what it writes leaves with the rest', async () => {
  const { transport, connection } = fixture();
  let ran = 0;
  connection.defer(() => {
    ran++;
    connection.writeText('b');
  });
  connection.writeText('a');
  assert.equal(ran, 0);
  await nextTurn();
  assert.equal(ran, 1);
  assert.deepEqual(transport.writes, ['ab']);
  await nextTurn();
  assert.equal(ran, 1);
});

test('a task runs although the connection has ended', async () => {
  const { recorder, connection } = fixture();
  connection.destroy(CloseReason.LocalClose);
  await nextTurn();
  assert.equal(recorder.closed, CloseReason.LocalClose);
  let ran = false;
  connection.defer(() => {
    ran = true;
  });
  await nextTurn();
  assert.equal(ran, true);
});

test('what a task throws ends its connection and is reported', async (t) => {
  const faults: string[] = [];
  const previous = setFaultHandler((error) => faults.push((error as Error).message));
  t.after(() => setFaultHandler(previous));
  const { recorder, connection } = fixture();
  connection.defer(() => {
    throw new Error('thrown');
  });
  await nextTurn();
  assert.deepEqual(faults, ['thrown']);
  assert.equal(recorder.closed, CloseReason.Fault);
});
