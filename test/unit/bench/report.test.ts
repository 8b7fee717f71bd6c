import assert from 'node:assert/strict';
import { test } from 'node:test';
import { figureBar, ratioBar, reportText } from '../../../bench/report.ts';
import { ratio } from '../../../bench/statistics.ts';

const steady = ratio([12, 12, 12], [10, 10, 10]);

test('a bar is held, missed, void or not measured', () => {
  assert.equal(ratioBar('', steady, 1.25).verdict, 'pass');
  assert.equal(ratioBar('', steady, 1.1).verdict, 'fail');
  assert.equal(ratioBar('', steady, 1.1, true).verdict, 'pass');
  assert.equal(ratioBar('', steady, 1.25, true).verdict, 'fail');
  assert.equal(ratioBar('', ratio([1, 2, 4], [1, 2, 4]), 1.25).verdict, 'void');
  assert.equal(ratioBar('', undefined, 1.25).verdict, 'not measured');
  assert.equal(figureBar('', 8, 8).verdict, 'pass');
  assert.equal(figureBar('', 8.1, 8).verdict, 'fail');
  assert.equal(figureBar('', undefined, 8).verdict, 'not measured');
});

test('the text has aligned tables, each skipped peer once, and the bars', () => {
  const reason = 'it is not installed';
  const text = reportText({
    tables: [
      {
        title: 'a title',
        rows: [
          ['peer', 'µs'],
          ['nginx', '12.5'],
        ],
      },
    ],
    bars: [ratioBar('at most 1.25 × nginx', steady, 1.25), figureBar('at most 8 KiB', 9, 8)],
    skipped: [
      { peer: 'weft', reason },
      { peer: 'weft', reason },
    ],
    samples: {},
  });
  assert.equal(
    text,
    `a title
  peer     µs
  -----  ----
  nginx  12.5

skipped weft: it is not installed

pass          at most 1.25 × nginx: 1.20 [1.20, 1.20]
fail          at most 8 KiB: 9.0
`,
  );
});
