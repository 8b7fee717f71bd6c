import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CloseReason, Reason } from '../../../src/api/reason.ts';
import type { Host } from '../../../src/upstream/host.ts';
import { ClusterBench, FakeRequest } from './fakes.ts';

describe('a connection and its requests', () => {
  test('is opened for the first request, told once, and used again', () => {
    const bench = new ClusterBench();
    const pool = bench.pool();
    const first = new FakeRequest();
    pool.acquire(first);
    assert.deepEqual(first.log, []);
    assert.deepEqual([pool.connecting, pool.waiting, pool.active, pool.idle], [1, 1, 0, 0]);
    bench.dialer.next().connected();
    assert.deepEqual(first.log, ['ready']);
    assert.equal(first.reused, false);
    assert.deepEqual([pool.connecting, pool.waiting, pool.active, pool.idle], [0, 0, 1, 0]);
    first.connection.receive('head end');
    assert.deepEqual(first.log, ['ready', 'data head', 'end']);
    assert.deepEqual([pool.active, pool.idle], [0, 1]);

    const second = new FakeRequest();
    pool.acquire(second);
    assert.deepEqual(second.log, ['ready'], 'an idle connection answers at once');
    assert.equal(second.connection, first.connection);
    assert.equal(second.reused, true);
    assert.equal(bench.dialer.all.length, 1);
  });

  test('the newest idle connection is used first', () => {
    const bench = new ClusterBench();
    const requests = [bench.request(), bench.request(), bench.request()];
    for (const { connection } of requests) connection.receive('end');
    assert.equal(bench.request().connection, requests[2]?.connection);
    assert.equal(bench.request().connection, requests[1]?.connection);
    assert.equal(bench.pool().idle, 1);
  });

  test('is dialled with the cluster’s name and time-out', () => {
    const bench = new ClusterBench({ connect_timeout: '3s' });
    bench.request();
    const [dialing] = bench.dialer.all;
    assert.equal(dialing?.address.text, '10.0.0.1:80');
    assert.equal(dialing?.options.owner, 'c');
    assert.equal(dialing?.options.connectTimeout, 3000);
  });

  test('one whose stream ends unusable is closed and not used again', () => {
    const bench = new ClusterBench();
    const request = bench.request();
    request.connection.receive('last');
    assert.deepEqual(request.log, ['ready', 'end']);
    assert.deepEqual([bench.pool().active, bench.pool().idle], [0, 0]);
    assert.equal(request.connection.open, false);
    request.connection.settle();
    assert.equal(bench.count('connection_close'), 1);
    assert.equal(bench.count('connection_local_close'), 1);
  });

  test('one whose request is reset from this side is closed', () => {
    const bench = new ClusterBench();
    const request = bench.request();
    request.encoder?.reset();
    assert.deepEqual(request.log, ['ready']);
    assert.deepEqual(request.connection.log, ['destroy']);
    assert.equal(bench.pool().active, 0);
  });

  test('bytes that still wait to leave are flushed, for a bounded time', () => {
    const bench = new ClusterBench();
    const tunnel = bench.request();
    tunnel.connection.receive('tunnel');
    tunnel.connection.pending = 10;
    tunnel.encoder?.data(Buffer.from('bye'), true);
    assert.deepEqual(tunnel.connection.log, ['close']);
    assert.equal(bench.pool().active, 0);
    bench.clock.advance(1999);
    assert.deepEqual(tunnel.connection.log, ['close']);
    bench.clock.advance(1);
    assert.deepEqual(tunnel.connection.log, ['close', 'destroy']);
    tunnel.connection.settle();
    assert.equal(bench.count('connection_close'), 1);
  });

  test('FIN ends one half of a tunnel only', () => {
    const bench = new ClusterBench();
    const tunnel = bench.request();
    tunnel.connection.receive('tunnel');
    tunnel.connection.receiveEnd();
    assert.deepEqual(tunnel.log, ['ready', 'end']);
    assert.equal(tunnel.connection.open, true);
    assert.equal(bench.pool().active, 1);
    tunnel.encoder?.data(Buffer.from('bye'), true);
    assert.equal(tunnel.connection.open, false);
    assert.equal(bench.count('connection_remote_close'), 1);
  });

  test('back-pressure is passed on', () => {
    const bench = new ClusterBench();
    const request = bench.request();
    request.connection.handler.onWritable();
    assert.deepEqual(request.log, ['ready', 'writable']);
  });

  test('goes back to the pool when the waiter wants nothing', () => {
    const bench = new ClusterBench({ circuit_breakers: [{ max_requests: 1 }] });
    bench.idle();
    const request = new FakeRequest();
    request.onReady = () => {};
    bench.pool().acquire(request);
    assert.deepEqual(request.log, ['ready']);
    assert.deepEqual([bench.pool().active, bench.pool().idle], [0, 1]);
    assert.equal(bench.cluster.breakers.requests.used, 0);
    assert.equal(bench.count('request_total'), 1);
  });
});

