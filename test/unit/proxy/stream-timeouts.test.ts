import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { RequestHeaderList } from '../../../src/api/headers.ts';
import type { StreamRecord } from '../../../src/proxy/stream-record.ts';
import { globalTimeout, perTryTimeout } from '../../../src/proxy/stream-timeouts.ts';
import type { Route } from '../../../src/router/route.ts';

const HOUR = 3_600_000;

function stream(header = '', variable?: string): StreamRecord {
  const requestHeaders = new RequestHeaderList('GET', '/', 'h');
  for (const name of ['x-mosn-global-timeout', 'x-mosn-try-timeout']) requestHeaders.append(name, header);
  const variables =
    variable === undefined
      ? undefined
      : new Map(['proxy_global_timeout', 'proxy_try_timeout'].map((name) => [name, variable]));
  return { requestHeaders, variables } as unknown as StreamRecord;
}

function route(timeout: number | undefined, perTry = 0): Route {
  return { timeout, retry: { perTryTimeout: perTry } } as unknown as Route;
}

describe('time-outs of a request', () => {
  it('are the route’s, 60 s without one, none when that is negative', () => {
    assert.equal(globalTimeout(stream(), route(undefined), false), 60_000);
    assert.equal(globalTimeout(stream(), route(0), false), 60_000);
    assert.equal(globalTimeout(stream(), route(5), false), 5);
    assert.equal(globalTimeout(stream(), route(-1), false), 0);
    assert.equal(perTryTimeout(stream(), route(5, 3), false), 3);
  });

  it('are what a trusted peer asks for, and never more than an hour', () => {
    for (const [asked, given] of [
      ['7', 7],
      [String(2 * HOUR), HOUR],
      ['-1', HOUR],
      ['7s', 5],
      ['', 5],
    ] as const) {
      assert.equal(globalTimeout(stream(asked), route(5), true), given, asked);
      assert.equal(perTryTimeout(stream(asked), route(undefined, 5), true), given, asked);
    }
    assert.equal(globalTimeout(stream('7'), route(5), false), 5, 'nobody else is heard');
  });

  it('are above all what a variable says', () => {
    assert.equal(globalTimeout(stream('7', '9'), route(5), true), 9);
    assert.equal(globalTimeout(stream('7', '-1'), route(5), true), 0);
    assert.equal(perTryTimeout(stream('7', '9'), route(5, 3), true), 9);
  });
});
