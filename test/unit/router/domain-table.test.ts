import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DomainTable } from '../../../src/router/domain-table.ts';

/** A table in which every domain finds itself. */
function table(...domains: string[]): DomainTable<string> {
  const result = new DomainTable<string>();
  for (const domain of domains) assert.equal(result.add(domain, domain), undefined);
  return result;
}

describe('DomainTable', () => {
  it('prefers the exact port, then any port, then suffixes in the same order, then the default', () => {
    const order = ['www.a.com:80', 'www.a.com:*', '*.a.com:80', '*.a.com:*', '*'];
    for (let skip = 0; skip < order.length; skip++) {
      const rest = order.slice(skip);
      assert.equal(table(...rest.toReversed()).find('www.a.com:80'), rest[0]);
    }
  });

  it('takes the longest suffix first, whatever the order of the configuration', () => {
    const domains = table('*.com', '*-x.a.com', '*.a.com', '*.b.a.com', '*');
    assert.equal(domains.find('c.b.a.com'), '*.b.a.com');
    assert.equal(domains.find('b.a.com'), '*.a.com');
    assert.equal(domains.find('foo-x.a.com'), '*-x.a.com');
    assert.equal(domains.find('a.com'), '*.com');
    assert.equal(domains.find('a.org'), '*');
  });

  it('prefers a short suffix with the port to a long one with any port', () => {
    assert.equal(table('*.com:80', '*.a.com:*').find('www.a.com:80'), '*.com:80');
  });

  it('wants a wildcard to stand for something', () => {
    const domains = table('*.a.com', 'x');
    assert.equal(domains.find('.a.com'), undefined);
    assert.equal(domains.find('a.com'), undefined);
    assert.equal(domains.find('w.a.com'), '*.a.com');
  });

  it('matches a domain without a port to a Host without one only', () => {
    const domains = table('a.com', '*.b.com');
    assert.equal(domains.find('a.com'), 'a.com');
    assert.equal(domains.find('a.com:80'), undefined);
    assert.equal(domains.find('w.b.com:80'), undefined);
    assert.equal(table('a.com:*').find('a.com'), 'a.com:*');
  });

  it('takes a lone star with a port for a suffix', () => {
    const domains = table('*:8080', '*');
    assert.equal(domains.find('a.com:8080'), '*:8080');
    assert.equal(domains.find('a.com:80'), '*');
  });

  it('ignores case on both sides', () => {
    assert.equal(table('WWW.A.com', '*').find('www.a.COM'), 'WWW.A.com');
    assert.equal(table('*.A.com', '*').find('w.a.COM'), '*.A.com');
  });

  it('reads the Host only when there is more than the default', () => {
    for (const name of ['*', '*:*']) {
      assert.equal(table(name).find(''), name);
      assert.equal(table(name).find('a:b:c'), name);
    }
    const domains = table('*', 'a.com');
    assert.equal(domains.find(''), undefined);
    assert.equal(domains.find('a:b:c'), undefined);
    assert.equal(domains.find('b.com'), '*');
  });

  it('knows IPv6 literals', () => {
    const domains = table('[::1]:80', '[::2]', '[::3]:*');
    assert.equal(domains.find('[::1]:80'), '[::1]:80');
    assert.equal(domains.find('[::2]'), '[::2]');
    assert.equal(domains.find('[::3]:1'), '[::3]:*');
    assert.equal(domains.find('[::3]'), '[::3]:*');
    assert.equal(domains.find('[::1]'), undefined);
    assert.equal(domains.find('[::1'), undefined);
  });

  it('takes an empty port for none', () => {
    assert.equal(table('a.com').find('a.com:'), 'a.com');
    assert.equal(table('a.com:').find('a.com'), 'a.com:');
  });

  it('is not led astray by names of object properties', () => {
    assert.equal(table('a.com').find('__proto__'), undefined);
    assert.equal(table('*.com').find('constructor:toString'), undefined);
  });

  for (const [domains, fault] of [
    [['a.com', 'A.com'], /already taken/],
    [['a.com:80', 'a.com:80'], /already taken/],
    [['a.com:*', 'a.com:*'], /already taken/],
    [['*.a.com', '*.a.com'], /already taken/],
    [['*', '*:*'], /second default/],
    [['a.*.com'], /not at its beginning/],
    [['*.a*'], /not at its beginning/],
    [['a:b:c'], /not a host name/],
    [[':80'], /not a host name/],
  ] as const) {
    it(`refuses ${domains.join(' beside ')}`, () => {
      const last = domains.length - 1;
      assert.match(table(...domains.slice(0, last)).add(domains[last] as string, '') ?? '', fault);
    });
  }

  it('keeps the same name apart by port', () => {
    table('a.com', 'a.com:80', 'a.com:*', '*.a.com', '*.a.com:80', '*.a.com:*', '*');
  });

  it('tells which domains miss requests with a port', () => {
    const domains = table('a.com', 'b.com', 'b.com:*', 'c.com', 'c.com:80', '*.d.com', '*.e.com', '*.e.com:*', '*');
    const lacking = ['a.com', 'b.com', 'c.com', 'b.com:*', '*.d.com', '*.e.com', '*'].filter((d) =>
      domains.lacksPorts(d),
    );
    assert.deepEqual(lacking, ['a.com', '*.d.com']);
  });
});