describe('the end of an idle connection', () => {
  for (const [what, happen, side] of [
    ['FIN', (bench: ClusterBench) => bench.idle().receiveEnd(), 'remote'],
    ['RST', (bench: ClusterBench) => bench.idle().receiveReset(), 'remote'],
    ['data', (bench: ClusterBench) => bench.idle().receive('surprise'), 'local'],
  ] as const) {
    test(`${what} removes it at once`, () => {
      const bench = new ClusterBench();
      happen(bench);
      assert.deepEqual([bench.pool().active, bench.pool().idle], [0, 0]);
      assert.equal(bench.count(`connection_${side}_close`), 1);
      assert.equal(bench.count('connection_active'), 0);
      const next = new FakeRequest();
      bench.pool().acquire(next);
      assert.deepEqual(next.log, []);
      assert.equal(bench.dialer.pending, 1);
    });
  }

  test('one that is closed but has not said so yet is passed over', () => {
    const bench = new ClusterBench();
    const older = bench.request();
    const newer = bench.request();
    older.connection.receive('end');
    newer.connection.receive('end');
    newer.connection.open = false;
    assert.equal(bench.request().connection, older.connection);
    assert.deepEqual([bench.pool().active, bench.pool().idle], [1, 0]);
  });

  test('bytes after a response spoil the connection before anybody gets it', () => {
    const bench = new ClusterBench({ circuit_breakers: [{ max_connections: 1, max_pending_requests: 1 }] });
    const first = bench.request();
    const second = new FakeRequest();
    bench.pool().acquire(second);
    first.connection.receive('end smuggled');
    assert.deepEqual(first.log, ['ready', 'end']);
    assert.deepEqual(second.log, [], 'not given the spoilt connection');
    bench.dialer.next().connected();
    assert.deepEqual(second.log, ['ready']);
    assert.notEqual(second.connection, first.connection);
  });

  test('idle time-out: each connection after its own time, the newest longest', () => {
    const bench = new ClusterBench({ idle_timeout: '20s' });
    const requests = [bench.request(), bench.request()];
    requests[0]?.connection.receive('end');
    bench.clock.advance(5000);
    requests[1]?.connection.receive('end');
    bench.clock.advance(14_999);
    assert.equal(bench.pool().idle, 2);
    bench.clock.advance(1);
    assert.equal(bench.pool().idle, 1);
    assert.equal(requests[0]?.connection.open, false);
    bench.clock.advance(5000);
    assert.equal(bench.pool().idle, 0);
    for (const { connection } of requests) connection.settle();
    assert.equal(bench.count('connection_close'), 2);
    assert.equal(bench.clock.armed, 0);
  });

  test('a connection that was used in between starts anew', () => {
    const bench = new ClusterBench({ idle_timeout: '20s' });
    bench.idle();
    bench.clock.advance(15_000);
    const connection = bench.idle();
    bench.clock.advance(19_999);
    assert.equal(connection.open, true);
    bench.clock.advance(1);
    assert.equal(connection.open, false);
  });

  test('never while it carries a request', () => {
    const bench = new ClusterBench({ idle_timeout: '20s' });
    bench.idle();
    const request = bench.request();
    bench.clock.advance(100_000);
    assert.equal(request.connection.open, true);
  });

  test('55 s unless the configuration says otherwise, and 0 is never', () => {
    const usual = new ClusterBench();
    const connection = usual.idle();
    usual.clock.advance(54_999);
    assert.equal(connection.open, true);
    usual.clock.advance(1);
    assert.equal(connection.open, false);

    const never = new ClusterBench({ idle_timeout: '0s' });
    const kept = never.idle();
    never.clock.advance(10 ** 9);
    assert.equal(kept.open, true);
  });
});

