import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { PathPattern } from '../../../src/router/path-pattern.ts';
import { Pattern } from '../../../src/router/pattern.ts';
import { patternParts } from '../../../src/router/pattern-parts.ts';

describe('patternParts', () => {
  for (const [pattern, head, rest, inner] of [
    ['^/api/v1', '/api/v1', '', []],
    ['/api/v1', '/api/v1', '', []],
    ['^/api/[0-9]+/users$', '/api/', '[0-9]+/users$', ['/users']],
    ['^/a\\.b\\/c', '/a.b/c', '', []],
    ['.*\\.jpg$', '', '.*\\.jpg$', ['.jpg']],
    ['/foo/(a|b)/bar', '/foo/', '(a|b)/bar', ['/bar']],
    ['/foo/(?:a(b)[)])?/bar', '/foo/', '(?:a(b)[)])?/bar', ['/bar']],
    ['/foo[]a)(]bar', '/foo', '[]a)(]bar', ['bar']],
    ['/foo[^]x]bar', '/foo', '[^]x]bar', ['bar']],
    ['^/abc?d', '/ab', 'c?d', []],
    ['^/abc*', '/ab', 'c*', []],
    ['^/abc+de', '/ab', 'c+de', ['de']],
    ['^/ab{2,3}cd', '/a', 'b{2,3}cd', ['cd']],
    ['^/ab{0}', '/a', 'b{0}', []],
    ['^/a\\.?bc', '/a', '\\.?bc', ['bc']],
    ['^a?bcd', '', 'a?bcd', ['bcd']],
    ['^^abc', '', '^abc', ['abc']],
    ['/ab\\d+cd\\bef', '/ab', '\\d+cd\\bef', ['cd', 'ef']],
    ['a.b', 'a', '.b', []],
  ] as const) {
    it(`reads ${pattern}`, () => {
      new Pattern(pattern);
      assert.deepEqual(patternParts(pattern), { anchored: pattern.startsWith('^'), head, rest, inner });
    });
  }

  for (const pattern of [
    ...['/abc|/def', '(?i)/abc', '/abc(?i)def', '/abc(?P<x>y)', '\\Q/abc|\\E', '/abc(\\Q)\\E)', '/abc\\x41'],
    ...['/abc\\pLd', '/abc{|/def}', '/abc[[:alpha:]]', '^*abc'],
  ]) {
    it(`leaves ${pattern} alone`, () => {
      new Pattern(pattern);
      assert.deepEqual(patternParts(pattern), { anchored: false, head: '', rest: pattern, inner: [] });
    });
  }
});

const atom = fc.constantFrom(
  ...[
    'a',
    'b',
    '/',
    '.',
    '^',
    '$',
    '\\.',
    '\\d',
    '\\b',
    '\\B',
    '[ab]',
    '[^a]',
    '[]b]',
    '[(]',
    '(a)',
    '(a|b)',
    '(?:ab)',
  ],
  ...['(?i)', '|', '{', '}', '(a[)|]b)', '(\\)b)', '\\Qa|b\\E', '\\x61', '\\pL', '(?P<n>a)', '\u00e9', '\\[', '(^a)'],
);
const quantifier = fc.constantFrom('', '', '', '*', '+', '?', '*?', '+?', '??', '{0}', '{0,1}', '{1,}', '{2}', '{x');
const loose = fc
  .array(fc.tuple(atom, quantifier), { minLength: 1, maxLength: 7 })
  .map((parts) => parts.flat().join(''));
/** Most patterns that people write begin with a text. */
const usual = fc
  .tuple(fc.constantFrom('', '^'), fc.constantFrom('a', '/a', '/a/b'), loose)
  .map((parts) => parts.join(''));
const pattern = fc.oneof(loose, usual);
const char = fc.constantFrom('a', 'b', 'A', '/', '.', '1', ')', '|', '{', 'x', '[', '/a');
const text = fc.array(char, { maxLength: 8 }).map((chars) => chars.join(''));
const texts = fc.array(text, { minLength: 8, maxLength: 8 });

/** Runs a property of a pattern and the texts that it matches and does not match; checks that there were some. */
function forAll(property: (source: string, text: string, matches: boolean) => void): void {
  const seen = [0, 0];
  fc.assert(
    fc.property(pattern, texts, (source, all) => {
      let whole: Pattern;
      try {
        whole = new Pattern(source);
      } catch {
        fc.pre(false);
      }
      for (const one of all) {
        const matches = whole.test(one);
        seen[Number(matches)]!++;
        property(source, one, matches);
      }
    }),
    { numRuns: 5_000 },
  );
  assert.ok(Math.min(...seen) > 1_000);
}

describe('PathPattern', () => {
  it('matches what the whole pattern matches', () => {
    const shared = new Map();
    forAll((source, one, matches) => {
      assert.equal(new PathPattern(source, shared).test(one), matches, `${source} on ${JSON.stringify(one)}`);
    });
    assert.ok(shared.size > 100);
  });

  it('knows texts that every match has', () => {
    forAll((source, one, matches) => {
      const { anchored, head, inner } = new PathPattern(source, new Map()).parts;
      if (!matches) return;
      assert.ok(anchored ? one.startsWith(head) : one.includes(head), `${source} matches ${one} without ${head}`);
      for (const part of inner) assert.ok(one.includes(part), `${source} matches ${one} without ${part}`);
    });
  });

  it('shares what follows different texts', () => {
    const shared = new Map();
    for (const name of ['a', 'b', 'c']) new PathPattern(`^/${name}/[0-9]+$`, shared);
    assert.deepEqual([...shared.keys()], ['[0-9]+$']);
  });

  it('says what is wrong with a pattern as it was written', () => {
    assert.throws(() => new PathPattern('^/a/(', new Map()), /missing closing \): `\^\/a\/\(`/);
  });
});
