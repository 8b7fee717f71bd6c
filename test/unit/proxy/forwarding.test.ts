import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { RequestHeaderList } from '../../../src/api/headers.ts';
import { Forwarding } from '../../../src/proxy/forwarding.ts';

const DEFAULTS = { x_forwarded_for: true, x_forwarded_proto: true, via: true, loop_detection: true, max_hops: 3 };

function request(lines: [string, string][]): RequestHeaderList {
  const headers = new RequestHeaderList('GET', '/', 'a.example');
  for (const [name, value] of lines) headers.append(name, value);
  return headers;
}

describe('Forwarding', () => {
  it('appends the peer to what a trusted peer says', () => {
    const headers = request([
      ['X-Forwarded-For', '1.1.1.1'],
      ['X-Forwarded-For', '2.2.2.2'],
      ['X-Forwarded-Proto', 'https'],
      ['X-Mosn-Try-Timeout', '5'],
    ]);
    assert.equal(new Forwarding(DEFAULTS).apply(headers, '9.9.9.9', 'http', true), true);
    assert.deepEqual(headers.getAll('x-forwarded-for'), ['1.1.1.1, 2.2.2.2, 9.9.9.9']);
    assert.equal(headers.get('x-forwarded-proto'), 'https');
    assert.equal(headers.get('x-mosn-try-timeout'), '5');
    assert.equal(headers.get('via'), '1.1 weft');
  });

  it('replaces what an untrusted peer says and takes internal headers away', () => {
    const headers = request([
      ['X-Forwarded-For', '1.1.1.1'],
      ['X-Forwarded-Proto', 'https'],
      ['X-Forwarded-Host', 'evil.example'],
      ['x-forwarded-user', 'root'],
      ['X-Mosn-Try-Timeout', '5'],
      ['x-envoy-anything', '1'],
    ]);
    new Forwarding(DEFAULTS).apply(headers, '9.9.9.9', 'http', false);
    assert.deepEqual(headers.getAll('x-forwarded-for'), ['9.9.9.9']);
    assert.equal(headers.get('x-forwarded-proto'), 'http');
    assert.equal(headers.has('x-mosn-try-timeout'), false);
    assert.equal(headers.has('x-envoy-anything'), false);
    for (const name of ['x-forwarded-host', 'x-forwarded-user']) assert.equal(headers.has(name), false);
  });

  it('leaves X-Forwarded-* to others where it is turned off', () => {
    const headers = request([
      ['X-Forwarded-For', '1.1.1.1'],
      ['X-Forwarded-Host', 'a.example'],
    ]);
    new Forwarding({ ...DEFAULTS, x_forwarded_for: false }).apply(headers, '9.9.9.9', 'http', false);
    assert.equal(headers.get('x-forwarded-for'), '1.1.1.1');
    assert.equal(headers.get('x-forwarded-host'), 'a.example');
    assert.equal(headers.get('x-forwarded-proto'), 'http');
  });

  it('adds nothing for the peer of a unix socket', () => {
    const untrusted = request([['X-Forwarded-For', '1.1.1.1']]);
    new Forwarding(DEFAULTS).apply(untrusted, '', 'http', false);
    assert.equal(untrusted.has('x-forwarded-for'), false);
    const trusted = request([['X-Forwarded-For', '1.1.1.1']]);
    new Forwarding(DEFAULTS).apply(trusted, '', 'http', true);
    assert.deepEqual(trusted.getAll('x-forwarded-for'), ['1.1.1.1']);
  });

  it('finds loops by CDN-Loop, over lines and lists, and counts only itself', () => {
    const forwarding = new Forwarding(DEFAULTS);
    const twice = request([
      ['CDN-Loop', 'weft; a=b, other'],
      ['CDN-Loop', 'weft'],
    ]);
    assert.equal(forwarding.apply(twice, '9.9.9.9', 'http', false), true);
    const thrice = request([
      ['CDN-Loop', 'weft, weft'],
      ['CDN-Loop', 'weft'],
    ]);
    assert.equal(forwarding.apply(thrice, '9.9.9.9', 'http', false), false);
  });

  it('leaves everything alone when switched off', () => {
    const headers = request([['X-Forwarded-For', '1.1.1.1']]);
    const off = { x_forwarded_for: false, x_forwarded_proto: false, via: false, loop_detection: false, max_hops: 3 };
    new Forwarding(off).apply(headers, '9.9.9.9', 'http', true);
    assert.deepEqual(headers.getAll('x-forwarded-for'), ['1.1.1.1']);
    assert.equal(headers.has('via'), false);
    assert.equal(headers.has('cdn-loop'), false);
    assert.equal(headers.has('x-forwarded-proto'), false);
  });
});