describe('a connection that is lost with a request on it', () => {
  for (const [what, lose] of [
    ['FIN', (request: FakeRequest) => request.connection.receiveEnd()],
    ['RST', (request: FakeRequest) => request.connection.receiveReset()],
  ] as const) {
    test(`${what}: the request is reset`, () => {
      const bench = new ClusterBench();
      const request = bench.request();
      lose(request);
      assert.deepEqual(request.log, ['ready', 'reset upstream_reset']);
      assert.deepEqual([bench.pool().active, bench.pool().idle], [0, 0]);
      assert.equal(bench.count('request_active'), 0);
      request.connection.settle();
      assert.deepEqual(request.log, ['ready', 'reset upstream_reset']);
      assert.equal(bench.count('connection_close'), 1);
    });

    test(`${what}: the request can be sent again at once, under the tightest limits`, () => {
      const bench = new ClusterBench({ circuit_breakers: [{ max_connections: 1, max_requests: 1 }] });
      bench.idle();
      const request = bench.request();
      assert.equal(request.reused, true, 'the keep-alive race is possible');
      const again = new FakeRequest();
      request.afterReset = () => bench.pool().acquire(again);
      lose(request);
      assert.deepEqual(again.log, []);
      bench.dialer.next().connected();
      assert.deepEqual(again.log, ['ready']);
      assert.equal(again.reused, false);
      assert.equal(bench.count('request_pending_overflow'), 0);
    });
  }

  test('a broken protocol resets the request and closes', () => {
    const bench = new ClusterBench();
    const request = bench.request();
    request.connection.receive('bad');
    assert.deepEqual(request.log, ['ready', 'reset upstream_protocol_error']);
    assert.equal(request.connection.open, false);
    assert.deepEqual([bench.pool().active, bench.pool().idle], [0, 0]);
  });

  test('counts who closed it and whether a request was lost', () => {
    const bench = new ClusterBench();
    bench.request().connection.receiveReset();
    bench.idle().receiveReset();
    const request = bench.request();
    bench.cluster.close();
    request.connection.settle();
    assert.equal(bench.count('connection_remote_close'), 2);
    assert.equal(bench.count('connection_remote_close_with_active_request'), 1);
    assert.equal(bench.count('connection_local_close'), 1);
    assert.equal(bench.count('connection_local_close_with_active_request'), 1);
    assert.equal(bench.count('connection_total'), 3);
    assert.equal(bench.count('connection_close'), 3);
    assert.equal(bench.count('connection_active'), 0);
  });
});

describe('connections that cannot be opened', () => {
  for (const reason of [Reason.ConnectFailed, Reason.ConnectTimeout]) {
    test(`${reason.name} is told to the one that waits`, () => {
      const bench = new ClusterBench({ circuit_breakers: [{ max_connections: 1 }] });
      const request = new FakeRequest();
      bench.pool().acquire(request);
      bench.dialer.next().failed(reason);
      assert.deepEqual(request.log, [`failure ${reason.name}`]);
      assert.equal(bench.count('connection_con_fail'), 1);
      assert.equal(bench.count('connection_total'), 0);
      assert.equal(bench.cluster.breakers.connections.used, 0);
      assert.deepEqual([bench.pool().connecting, bench.pool().waiting], [0, 0]);
    });
  }

  test('fails one request per connection, the first one first', () => {
    const bench = new ClusterBench();
    const requests = [new FakeRequest(), new FakeRequest()];
    for (const request of requests) bench.pool().acquire(request);
    bench.dialer.next().failed();
    assert.deepEqual(
      requests.map(({ log }) => log.length),
      [1, 0],
    );
    bench.dialer.next().connected();
    assert.deepEqual(requests[1]?.log, ['ready']);
  });

  test('may be asked again from within the failure', () => {
    const bench = new ClusterBench({ circuit_breakers: [{ max_connections: 1 }] });
    const request = new FakeRequest();
    const again = new FakeRequest();
    request.onFailure = () => bench.pool().acquire(again);
    bench.pool().acquire(request);
    bench.dialer.next().failed();
    bench.dialer.next().connected();
    assert.deepEqual(again.log, ['ready']);
  });
});

