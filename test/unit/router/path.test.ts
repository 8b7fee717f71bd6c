import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { normalizeConfiguredPath, normalizePath } from '../../../src/router/path.ts';

function normalized(target: string): { path: string; query: string; dotSegments: boolean } | undefined {
  const result = normalizePath(target);
  return result && { path: result.path, query: result.query, dotSegments: result.dotSegments };
}

describe('normalizePath', () => {
  it('leaves plain targets as they are', () => {
    assert.deepEqual(normalized('/'), { path: '/', query: '', dotSegments: false });
    assert.deepEqual(normalized('/a/b.c/..d/e..'), { path: '/a/b.c/..d/e..', query: '', dotSegments: false });
    assert.deepEqual(normalized('/a?b=/../c%zz\\'), { path: '/a', query: '?b=/../c%zz\\', dotSegments: false });
    assert.deepEqual(normalized('/a?'), { path: '/a', query: '?', dotSegments: false });
    assert.deepEqual(normalized('*'), { path: '*', query: '', dotSegments: false });
    assert.equal(normalized("/a;b=c/d,e:f@g!$&'()*+=")?.path, "/a;b=c/d,e:f@g!$&'()*+=");
  });

  it('resolves dot segments (RFC 3986, section 5.2.4)', () => {
    for (const [target, path] of [
      ['/a/b/c/./../../g', '/a/g'],
      ['/..', '/'],
      ['/../../a', '/a'],
      ['/a/..', '/'],
      ['/a/.', '/a/'],
      ['/a/b/..', '/a/'],
      ['/a//../b', '/a/b'],
      ['/%2e%2E/a', '/a'],
      ['/a/.%2e/b', '/b'],
      ['/a/%2e', '/a/'],
    ] as const) {
      assert.deepEqual(normalized(target), { path, query: '', dotSegments: true }, target);
    }
    assert.deepEqual(normalized('/a/../b?x=..'), { path: '/b', query: '?x=..', dotSegments: true });
  });

  it('decodes what needs no escape and writes the rest one way, without asking to forward it so', () => {
    assert.deepEqual(normalized('/%41%7e%2D'), { path: '/A~-', query: '', dotSegments: false });
    assert.equal(normalized('/a%2fb%3a')?.path, '/a%2Fb%3A');
    assert.equal(normalized('/{a}|"<b>^`')?.path, '/%7Ba%7D%7C%22%3Cb%3E%5E%60');
    assert.equal(normalized('/%e4%bd%a0')?.path, '/%E4%BD%A0');
  });

  it('keeps empty segments', () => {
    assert.equal(normalized('//a///b')?.path, '//a///b');
    assert.equal(normalized('/a/..//b')?.path, '//b');
  });

  it('decodes once', () => {
    assert.equal(normalized('/%2541')?.path, '/%2541');
    assert.equal(normalized('/100%25')?.path, '/100%25');
  });

  for (const target of [
    // no origin form
    ...['', 'a', 'http://a/', '**', 'a.com:443', '?a'],
    // bytes that cannot stand in a target
    ...['/a b', '/a\0', '/a\rb', '/a\nb', '/a\tb', '/a\x7f', '/\xe9', '/\u4f60', '/a#b', '/a?b#c', '/a?b\n', '/a?\xe9'],
    // read in two ways
    ...['/a\\b', '/..\\a', '/%00', '/a%0db', '/a%0Ab', '/%', '/%4', '/%4g', '/%u002e', '/%-1'],
    // over-long UTF-8
    ...['/%c0%ae', '/%C0%AF', '/%c1%9c', '/%e0%80%af', '/%f0%80%80%af', '/%f8%80%80%80%af', '/%fc%80%80%80%80%af'],
    // hidden dot segments
    ...['/..;/a', '/a/..;x=1/b', '/.;/a', '/..%3b/a', '/%2e%2e;/a', '/..%2fa', '/a/..%5cb', '/a%2f..', '/a%5C..%5Cb'],
    ...['/%252e%252e/a', '/%25252e./a', '/.%252fa', '/a%2f..;b', '/..%253b'],
  ]) {
    it(`refuses ${JSON.stringify(target)}`, () => assert.equal(normalizePath(target), undefined));
  }

  it('takes time in proportion to the target', () => {
    // Each would be millions of steps in a decoder that starts over; the test would not end in its time.
    const size = 1_000_000;
    assert.ok(normalizePath(`/${'%25'.repeat(size)}`));
    assert.ok(normalizePath(`/%${'25'.repeat(size)}`));
    assert.equal(normalizePath(`/${'a/../'.repeat(size)}`)?.path, '/');
  });

  const piece = fc.oneof(
    fc.constantFrom('/', '.', '..', '%2e', '%2E', '%2f', '%5c', ';', '%25', '2e', '?', '//', '%41', '%C3%A9', '{', 'a'),
    fc.string({ minLength: 0, maxLength: 3 }),
  );
  const target = fc.array(piece, { maxLength: 12 }).map((pieces) => `/${pieces.join('')}`);

  it('is idempotent, never leaves the root and leaves no dot segment in any reading', () => {
    fc.assert(
      fc.property(target, (text) => {
        const first = normalized(text);
        fc.pre(first !== undefined);
        assert.deepEqual(normalized(first.path), { path: first.path, query: '', dotSegments: false });
        assert.match(first.path, /^\/[!-~]*$/);
        const lenient = decodeFully(first.path);
        for (const segment of lenient.split(/[/\\]/)) assert.doesNotMatch(segment, /^\.\.?(;|$)/);
        // What goes upstream is either the normal form or has no dot segments itself.
        const received = text.split('?', 1)[0] as string;
        if (!first.dotSegments) assert.doesNotMatch(received, /\/(\.|%2e){1,2}(\/|$)/i);
      }),
      { numRuns: 5_000 },
    );
  });

  it('agrees with the URL standard where that has no other rule', () => {
    const segment = fc.constantFrom('a', 'b', '.', '..', '%2e', '.%2E', '');
    fc.assert(
      fc.property(fc.array(segment, { minLength: 1, maxLength: 8 }), (segments) => {
        const text = `/${segments.join('/')}`;
        assert.equal(normalized(text)?.path, new URL(`http://h${text}`).pathname);
      }),
    );
  });
});

/** What the most generous server could read. */
function decodeFully(path: string): string {
  for (let text = path; ; ) {
    const decoded = text.replace(/%([0-9A-F]{2})/gi, (_, digits) => String.fromCharCode(Number.parseInt(digits, 16)));
    if (decoded === text) return text;
    text = decoded;
  }
}

describe('normalizeConfiguredPath', () => {
  for (const [text, path] of [
    ['/api', '/api'],
    ['/a b', '/a%20b'],
    ['/caf\u00e9', '/caf%C3%A9'],
    ['/%7euser%2f', '/~user%2F'],
    ['/100%', '/100%25'],
    ['/a?b#c', '/a%3Fb%23c'],
    ['/a\\b', '/a%5Cb'],
    ['/{x}', '/%7Bx%7D'],
    ['', ''],
  ] as const) {
    it(`makes ${path || 'nothing'} of ${text || 'nothing'}`, () => assert.equal(normalizeConfiguredPath(text), path));
  }

  it('gives what requests are given', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const path = `/${text.replaceAll('?', '')}`;
        const result = normalized(path);
        if (result !== undefined && !result.dotSegments) assert.equal(normalizeConfiguredPath(path), result.path);
      }),
    );
  });
});
