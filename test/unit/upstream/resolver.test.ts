import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Reason } from '../../../src/api/reason.ts';
import { type Family, type ResolvedAddress, Resolver, type ResolveWaiter } from '../../../src/upstream/resolver.ts';
import { ClusterBench, FakeClock, FakeRequest } from './fakes.ts';

/** Keeps every lookup for the test to answer. */
class FakeLookup {
  readonly names: string[] = [];
  readonly #open: ((error: Error | null, addresses: ResolvedAddress[]) => void)[] = [];

  readonly lookup = (name: string, done: (error: Error | null, addresses: ResolvedAddress[]) => void): void => {
    this.names.push(name);
    this.#open.push(done);
  };

  answer(...addresses: string[]): void {
    const found = addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
    this.#open.shift()?.(null, found);
  }

  fail(): void {
    this.#open.shift()?.(new Error('ENOTFOUND'), []);
  }
}

class Waiter implements ResolveWaiter {
  readonly family: Family;
  readonly answers: (string | undefined)[] = [];

  constructor(family: Family = 4) {
    this.family = family;
  }

  onResolved(address: string | undefined): void {
    this.answers.push(address);
  }
}

function setUp() {
  const clock = new FakeClock();
  const fake = new FakeLookup();
  const resolver = new Resolver(fake.lookup, clock);
  const ask = (family?: Family): Waiter => {
    const waiter = new Waiter(family);
    resolver.resolve('db.local', waiter);
    return waiter;
  };
  return { clock, fake, resolver, ask };
}

describe('Resolver', () => {
  test('all who ask meanwhile share one lookup', () => {
    const { fake, ask } = setUp();
    const waiters = [ask(), ask(), ask()];
    assert.deepEqual(fake.names, ['db.local']);
    fake.answer('10.1.1.1');
    assert.deepEqual(
      waiters.map(({ answers }) => answers),
      [['10.1.1.1'], ['10.1.1.1'], ['10.1.1.1']],
    );
  });

  test('an answer is used for 15 s, at once', () => {
    const { clock, fake, ask } = setUp();
    ask();
    fake.answer('10.1.1.1');
    clock.advance(14_999);
    assert.deepEqual(ask().answers, ['10.1.1.1']);
    assert.equal(fake.names.length, 1);
    clock.advance(1);
    const waiter = ask();
    assert.deepEqual(waiter.answers, []);
    fake.answer('10.1.1.2');
    assert.deepEqual(waiter.answers, ['10.1.1.2']);
  });

  test('several addresses are used in turn', () => {
    const { fake, ask } = setUp();
    ask();
    fake.answer('10.1.1.1', '10.1.1.2');
    assert.deepEqual(
      [ask(), ask(), ask()].map(({ answers }) => answers[0]),
      ['10.1.1.2', '10.1.1.1', '10.1.1.2'],
    );
  });

  test('the preferred family, else the other', () => {
    const { fake, ask } = setUp();
    const [v4, v6] = [ask(4), ask(6)];
    fake.answer('::1', '10.1.1.1');
    assert.deepEqual([v4.answers, v6.answers], [['10.1.1.1'], ['::1']]);

    const only = setUp();
    const waiter = only.ask(4);
    only.fake.answer('::1');
    assert.deepEqual(waiter.answers, ['::1']);
  });

  test('an unknown name is asked again after a second, not before', () => {
    const { clock, fake, ask } = setUp();
    const waiter = ask();
    fake.fail();
    assert.deepEqual(waiter.answers, [undefined]);
    assert.deepEqual(ask().answers, [undefined]);
    assert.equal(fake.names.length, 1);
    clock.advance(1000);
    const later = ask();
    fake.answer('10.1.1.1');
    assert.deepEqual(later.answers, ['10.1.1.1']);
  });

  test('no addresses are no answer', () => {
    const { fake, ask } = setUp();
    const waiter = ask();
    fake.answer();
    assert.deepEqual(waiter.answers, [undefined]);
  });

  test('when a lookup fails the last good answer is kept', () => {
    const { clock, fake, ask } = setUp();
    ask();
    fake.answer('10.1.1.1');
    clock.advance(15_000);
    const waiter = ask();
    fake.fail();
    assert.deepEqual(waiter.answers, ['10.1.1.1']);
    assert.deepEqual(ask().answers, ['10.1.1.1']);
    assert.equal(fake.names.length, 2);
    assert.equal(clock.armed, 0);
    clock.advance(1000);
    ask();
    assert.equal(fake.names.length, 3);
  });

  test('when a lookup is late the last good answer is used until it comes', () => {
    const { clock, fake, ask } = setUp();
    ask();
    fake.answer('10.1.1.1');
    clock.advance(20_000);
    const waiter = ask();
    clock.advance(999);
    assert.deepEqual(waiter.answers, []);
    clock.advance(1);
    assert.deepEqual(waiter.answers, ['10.1.1.1']);
    assert.deepEqual(ask().answers, ['10.1.1.1'], 'nobody else waits for it');
    assert.equal(fake.names.length, 2);
    fake.answer('10.1.1.2');
    assert.deepEqual(waiter.answers, ['10.1.1.1'], 'answered once');
    assert.deepEqual(ask().answers, ['10.1.1.2']);
    assert.equal(clock.armed, 0);
    clock.advance(15_000);
    assert.deepEqual(
      [ask(), ask()].map(({ answers }) => answers),
      [[], []],
      'the next lookup is not late yet',
    );
  });

  test('without any answer before, a late lookup is waited for', () => {
    const { clock, fake, ask } = setUp();
    const waiter = ask();
    clock.advance(60_000);
    assert.deepEqual(waiter.answers, []);
    fake.answer('10.1.1.1');
    assert.deepEqual(waiter.answers, ['10.1.1.1']);
  });

  test('who has cancelled is not told', () => {
    const { fake, resolver, ask } = setUp();
    const waiter = ask();
    resolver.cancel('db.local', waiter);
    fake.answer('10.1.1.1');
    assert.deepEqual(waiter.answers, []);
  });

  test('a waiter may ask again from within its answer', () => {
    const { fake, resolver } = setUp();
    const second = new Waiter();
    resolver.resolve('db.local', { family: 4, onResolved: () => resolver.resolve('db.local', second) });
    fake.answer('10.1.1.1');
    assert.deepEqual(second.answers, ['10.1.1.1']);
  });
});

