/** The index finds the route that a reader of the list, from its top, would find. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Pattern } from '../../../src/router/pattern.ts';
import { type Asked, compileGood, noRandom, oneHost, request } from './support.ts';

interface Match {
  prefix?: string;
  path?: string;
  regex?: string;
  variables?: { name: string; value: string; model: string }[];
  headers?: { name: string; value: string; regex: boolean }[];
}

/** The rules of matching once more, as plainly as can be. */
function matches(match: Match, { path = '', headers = {}, method, variables = {} }: Asked): boolean {
  if (match.variables !== undefined) {
    // Groups joined by `and`, of which one must hold.
    const groups: boolean[][] = [[]];
    for (const { name, value, model } of match.variables) {
      groups.at(-1)?.push(variables[name] === value);
      if (model === 'or') groups.push([]);
    }
    return groups.some((group) => group.length > 0 && group.every(Boolean));
  }
  for (const { name, value, regex } of match.headers ?? []) {
    const actual = name === 'method' ? method : [headers[name] ?? []].flat()[0];
    if (actual === undefined) return false;
    if (regex ? !new Pattern(value).test(actual) : actual !== value) return false;
  }
  if (match.prefix !== undefined) return path.startsWith(match.prefix);
  if (match.path !== undefined) return path.toLowerCase() === match.path.toLowerCase();
  return match.regex === undefined || new Pattern(match.regex).test(path);
}

const segment = fc.constantFrom('a', 'b', 'ab', 'abc', 'A', '1', '');
const path = fc.array(segment, { maxLength: 4 }).map((segments) => `/${segments.join('/')}`);
const value = fc.constantFrom('1', '2', '');
const name = fc.constantFrom('x', 'y', 'z');

const headers = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ name, value, regex: fc.boolean() }) },
    {
      weight: 1,
      arbitrary: fc.record({ name: fc.constant('method'), value: fc.constantFrom('GET', 'PUT'), regex: fc.boolean() }),
    },
  ),
  { maxLength: 2 },
);

const regex = fc
  .tuple(fc.constantFrom('^', ''), path, fc.constantFrom('', '$', '[ab]+', '.*', '/?', '(/|b)', '+c'), path)
  .map(([anchor, before, middle, after]) => anchor + before + middle + (middle === '$' ? '' : after));

const match: fc.Arbitrary<Match> = fc.oneof(
  fc.record({ prefix: path, headers }),
  fc.record({ path, headers }),
  fc.record({ regex, headers }),
  fc.record({ headers }),
  fc.record({
    variables: fc.array(fc.record({ name, value: fc.constantFrom('1', '2'), model: fc.constantFrom('and', 'or') }), {
      minLength: 1,
      maxLength: 3,
    }),
  }),
);

const asked: fc.Arbitrary<Asked> = fc.record({
  path,
  method: fc.constantFrom('GET', 'PUT'),
  headers: fc.dictionary(name, fc.oneof(value, fc.array(value, { minLength: 1, maxLength: 2 }))),
  variables: fc.dictionary(name, fc.constantFrom('1', '2')),
});

function winners(all: readonly Match[], requests: readonly Asked[]): { found: number[]; expected: number[] } {
  const routers = all.map((one, i) => ({ match: one, route: { cluster_name: `${i}` } }));
  const { table } = compileGood(oneHost(routers));
  const found = requests.map((one) => Number(table.match(request(one))?.chooseCluster(noRandom, request(one)) ?? -1));
  return { found, expected: requests.map((one) => all.findIndex((candidate) => matches(candidate, one))) };
}

describe('RouteIndex', () => {
  it('finds the first match of any list', () => {
    let hits = 0;
    fc.assert(
      fc.property(
        fc.array(match, { minLength: 1, maxLength: 30 }),
        fc.array(asked, { minLength: 10, maxLength: 10 }),
        (all, requests) => {
          const { found, expected } = winners(all, requests);
          assert.deepEqual(found, expected);
          hits += found.filter((position) => position > 0).length;
        },
      ),
      { numRuns: 500 },
    );
    // Not all of them at the top of the list, or nothing is proved.
    assert.ok(hits > 1_000);
  });

  it('finds each of a thousand routes of one path by its header', () => {
    const all = Array.from({ length: 1_000 }, (_, i) => ({
      prefix: '/',
      headers: [
        { name: 'common', value: '1', regex: false },
        { name: 'id', value: `${i}`, regex: false },
      ],
    }));
    const requests = [0, 1, 500, 999, 1_000].map((id) => ({ path: '/', headers: { common: '1', id: `${id}` } }));
    const { found, expected } = winners(all, requests);
    assert.deepEqual(found, expected);
    assert.deepEqual(found, [0, 1, 500, 999, -1]);
  });
});
