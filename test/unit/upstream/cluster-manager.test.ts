import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { describe, test } from 'node:test';
import type { Connection, ConnectionHandler } from '../../../src/api/connection.ts';
import { CloseReason, Reason } from '../../../src/api/reason.ts';
import { SchemaRegistry } from '../../../src/config/registry.ts';
import { validate } from '../../../src/config/validate.ts';
import { ClusterManager } from '../../../src/upstream/cluster-manager.ts';
import { clusterManagerSchema } from '../../../src/upstream/cluster-schema.ts';
import type { Dial } from '../../../src/upstream/connector.ts';
import { HealthBit, type Host } from '../../../src/upstream/host.ts';
import { FakeClock, FakeDialer, FakeMetrics } from './fakes.ts';

function managerOf(clusters: object[], options: { dial?: Dial; metrics?: FakeMetrics; clock?: FakeClock } = {}) {
  const { value } = validate(clusterManagerSchema, { clusters }, new SchemaRegistry());
  return new ClusterManager(value, { metrics: new FakeMetrics(), random: () => 0, ...options });
}

/** A filter that speaks bytes. */
class Session implements ConnectionHandler {
  readonly log: string[] = [];
  connection: Connection | undefined;

  onConnected(connection: Connection): void {
    this.log.push('connected');
    this.connection = connection;
  }

  onFailed(reason: Reason): void {
    this.log.push(`failed ${reason.name}`);
  }

  onData(chunk: Buffer): void {
    this.log.push(`data ${chunk}`);
  }

  onEnd(): void {
    this.log.push('end');
  }

  onWritable(): void {
    this.log.push('writable');
  }

  onClose(reason: CloseReason): void {
    this.log.push(`close ${reason}`);
  }
}

function setUp(block: object = {}, hosts = 4) {
  const dialer = new FakeDialer();
  const metrics = new FakeMetrics();
  const addresses = Array.from({ length: hosts }, (_, i) => ({ address: `10.0.0.${i + 1}:80` }));
  const manager = managerOf([{ name: 'c', hosts: addresses, ...block }], {
    dial: dialer.dial,
    metrics,
    clock: new FakeClock(),
  });
  const connect = () => {
    const session = new Session();
    return { session, handle: manager.connect('c', session, session) };
  };
  return { dialer, metrics, manager, connect, count: (key: string) => metrics.value(`upstream/c/${key}`) };
}

describe('clusters by name', () => {
  test('are found, with slots of their own', () => {
    const manager = managerOf([{ name: 'a' }, { name: 'b' }]);
    assert.deepEqual(
      [manager.has('a'), manager.has('b'), manager.has('c'), manager.has('__proto__')],
      [true, true, false, false],
    );
    assert.deepEqual(
      [...manager.all()].map(({ name, slot }) => [name, slot]),
      [
        ['a', 0],
        ['b', 1],
      ],
    );
    assert.equal(manager.get('b')?.name, 'b');
    assert.equal(manager.get('c'), undefined);
  });

  test('a name that is none', () => {
    const { session } = { session: new Session() };
    managerOf([]).connect('c', session, session).cancel();
    assert.deepEqual(session.log, [`failed ${Reason.NoCluster.name}`]);
  });
});