describe('connecting to a host whose address is a name', () => {
  function named(block: object = {}) {
    const fake = new FakeLookup();
    const bench = new ClusterBench({ hosts: [{ address: 'db.local:5432' }], ...block }, fake.lookup);
    const request = new FakeRequest();
    bench.pool().acquire(request);
    return { fake, bench, request };
  }

  test('dials the address, with what is left of the time-out', () => {
    const { fake, bench, request } = named({ connect_timeout: '3s' });
    assert.equal(bench.dialer.pending, 0);
    bench.clock.advance(500);
    fake.answer('10.1.1.1');
    const [dialing] = bench.dialer.all;
    assert.equal(dialing?.address.text, '10.1.1.1:5432');
    assert.equal(dialing?.options.connectTimeout, 2500);
    bench.dialer.next().connected();
    assert.deepEqual(request.log, ['ready']);
    assert.equal(request.client?.host.address.text, 'db.local:5432');
    assert.equal(bench.clock.armed, 0);
  });

  test('IPv6 first when the cluster says so', () => {
    const { fake, bench } = named({ dns_lookup_family: 'V6_ONLY' });
    fake.answer('10.1.1.1', 'fd00::1');
    assert.equal(bench.dialer.all[0]?.address.text, '[fd00::1]:5432');
  });

  test('an unknown name is a failed connect', () => {
    const { fake, bench, request } = named();
    fake.fail();
    bench.clock.advance(0);
    assert.deepEqual(request.log, ['failure upstream_connect_failed']);
    assert.equal(bench.clock.armed, 0);
  });

  test('a failure that is known already is told later, never within acquire', () => {
    const { fake, bench } = named();
    fake.fail();
    bench.clock.advance(0);
    const second = new FakeRequest();
    bench.pool().acquire(second);
    assert.deepEqual(second.log, []);
    bench.clock.advance(0);
    assert.deepEqual(second.log, ['failure upstream_connect_failed']);
    assert.equal(fake.names.length, 1);
  });

  test('a lookup that takes too long is a connect time-out', () => {
    const { fake, bench, request } = named({ connect_timeout: '3s' });
    bench.clock.advance(2999);
    assert.deepEqual(request.log, []);
    bench.clock.advance(1);
    assert.deepEqual(request.log, [`failure ${Reason.ConnectTimeout.name}`]);
    fake.answer('10.1.1.1');
    assert.equal(bench.dialer.all.length, 0, 'and its answer dials nobody');
  });

  test('closing the pool while resolving or dialling tells nobody twice', () => {
    const resolving = named();
    resolving.bench.cluster.close();
    resolving.fake.answer('10.1.1.1');
    assert.equal(resolving.bench.dialer.all.length, 0);
    assert.deepEqual(resolving.request.log, ['failure shutdown']);
    assert.equal(resolving.bench.clock.armed, 0);

    const dialling = named();
    dialling.fake.answer('10.1.1.1');
    dialling.bench.cluster.close();
    assert.equal(dialling.bench.dialer.all[0]?.cancelled, true);
    assert.deepEqual(dialling.request.log, ['failure shutdown']);
    assert.equal(dialling.bench.clock.armed, 0);
  });
});
