import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type NetworkFilter, type NetworkFilterChain, NetworkStatus } from '../../../src/api/connection.ts';
import { CloseReason } from '../../../src/api/reason.ts';
import { StreamConnection } from '../../../src/network/connection.ts';
import { FilterChain } from '../../../src/network/filter-chain.ts';
import { FakeTransport } from './support.ts';

const { Continue, Stop } = NetworkStatus;

/** A chain of filters, each made of what it says, on a connection; `log` gathers who was called. */
function chainOf(...parts: ((log: string[], chain: NetworkFilterChain) => NetworkFilter)[]) {
  const log: string[] = [];
  const transport = new FakeTransport();
  const chain = new FilterChain();
  const connection = new StreamConnection(transport, chain, { owner: 'test' });
  chain.start(
    connection,
    parts.map((make) => (_connection, own) => make(log, own)),
  );
  return { log, transport, chain, connection };
}

function logging(name: string, onNew: NetworkStatus, onData: NetworkStatus) {
  return (log: string[]): NetworkFilter => ({
    onNewConnection: () => {
      log.push(`${name} new`);
      return onNew;
    },
    onData: (chunk) => {
      log.push(`${name} ${chunk}`);
      return onData;
    },
    onEnd: () => void log.push(`${name} end`),
    onWritable: () => void log.push(`${name} writable`),
    onClose: (reason) => void log.push(`${name} ${reason}`),
    onDrain: () => void log.push(`${name} drain`),
  });
}

test('filters are told of the connection and see bytes in order, until one stops', () => {
  const { log, transport } = chainOf(
    logging('a', Continue, Continue),
    logging('b', Continue, Stop),
    logging('c', Continue, Stop),
  );
  transport.receiver.onRead(Buffer.from('x'));
  assert.deepEqual(log, ['a new', 'b new', 'c new', 'a x', 'b x']);
});

test('a filter after one that stopped is told of the connection when bytes first reach it', () => {
  let held: [NetworkFilterChain, NetworkFilter] | undefined;
  const { log, transport } = chainOf(
    (own, chain) => {
      const filter = logging('a', Stop, Stop)(own);
      held = [chain, filter];
      return filter;
    },
    logging('b', Stop, Continue),
    logging('c', Continue, Stop),
  );
  transport.receiver.onRead(Buffer.from('x'));
  assert.deepEqual(log, ['a new', 'a x']);
  const [chain, filter] = held as [NetworkFilterChain, NetworkFilter];
  chain.continueReading(filter, Buffer.from('y'));
  assert.deepEqual(log.slice(2), ['b new'], 'b stops at the news');
  chain.continueReading(filter, Buffer.from('z'));
  assert.deepEqual(log.slice(3), ['b z', 'c new', 'c z']);
});

test('missing methods continue, and the other events reach every filter', () => {
  const { log, transport, chain } = chainOf(() => ({}), logging('b', Continue, Stop));
  transport.receiver.onRead(Buffer.from('x'));
  transport.receiver.onEnd();
  chain.onWritable();
  chain.onDrain();
  transport.receiver.onClosed(CloseReason.RemoteReset);
  assert.deepEqual(log, ['b new', 'b x', 'b end', 'b writable', 'b drain', 'b remote_reset']);
});

test('a filter that stands alone is the handler itself, unless it lacks a callback', () => {
  const alone = chainOf(logging('a', Stop, Stop));
  assert.notEqual(alone.connection.handler, alone.chain);
  alone.transport.receiver.onRead(Buffer.from('x'));
  alone.chain.onDrain();
  assert.deepEqual(alone.log, ['a new', 'a x', 'a drain']);
  const lacking = chainOf(() => ({ onData: () => Stop }));
  assert.equal(lacking.connection.handler, lacking.chain);
  lacking.transport.receiver.onRead(Buffer.from('x'));
  lacking.transport.receiver.onEnd();
  assert.ok(lacking.connection.open);
});
