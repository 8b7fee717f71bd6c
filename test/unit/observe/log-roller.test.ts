import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DAILY, parseLogRoller, periodOf, ROLLED_SUFFIX, rolledSuffix } from '../../../src/observe/log-roller.ts';

describe('log roller', () => {
  it('reads what MOSN reads, with its defaults', () => {
    const defaults = { hours: 0, maxBytes: 1000 * 1024 * 1024, maxAgeDays: 7, keep: 10, compress: false };
    assert.deepEqual(parseLogRoller(''), defaults);
    assert.deepEqual(parseLogRoller('time=2'), { ...defaults, hours: 2 });
    assert.deepEqual(parseLogRoller('size=100  age=10 keep=3 compress=on'), {
      hours: 0,
      maxBytes: 100 * 1024 * 1024,
      maxAgeDays: 10,
      keep: 3,
      compress: true,
    });
    assert.equal(parseLogRoller('compress=off').compress, false);
  });

  const wrong = [
    'time',
    'time=',
    'time=0',
    'time=25',
    'time=1.5',
    'size=0',
    'size=-1',
    'keep=x',
    'compress=yes',
    'x=1',
  ];
  for (const text of wrong) {
    it(`refuses ${text}`, () =>
      assert.throws(() => parseLogRoller(`age=1 ${text}`), new RegExp(`cannot read "${text}"`)));
  }

  it('divides a local day into periods', () => {
    const at = (hour: number, minute = 0) => new Date(2026, 2, 3, hour, minute).getTime();
    assert.deepEqual(periodOf(DAILY, at(13)), { start: at(0), end: at(24) });
    const six = parseLogRoller('time=6');
    assert.deepEqual(periodOf(six, at(6)), { start: at(6), end: at(12) });
    assert.deepEqual(periodOf(six, at(5, 59)), { start: at(0), end: at(6) });
    // The last period of a day that 7 hours do not divide is shorter.
    assert.deepEqual(periodOf(parseLogRoller('time=7'), at(22)), { start: at(21), end: at(24) });
  });

  it('names rolled files after the beginning of their period', () => {
    const start = new Date(2026, 2, 3, 6).getTime();
    assert.equal(rolledSuffix(DAILY, start), '.2026-03-03');
    assert.equal(rolledSuffix(parseLogRoller('time=6'), start), '.2026-03-03_06');
    assert.equal(rolledSuffix(parseLogRoller('size=1'), start), '.2026-03-03');
  });

  it('knows its own names and no others', () => {
    for (const name of ['.2026-03-03', '.2026-03-03_06', '.2026-03-03.1', '.2026-03-03_06.12.gz', '.2026-03-03.gz']) {
      assert.match(name, ROLLED_SUFFIX);
    }
    for (const name of ['', '.1', '.gz', '.2026-03', '.2026-03-03.bak', '-2026-03-03', '.2026-03-03.1.2']) {
      assert.doesNotMatch(name, ROLLED_SUFFIX);
    }
  });
});