describe('cancel', () => {
  test('while connecting: the connection stays for the next request', () => {
    const bench = new ClusterBench();
    const request = new FakeRequest();
    bench.pool().acquire(request);
    bench.pool().cancel(request);
    bench.dialer.next().connected();
    assert.deepEqual(request.log, []);
    assert.equal(bench.pool().idle, 1);
    const next = new FakeRequest();
    bench.pool().acquire(next);
    assert.deepEqual(next.log, ['ready']);
    assert.equal(next.reused, false, 'it has carried nothing yet');
    assert.equal(bench.dialer.all.length, 1);
  });

  test('while connecting: the next request waits for that connection', () => {
    const bench = new ClusterBench();
    const request = new FakeRequest();
    const next = new FakeRequest();
    bench.pool().acquire(request);
    bench.pool().cancel(request);
    bench.pool().acquire(next);
    assert.equal(bench.dialer.pending, 1);
    bench.dialer.next().connected();
    assert.deepEqual([request.log, next.log], [[], ['ready']]);
  });

  test('while connecting, and the connection fails: nobody is told', () => {
    const bench = new ClusterBench();
    const request = new FakeRequest();
    bench.pool().acquire(request);
    bench.pool().cancel(request);
    bench.dialer.next().failed();
    assert.deepEqual(request.log, []);
    assert.equal(bench.pool().connecting, 0);
  });

  test('while connecting, and one of two connections fails: the other request has the other one', () => {
    const bench = new ClusterBench();
    const request = new FakeRequest();
    const other = new FakeRequest();
    bench.pool().acquire(request);
    bench.pool().acquire(other);
    bench.pool().cancel(request);
    bench.dialer.next().failed();
    assert.deepEqual(other.log, []);
    bench.dialer.next().connected();
    assert.deepEqual(other.log, ['ready']);
  });

  test('of a request that does not wait changes nothing', () => {
    const bench = new ClusterBench();
    const request = bench.request();
    bench.pool().cancel(request);
    assert.equal(bench.pool().active, 1);
  });
});

describe('a connection for one request alone', () => {
  test('is opened although others are idle, and is that request’s whatever becomes free meanwhile', () => {
    const bench = new ClusterBench();
    const busy = bench.request();
    bench.idle();
    const alone = new FakeRequest();
    bench.pool().acquireNew(alone);
    assert.deepEqual([bench.pool().connecting, bench.pool().waiting, bench.pool().idle], [1, 1, 1]);
    busy.connection.receive('end');
    assert.deepEqual(alone.log, []);
    bench.dialer.next().connected();
    assert.deepEqual(alone.log, ['ready']);
    assert.equal(alone.reused, false);
    assert.deepEqual([bench.pool().connecting, bench.pool().waiting, bench.pool().active], [0, 0, 1]);
  });

  test('is not counted on by others: they get one of their own', () => {
    const bench = new ClusterBench();
    const alone = new FakeRequest();
    const other = new FakeRequest();
    bench.pool().acquireNew(alone);
    bench.pool().acquire(other);
    assert.equal(bench.dialer.pending, 2);
    bench.dialer.next().failed();
    assert.deepEqual([alone.log.length, other.log.length], [1, 0]);
    bench.dialer.next().connected();
    assert.deepEqual(other.log, ['ready']);
  });

  test('is for whoever waits longest when its request is cancelled', () => {
    const bench = new ClusterBench();
    const alone = new FakeRequest();
    const other = new FakeRequest();
    bench.pool().acquireNew(alone);
    bench.pool().cancel(alone);
    bench.pool().acquire(other);
    assert.equal(bench.dialer.pending, 1);
    bench.dialer.next().connected();
    assert.deepEqual([alone.log, other.log], [[], ['ready']]);
  });

  test('takes the place of an idle one at the limit, and is any one when none is idle', () => {
    const bench = new ClusterBench({ circuit_breakers: [{ max_connections: 1, max_pending_requests: 1 }] });
    const idle = bench.idle();
    const alone = new FakeRequest();
    bench.pool().acquireNew(alone);
    assert.equal(idle.open, false);
    bench.dialer.next().connected();
    const next = new FakeRequest();
    bench.pool().acquireNew(next);
    assert.equal(bench.pool().waiting, 1);
    alone.connection.receive('end');
    assert.deepEqual([next.log, next.reused], [['ready'], true]);
  });

  test('that is still being opened when the pool closes', () => {
    const bench = new ClusterBench();
    const alone = new FakeRequest();
    bench.pool().acquireNew(alone);
    bench.pool().close();
    assert.deepEqual(alone.log, ['failure shutdown']);
    assert.deepEqual([bench.pool().connecting, bench.pool().waiting], [0, 0]);
  });
});

