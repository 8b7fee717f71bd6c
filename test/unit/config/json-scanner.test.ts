import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { findSyntaxError } from '../../../src/config/json-scanner.ts';

const FAULTS: [string, number, RegExp][] = [
  ['', 0, /expected a value, found the end of the file/],
  ['{"a": 1,}', 8, /a key in double quotes, found "}"/],
  ['[1, 2,]', 6, /expected a value, found "\]"/],
  ['{"a": 1 "b": 2}', 8, /expected "," or "}", found "\\""/],
  ['[1 2]', 3, /expected "," or "\]"/],
  ['{"a" 1}', 5, /expected ":"/],
  ["{'a': 1}", 1, /a key in double quotes/],
  ['{a: 1}', 1, /a key in double quotes/],
  ['{"a": yes}', 6, /expected a value/],
  ['{"a": 01}', 7, /expected "," or "}"/],
  ['{"a": "x\ny"}', 8, /control character/],
  ['{"a": "\\q"}', 8, /escape/],
  ['{"a": "x', 8, /closing quote/],
  ['{"a": 1} x', 9, /expected the end of the file, found "x"/],
  ['{"a": [1, {"b": 2]}', 17, /expected "," or "}", found "\]"/],
  ['// c\n{}', 0, /JSON has no comments/],
];

test('says what is wrong and where', () => {
  for (const [text, offset, message] of FAULTS) {
    const error = findSyntaxError(text);
    assert.ok(error, text);
    assert.match(error.message, message);
    assert.equal(error.offset, offset, text);
  }
});

test('deep nesting costs no stack', () => {
  const depth = 500_000;
  assert.equal(findSyntaxError('['.repeat(depth) + ']'.repeat(depth)), undefined);
  assert.equal(findSyntaxError('['.repeat(depth))?.offset, depth);
});

test('agrees with JSON.parse about every text', () => {
  const parses = (text: string): boolean => {
    try {
      JSON.parse(text);
      return true;
    } catch {
      return false;
    }
  };
  const agree = (text: string) => assert.equal(findSyntaxError(text) === undefined, parses(text), JSON.stringify(text));
  const spaced = fc.json().map((text) => ` ${text}\r\n\t`);
  fc.assert(fc.property(spaced, agree));
  const pieces = [
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '"',
    '"a"',
    '\\',
    '\\u00e9',
    '0',
    '-',
    '1.5',
    'e+3',
    'true',
    'null',
    ' ',
  ];
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...pieces), { maxLength: 9 }), (parts) => agree(parts.join(''))),
    { numRuns: 5_000 },
  );
  // One edit away from JSON.
  fc.assert(
    fc.property(fc.json(), fc.nat(), fc.constantFrom(...pieces, ''), (text, at, piece) => {
      const cut = at % (text.length + 1);
      agree(text.slice(0, cut) + piece + text.slice(cut + 1));
    }),
    { numRuns: 2_000 },
  );
});
