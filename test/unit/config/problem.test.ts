import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatPath, formatProblems, type LocatedProblem } from '../../../src/config/problem.ts';

test('paths', () => {
  assert.equal(
    formatPath(['servers', 0, 'per_filter_config', 'istio.stats', 'x-y']),
    'servers[0].per_filter_config["istio.stats"].x-y',
  );
});

test('lines', () => {
  const problem: LocatedProblem = {
    severity: 'error',
    path: ['a', 0],
    message: 'expected boolean, found string "yes"',
    suggestion: 'true',
    file: 'c.json',
    line: 3,
    column: 7,
  };
  assert.deepEqual(formatProblems([problem, { ...problem, path: [], line: 0, message: 'cannot be read' }]), [
    'c.json:3:7: error: a[0]: expected boolean, found string "yes"; did you mean true?',
    'c.json: error: cannot be read; did you mean true?',
  ]);
});

test('warnings that repeat become one line, errors never', () => {
  const at = (severity: 'error' | 'warning', index: number, key: string): LocatedProblem => {
    return { severity, path: ['routes', index, key], message: 'm', file: 'f', line: index + 1, column: 1 };
  };
  const problems = [
    at('warning', 0, 'x'),
    at('error', 1, 'x'),
    at('warning', 2, 'y'),
    at('warning', 3, 'x'),
    at('error', 4, 'x'),
  ];
  assert.deepEqual(formatProblems(problems), [
    'f:1:1: warning: routes[0].x: m (and 1 more like it)',
    'f:2:1: error: routes[1].x: m',
    'f:3:1: warning: routes[2].y: m',
    'f:5:1: error: routes[4].x: m',
  ]);
});