describe('a connection for bytes', () => {
  test('is opened to a host and passes everything on', () => {
    const { dialer, connect, count, manager } = setUp();
    const { session } = connect();
    const connection = dialer.next().connected();
    assert.deepEqual(session.log, ['connected']);
    assert.equal(session.connection, connection);
    connection.receive('hello');
    connection.writeText('hi');
    connection.handler.onWritable();
    connection.receiveEnd();
    assert.equal(count('connection_active'), 1);
    const [host] = manager.get('c')!.hosts as [Host];
    assert.equal(host.activeConnections, 1);
    connection.close(CloseReason.LocalClose);
    connection.settle();
    assert.deepEqual(session.log, ['connected', 'data hello', 'writable', 'end', 'close local_close']);
    assert.equal(host.activeConnections, 0);
    for (const [key, value] of [
      ['connection_total', 1],
      ['connection_close', 1],
      ['connection_active', 0],
      ['connection_local_close', 1],
      ['connection_bytes_read_total', 5],
      ['connection_bytes_write', 2],
    ] as const) {
      assert.equal(count(key), value, key);
    }
    assert.equal(manager.get('c')?.breakers.connections.used, 0);
  });

  test('tries three hosts at most, each once', () => {
    const { dialer, connect, count, manager } = setUp({ lb_type: 'LB_RANDOM' });
    const { session } = connect();
    for (const host of ['10.0.0.1', '10.0.0.2', '10.0.0.3']) {
      const dialing = dialer.next();
      assert.equal(dialing.address.host, host);
      assert.deepEqual(session.log, []);
      dialing.failed(Reason.ConnectTimeout);
    }
    assert.deepEqual(session.log, [`failed ${Reason.ConnectTimeout.name}`]);
    assert.equal(dialer.pending, 0);
    assert.equal(count('connection_con_fail'), 3);
    assert.equal(count('connection_retry'), 2);
    assert.equal(manager.get('c')?.breakers.connections.used, 0);
  });

  test('tries as many hosts as there are', () => {
    const { dialer, connect } = setUp({}, 1);
    const { session } = connect();
    dialer.next().failed();
    assert.deepEqual(session.log, [`failed ${Reason.ConnectFailed.name}`]);
  });

  test('the second host answers', () => {
    const { dialer, connect } = setUp();
    const { session } = connect();
    dialer.next().failed();
    dialer.next().connected();
    assert.deepEqual(session.log, ['connected']);
  });

  test('without a healthy host', () => {
    const { connect, manager } = setUp({}, 2);
    for (const host of manager.get('c')?.hosts ?? []) host.health = HealthBit.ActiveCheck;
    const { session } = connect();
    assert.deepEqual(session.log, [`failed ${Reason.NoHealthyHost.name}`]);
  });

  test('over max_connections', () => {
    const { dialer, connect, count } = setUp({ circuit_breakers: [{ max_connections: 1 }] });
    const first = connect();
    const second = connect();
    assert.deepEqual(second.session.log, [`failed ${Reason.Overflow.name}`]);
    assert.equal(count('request_pending_overflow'), 1);
    const connection = dialer.next().connected();
    connection.receiveReset();
    assert.deepEqual(first.session.log, ['connected', 'close remote_reset']);
    assert.deepEqual(connect().session.log, [], 'there is room again');
  });

  test('cancelled while connecting: nobody is told and the slot is free', () => {
    const { dialer, connect, manager } = setUp({ circuit_breakers: [{ max_connections: 1 }] });
    const { session, handle } = connect();
    handle.cancel();
    handle.cancel();
    assert.equal(dialer.pending, 0);
    assert.deepEqual(session.log, []);
    assert.equal(manager.get('c')?.breakers.connections.used, 0);
  });

  test('cancel after the connect does nothing', () => {
    const { dialer, connect, manager } = setUp();
    const { handle } = connect();
    const connection = dialer.next().connected();
    handle.cancel();
    assert.equal(connection.open, true);
    assert.equal(manager.get('c')?.breakers.connections.used, 1);
  });
});

describe('over loopback', () => {
  test('a name is resolved and bytes go both ways', { timeout: 10_000 }, async () => {
    const server = net.createServer((socket) => socket.pipe(socket));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as net.AddressInfo;
    const manager = managerOf([{ name: 'c', type: 'STRICT_DNS', hosts: [{ address: `localhost:${port}` }] }]);
    const log = await new Promise<string[]>((resolve) => {
      const session = new Session();
      session.onConnected = (connection) => {
        session.connection = connection;
        connection.writeText('hello');
      };
      session.onData = (chunk) => {
        session.log.push(`data ${chunk}`);
        session.connection?.end();
      };
      session.onEnd = () => {
        session.log.push('end');
        session.connection?.close(CloseReason.LocalClose);
      };
      session.onFailed = (reason) => resolve([reason.name]);
      session.onClose = () => resolve(session.log);
      manager.connect('c', session, session);
    });
    assert.deepEqual(log, ['data hello', 'end']);
    server.close();
    await once(server, 'close');
  });
});