describe('a connection that becomes free serves who has waited longest', () => {
  test('though another was being opened for it', () => {
    const bench = new ClusterBench();
    const busy = bench.request();
    const waiting = new FakeRequest();
    bench.pool().acquire(waiting);
    busy.connection.receive('end');
    assert.deepEqual(waiting.log, ['ready']);
    assert.equal(waiting.connection, busy.connection);
    bench.dialer.next().connected();
    assert.equal(bench.pool().idle, 1);
  });
});

describe('max_requests', () => {
  test('one too many is answered at once, and the connection stays in the pool', () => {
    const bench = new ClusterBench({ circuit_breakers: [{ max_requests: 1 }] });
    const first = bench.request();
    const busy = bench.request();
    assert.deepEqual(busy.log, ['failure upstream_overflow']);
    assert.equal(bench.dialer.all.length, 1, 'no connection is opened for it');
    first.connection.receive('end');
    assert.equal(bench.pool().idle, 1);
    assert.deepEqual(bench.request().log, ['ready']);
    assert.equal(bench.count('request_pending_overflow'), 1);
    assert.equal(bench.metrics.value('upstream/c/10.0.0.1:80/request_pending_overflow'), 1);
  });

  test('reached while connecting: the connection that comes stays', () => {
    const bench = new ClusterBench({ circuit_breakers: [{ max_requests: 1 }] });
    const requests = [new FakeRequest(), new FakeRequest()];
    for (const request of requests) bench.pool().acquire(request);
    bench.dialer.next().connected();
    bench.dialer.next().connected();
    assert.deepEqual(
      requests.map(({ log }) => log),
      [['ready'], ['failure upstream_overflow']],
    );
    assert.deepEqual([bench.pool().active, bench.pool().idle], [1, 1]);
    assert.equal(bench.cluster.breakers.requests.used, 1);
  });
});

describe('max_connections', () => {
  test('one too many is answered at once', () => {
    const bench = new ClusterBench({ circuit_breakers: [{ max_connections: 2 }] });
    bench.request();
    const connecting = new FakeRequest();
    bench.pool().acquire(connecting);
    const third = new FakeRequest();
    bench.pool().acquire(third);
    assert.deepEqual(third.log, ['failure upstream_overflow']);
    assert.equal(bench.count('request_pending_overflow'), 1);
  });

  test('an idle connection to another host makes room', () => {
    const bench = new ClusterBench({
      hosts: [{ address: '10.0.0.1:80' }, { address: '10.0.0.2:80' }],
      circuit_breakers: [{ max_connections: 1 }],
    });
    const idle = bench.idle(0);
    const request = bench.request(1);
    assert.deepEqual(request.log, ['ready']);
    assert.equal(idle.open, false);
    assert.equal(bench.cluster.breakers.connections.used, 1);
    idle.settle();
    assert.equal(bench.cluster.breakers.connections.used, 1, 'the slot is given back once');
  });
});

