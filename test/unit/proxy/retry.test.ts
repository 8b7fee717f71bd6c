import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Reason } from '../../../src/api/reason.ts';
import { isIdempotent, RetryState } from '../../../src/proxy/retry.ts';
import type { RetryPolicy } from '../../../src/router/route.ts';

function policy(over: Partial<RetryPolicy> = {}): RetryPolicy {
  return { retryOn: true, perTryTimeout: 0, retries: 3, statusCodes: [], ...over };
}

describe('RetryState', () => {
  it('retries connection failures without a policy, nothing else', () => {
    const state = new RetryState(policy({ retryOn: false }));
    assert.equal(state.wantsFailure(Reason.ConnectFailed), true);
    assert.equal(state.wantsFailure(Reason.ConnectTimeout), true);
    assert.equal(state.wantsFailure(Reason.UpstreamReset), false);
    assert.equal(state.wantsFailure(Reason.PerTryTimeout), false);
    assert.equal(state.wantsStatus(503), false);
  });

  it('never retries overflow or the global time-out', () => {
    const state = new RetryState(policy());
    assert.equal(state.wantsFailure(Reason.Overflow), false);
    assert.equal(state.wantsFailure(Reason.GlobalTimeout), false);
    assert.equal(state.wantsFailure(Reason.UpstreamReset), true);
  });

  it('retries the listed codes, or every 5xx when none is listed', () => {
    const listed = new RetryState(policy({ statusCodes: [404] }));
    assert.deepEqual(
      [404, 500].map((code) => listed.wantsStatus(code)),
      [true, false],
    );
    const open = new RetryState(policy());
    assert.deepEqual(
      [404, 499, 500, 599].map((code) => open.wantsStatus(code)),
      [false, false, true, true],
    );
  });

  it('allows exactly as many as the policy says, with growing full-jitter back-off', () => {
    const state = new RetryState(policy({ retries: 6 }));
    const waits = Array.from({ length: 6 }, () => state.take(() => 1));
    assert.deepEqual(waits, [10, 20, 40, 80, 160, 250]);
    assert.equal(state.wantsFailure(Reason.ConnectFailed), false);
    assert.equal(
      new RetryState(policy()).take(() => 0),
      0,
    );
  });

  it('bounds replays after the keep-alive race apart from retries', () => {
    const state = new RetryState(policy({ retries: 0 }));
    assert.deepEqual(
      [1, 2, 3, 4].map(() => state.takeRace()),
      [true, true, true, false],
    );
  });

  it('knows idempotent methods (RFC 9110, section 9.2.2)', () => {
    assert.deepEqual(['GET', 'PUT', 'DELETE', 'POST', 'PATCH', 'get'].map(isIdempotent), [
      true,
      true,
      true,
      false,
      false,
      false,
    ]);
  });
});
