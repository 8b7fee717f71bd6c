import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Candidate, CandidateList } from '../../../src/router/candidate-list.ts';
import { Condition, Field } from '../../../src/router/condition.ts';
import { LiteralTrie } from '../../../src/router/literal-trie.ts';
import { request } from './support.ts';

const NONE = 1_000;

function trieOf(literals: readonly string[]): LiteralTrie {
  const trie = new LiteralTrie();
  for (const [i, literal] of literals.entries()) {
    trie.add(literal, new CandidateList([new Candidate(i, undefined, [], undefined)]));
  }
  return trie;
}

function lowest(literals: readonly string[], holds: (literal: string) => boolean): number {
  const position = literals.findIndex(holds);
  return position < 0 ? NONE : position;
}

describe('LiteralTrie', () => {
  it('finds the first literal that a text begins with, and the first that it contains', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(fc.uniqueArray(text, { maxLength: 20 }), fc.array(text, { maxLength: 20 }), (literals, texts) => {
        const trie = trieOf(literals);
        for (const one of texts) {
          const begins = trie.firstAtStart(one, request(), NONE);
          const contains = trie.firstWithin(one, request(), NONE);
          assert.equal(
            begins,
            lowest(literals, (literal) => one.startsWith(literal)),
          );
          assert.equal(
            contains,
            lowest(literals, (literal) => one.includes(literal)),
          );
        }
      }),
    );
  });

  it('looks for what is better than the best so far only', () => {
    const trie = trieOf(['ab', 'a']);
    assert.equal(trie.firstAtStart('abc', request(), 1), 0);
    assert.equal(trie.firstAtStart('abc', request(), 0), 0);
    assert.equal(trie.firstAtStart('ac', request(), 1), 1);
  });

  it('asks each candidate once per search, however often its literal occurs', () => {
    const never = new Candidate(0, undefined, [new Condition(Field.variable('v'), 'x')], undefined);
    const trie = new LiteralTrie();
    trie.add('a', new CandidateList([never]));
    let asked = 0;
    const counting = {
      ...request(),
      getVariable: (): undefined => {
        asked++;
      },
    };
    assert.equal(trie.firstWithin('a'.repeat(100), counting, NONE), NONE);
    assert.equal(asked, 1);
    trie.firstWithin('a', counting, NONE);
    assert.equal(asked, 2);
  });
});