describe('max_pending_requests', () => {
  const limits = { max_connections: 1, max_pending_requests: 2 };

  test('that many wait, first come, first served', () => {
    const bench = new ClusterBench({ circuit_breakers: [limits] });
    const { connection } = bench.request();
    const requests = [new FakeRequest(), new FakeRequest(), new FakeRequest()];
    for (const request of requests) bench.pool().acquire(request);
    assert.deepEqual(
      requests.map(({ log }) => log),
      [[], [], ['failure upstream_overflow']],
    );
    assert.equal(bench.cluster.breakers.pendingRequests.used, 2);
    connection.receive('end');
    assert.deepEqual(requests[0]?.log, ['ready']);
    assert.equal(bench.cluster.breakers.pendingRequests.used, 1);
    connection.receive('end');
    assert.deepEqual(requests[1]?.log, ['ready']);
    assert.equal(bench.cluster.breakers.pendingRequests.used, 0);
    assert.equal(requests[1]?.reused, true);
  });

  test('the slot of a connection that is lost opens another for them', () => {
    const bench = new ClusterBench({ circuit_breakers: [limits] });
    const { connection } = bench.request();
    const waiting = new FakeRequest();
    bench.pool().acquire(waiting);
    connection.receive('last');
    bench.dialer.next().connected();
    assert.deepEqual(waiting.log, ['ready']);
  });

  test('a connect that fails fails the first, and the next gets a connection of its own', () => {
    const bench = new ClusterBench({ circuit_breakers: [limits] });
    const requests = [new FakeRequest(), new FakeRequest()];
    for (const request of requests) bench.pool().acquire(request);
    assert.equal(bench.dialer.pending, 1);
    bench.dialer.next().failed();
    assert.deepEqual(requests[0]?.log, ['failure upstream_connect_failed']);
    bench.dialer.next().connected();
    assert.deepEqual(requests[1]?.log, ['ready']);
  });

  test('waiting is bounded by pending_timeout, else by connect_timeout', () => {
    for (const [block, ms] of [
      [{ pending_timeout: '300ms' }, 300],
      [{ connect_timeout: '2s' }, 2000],
    ] as const) {
      const bench = new ClusterBench({ circuit_breakers: [limits], ...block });
      bench.request();
      const early = new FakeRequest();
      bench.pool().acquire(early);
      bench.clock.advance(100);
      const late = new FakeRequest();
      bench.pool().acquire(late);
      bench.clock.advance(ms - 101);
      assert.deepEqual([early.log, late.log], [[], []]);
      bench.clock.advance(1);
      assert.deepEqual([early.log, late.log], [['failure upstream_overflow'], []]);
      bench.clock.advance(100);
      assert.deepEqual(late.log, ['failure upstream_overflow']);
      assert.equal(bench.count('request_pending_overflow'), 2);
      assert.equal(bench.cluster.breakers.pendingRequests.used, 0);
    }
  });

  test('a cancelled request gives its place back', () => {
    const bench = new ClusterBench({ circuit_breakers: [limits] });
    bench.request();
    const requests = [new FakeRequest(), new FakeRequest(), new FakeRequest()];
    bench.pool().acquire(requests[0] as FakeRequest);
    bench.pool().acquire(requests[1] as FakeRequest);
    bench.pool().cancel(requests[0] as FakeRequest);
    bench.pool().acquire(requests[2] as FakeRequest);
    assert.deepEqual(
      requests.map(({ log }) => log),
      [[], [], []],
    );
  });

  test('a slot is not kept idle while requests for another host wait', () => {
    const bench = new ClusterBench({
      hosts: [{ address: '10.0.0.1:80' }, { address: '10.0.0.2:80' }],
      circuit_breakers: [limits],
    });
    const { connection } = bench.request(0);
    const waiting = new FakeRequest();
    bench.pool(1).acquire(waiting);
    connection.receive('end');
    assert.equal(connection.open, false);
    bench.dialer.next().connected();
    assert.deepEqual(waiting.log, ['ready']);
    assert.equal(waiting.client?.host.slot, 1);
  });

  test('hosts take turns at free slots', () => {
    const bench = new ClusterBench({
      hosts: [1, 2, 3].map((i) => ({ address: `10.0.0.${i}:80` })),
      circuit_breakers: [{ max_connections: 1, max_pending_requests: 10 }],
    });
    let { connection } = bench.request(0);
    for (let round = 0; round < 2; round++) {
      for (const host of [0, 1, 2]) bench.pool(host).acquire(new FakeRequest());
    }
    const served: string[] = [];
    for (let i = 0; i < 6; i++) {
      connection.receive('last');
      connection = bench.dialer.next().connected();
      served.push(connection.remoteAddress.host);
    }
    assert.deepEqual(new Set(served.slice(0, 3)).size, 3, `${served}`);
    assert.deepEqual(served.slice(3), served.slice(0, 3));
  });
});

describe('closing a pool', () => {
  test('closeIdle closes what is idle', () => {
    const bench = new ClusterBench();
    const busy = bench.request();
    const idle = bench.request().connection;
    idle.receive('end');
    bench.pool().closeIdle();
    assert.deepEqual([idle.open, busy.connection.open], [false, true]);
    busy.connection.receive('end');
    assert.equal(bench.pool().idle, 1);
  });

  test('drain: requests end, then their connections', () => {
    const bench = new ClusterBench();
    const busy = bench.request();
    bench.cluster.drain();
    busy.connection.receive('head');
    assert.equal(busy.connection.open, true);
    busy.connection.receive('end');
    assert.equal(busy.connection.open, false);
    assert.deepEqual(busy.log, ['ready', 'data head', 'end']);
  });

  test('close ends everything, once', () => {
    const bench = new ClusterBench();
    const busy = bench.request();
    const idle = bench.request().connection;
    idle.receive('end');
    // The idle one is taken; the next waits for a connection.
    bench.request();
    const waiting = new FakeRequest();
    bench.pool().acquire(waiting);
    bench.cluster.close();
    assert.deepEqual(waiting.log, ['failure shutdown']);
    assert.equal(bench.dialer.pending, 0);
    busy.connection.settle();
    idle.settle();
    assert.deepEqual(busy.log, ['ready', 'reset shutdown']);
    const pool = bench.pool();
    assert.deepEqual([pool.connecting, pool.active, pool.idle, pool.waiting], [0, 0, 0, 0]);
    assert.equal(bench.cluster.breakers.connections.used, 0);
    assert.equal(bench.cluster.breakers.requests.used, 0);
    assert.equal(bench.clock.armed, 0);
    const late = new FakeRequest();
    pool.acquire(late);
    assert.deepEqual(late.log, ['failure shutdown']);
  });

  test('close does not wait for a request to leave', () => {
    const bench = new ClusterBench();
    const { connection } = bench.request();
    connection.pending = 100;
    bench.cluster.close();
    assert.deepEqual(connection.log, ['destroy']);
  });

  test('from within onPoolReady: the connection that was not wanted is gone', () => {
    const bench = new ClusterBench();
    const connection = bench.idle();
    const request = new FakeRequest();
    request.onReady = () => bench.cluster.close();
    bench.pool().acquire(request);
    assert.equal(connection.open, false);
    assert.deepEqual([bench.pool().active, bench.pool().idle], [0, 0]);
    assert.equal(bench.cluster.breakers.requests.used, 0);
  });
});

describe('what is counted', () => {
  test('for the host and for its cluster', () => {
    const bench = new ClusterBench({ hosts: [{ address: '10.0.0.1:80' }, { address: '10.0.0.2:80' }] });
    bench.request(0).connection.receive('end');
    bench.request(1);
    for (const [key, first, second] of [
      ['connection_total', 1, 1],
      ['connection_active', 1, 1],
      ['request_total', 1, 1],
      ['request_active', 0, 1],
    ] as const) {
      assert.equal(bench.metrics.value(`upstream/c/10.0.0.1:80/${key}`), first, key);
      assert.equal(bench.metrics.value(`upstream/c/10.0.0.2:80/${key}`), second, key);
      assert.equal(bench.count(key), first + second, key);
    }
    const [first, second] = bench.cluster.hosts as [Host, Host];
    assert.deepEqual([first.activeRequests, first.activeConnections], [0, 1]);
    assert.deepEqual([second.activeRequests, second.activeConnections], [1, 1]);
  });

  test('bytes, by the totals of the connection, each once', () => {
    const bench = new ClusterBench();
    const request = bench.request();
    request.connection.writeText('12345');
    request.connection.receive('end');
    assert.equal(bench.count('connection_bytes_read_total'), 3);
    assert.equal(bench.count('connection_bytes_write'), 5);
    const again = bench.request();
    again.connection.writeText('67');
    again.connection.receive('head');
    again.connection.receiveReset();
    assert.equal(bench.count('connection_bytes_read_total'), 7);
    assert.equal(bench.count('connection_bytes_write'), 7);
  });

  test('a fault of ours is an internal error, not the host’s', () => {
    const bench = new ClusterBench();
    const request = bench.request();
    request.connection.destroy(CloseReason.Fault);
    request.connection.settle();
    assert.deepEqual(request.log, ['ready', 'reset internal_error']);
    assert.equal(bench.count('connection_local_close_with_active_request'), 1);
  });
});
