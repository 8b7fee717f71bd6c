/** The rules of the house hold for the tree, and the checker that says so finds what it must find. */

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { findCircles } from '../../../scripts/find-circles.ts';
import { findImports, readImportGraph, readPackages } from '../../../scripts/import-graph.ts';
import { checkImports, type ImportGraph } from '../../../scripts/import-rules.ts';

const root = join(import.meta.dirname, '../../..');

const packages = { dependencies: new Set(['yaml', '@scope/lib']), devDependencies: new Set(['fast-check']) };

/** A graph from `{ file: [what it imports] }`; every import is on line 1. Files that are only imported get no imports. */
function graphOf(edges: Record<string, string[]>): ImportGraph {
  const graph = new Map(
    Object.entries(edges).map(([file, to]) => [file, to.map((name) => ({ to: name, names: [], line: 1 }))]),
  );
  for (const name of Object.values(edges).flat()) if (isFile(name) && !graph.has(name)) graph.set(name, []);
  return graph;
}

function isFile(name: string): boolean {
  return name.endsWith('.ts') && !name.startsWith('.');
}

function problemsOf(from: string, to: string): string[] {
  return checkImports(graphOf({ [from]: [to] }), packages);
}

describe('the tree', () => {
  const graph = readImportGraph(root);

  it('is what is read', () => {
    assert.ok(graph.get('src/api/index.ts')?.some(({ to }) => to === 'src/api/headers.ts'));
    assert.ok(graph.has('test/unit/architecture/import-rules.test.ts'));
  });

  it('keeps the rules', () => {
    assert.equal(checkImports(graph, readPackages(root)).join('\n'), '');
  });
});

describe('checkImports', () => {
  const allowed: [from: string, to: string][] = [
    ['src/main.ts', 'src/server/server.ts'],
    ['src/main.ts', 'src/builtin.ts'],
    ['src/server/server.ts', 'src/builtin.ts'],
    ['src/server/server.ts', 'src/proxy/proxy.ts'],
    ['src/builtin.ts', 'src/server/extensions.ts'],
    ['src/builtin.ts', 'src/proxy/proxy.ts'],
    ['src/builtin.ts', 'filters/network/tcp-proxy/index.ts'],
    ['src/builtin.ts', 'protocols/http1/index.ts'],
    ['src/proxy/proxy.ts', 'src/proxy/retry.ts'],
    ['src/proxy/proxy.ts', 'src/router/route.ts'],
    ['src/upstream/cluster.ts', 'src/network/dial.ts'],
    ['src/router/route.ts', 'src/config/duration.ts'],
    ['src/config/read.ts', 'src/api/schema.ts'],
    ['src/network/dial.ts', 'node:net'],
    ['src/config/read.ts', 'yaml'],
    ['src/config/read.ts', 'yaml/util'],
    ['src/config/read.ts', '@scope/lib/part'],
    ['src/admin/admin-server.ts', 'node:http'],
    ['filters/stream/fault/index.ts', 'src/api/index.ts'],
    ['filters/stream/fault/index.ts', 'filters/stream/fault/delay.ts'],
    ['protocols/http1/index.ts', 'src/codec/bytes.ts'],
    ['test/unit/a.test.ts', 'protocols/http1/index.ts'],
    ['test/unit/a.test.ts', 'fast-check'],
    ['bench/main.ts', 'node:net'],
  ];
  for (const [from, to] of allowed) {
    it(`lets ${from} import ${to}`, () => assert.deepEqual(problemsOf(from, to), []));
  }

  const forbidden: [from: string, to: string, why: RegExp][] = [
    ['src/api/log.ts', 'src/codec/bytes.ts', /src\/codec is on a higher floor/],
    ['src/codec/bytes.ts', 'src/observe/metric-store.ts', /higher floor/],
    ['src/config/read.ts', 'src/observe/process-log.ts', /the same floor/],
    ['src/router/route.ts', 'src/network/listener.ts', /the same floor/],
    ['src/admin/admin-server.ts', 'src/wasm/vm.ts', /the same floor/],
    ['src/network/listener.ts', 'src/upstream/cluster.ts', /higher floor/],
    ['src/upstream/cluster.ts', 'src/proxy/proxy.ts', /higher floor/],
    ['src/proxy/proxy.ts', 'src/server/server.ts', /higher floor/],
    ['src/proxy/proxy.ts', 'src/builtin.ts', /higher floor/],
    ['src/server/server.ts', 'src/main.ts', /higher floor/],
    ['src/builtin.ts', 'src/main.ts', /higher floor/],
    ['src/proxy/proxy.ts', 'protocols/http1/index.ts', /only src\/builtin\.ts may import/],
    ['src/server/server.ts', 'filters/network/tcp-proxy/index.ts', /only src\/builtin\.ts may import/],
    ['src/attic/old.ts', 'src/api/log.ts', /src\/attic has no floor/],
    ['src/proxy/proxy.ts', 'src/attic/old.ts', /src\/attic has no floor/],
    ['filters/stream/fault/index.ts', 'src/proxy/proxy.ts', /may import only src\/api,/],
    ['filters/stream/fault/index.ts', 'src/codec/bytes.ts', /may import only src\/api,/],
    ['filters/stream/fault/index.ts', 'filters/stream/gzip/index.ts', /may import only src\/api,/],
    ['filters/stream/fault/index.ts', 'protocols/http1/index.ts', /may import only src\/api,/],
    ['protocols/http2/index.ts', 'protocols/http1/index.ts', /may import only src\/api and src\/codec,/],
    ['protocols/http1/index.ts', 'src/network/dial.ts', /may import only src\/api and src\/codec,/],
    ['src/proxy/proxy.ts', 'test/support/fakes.ts', /shipped code may not import test/],
    ['filters/stream/fault/index.ts', 'scripts/build.ts', /shipped code may not import scripts/],
    ['src/upstream/cluster.ts', 'node:net', /only src\/network may import node:net/],
    ['protocols/http2/index.ts', 'node:tls', /only src\/network may import node:tls/],
    ['src/config/read.ts', 'left-pad', /left-pad is not a dependency/],
    ['test/unit/a.test.ts', '@scope/other/part', /@scope\/other is not a dependency/],
    ['src/config/read.ts', 'fast-check', /may not import the development dependency fast-check/],
    ['src/config/read.ts', './src/config/gone.ts', /there is no file src\/config\/gone\.ts/],
  ];
  for (const [from, to, why] of forbidden) {
    it(`does not let ${from} import ${to}`, () => {
      const [problem, ...others] = problemsOf(from, to);
      assert.match(problem ?? '', why);
      assert.ok(problem?.startsWith(`${from}:1: `));
      assert.deepEqual(others, []);
    });
  }

  it('lets every room take address tools from node:net, and nothing else', () => {
    function problemsWith(...names: string[]): string[] {
      return checkImports(new Map([['src/router/a.ts', [{ to: 'node:net', names, line: 1 }]]]), packages);
    }
    assert.deepEqual(problemsWith('isIP', 'BlockList'), []);
    assert.equal(problemsWith('isIP', 'connect').length, 1);
  });

  it('finds a circle between files of one room', () => {
    const graph = graphOf({
      'src/proxy/a.ts': ['src/proxy/b.ts'],
      'src/proxy/b.ts': ['src/proxy/c.ts'],
      'src/proxy/c.ts': ['src/proxy/a.ts'],
    });
    assert.deepEqual(checkImports(graph, packages), [
      'src/proxy/a.ts: import circle: src/proxy/a.ts -> src/proxy/b.ts -> src/proxy/c.ts -> src/proxy/a.ts',
    ]);
  });

  it('names every violation', () => {
    const graph = graphOf({ 'src/api/a.ts': ['src/proxy/p.ts', 'left-pad'], 'src/proxy/p.ts': ['test/t.ts'] });
    assert.equal(checkImports(graph, packages).length, 3);
  });
});

describe('findCircles', () => {
  function circlesOf(edges: Record<string, string[]>): string[][] {
    return findCircles(new Map(Object.entries(edges)));
  }

  it('finds none where two ways lead to one node', () => {
    assert.deepEqual(circlesOf({ a: ['b', 'c'], b: ['d'], c: ['d', 'b'], d: [] }), []);
  });

  it('finds a node that leads to itself', () => {
    assert.deepEqual(circlesOf({ a: ['a'], b: ['a'] }), [['a', 'a']]);
  });

  it('finds each of several circles, the shortest way through the first name', () => {
    const circles = circlesOf({ x: ['c'], c: ['b'], b: ['a'], a: ['b', 'c'], d: ['e'], e: ['d', 'a'] });
    assert.deepEqual(circles.toSorted(), [
      ['a', 'b', 'a'],
      ['d', 'e', 'd'],
    ]);
  });

  it('ignores edges to what is no node', () => {
    assert.deepEqual(circlesOf({ a: ['node:net', 'b'], b: ['yaml'] }), []);
  });
});

describe('findImports', () => {
  // Joined from pieces, or the checker would take these lines for statements of this very file.
  const source = [
    `${'import'} { a } from './a.ts';`,
    `${'import'} type { B } from "./b.ts";`,
    `${'import'} {`,
    '  c,',
    '  type T as U,',
    `} from './c.ts';`,
    `${'export'} * from './d.ts';`,
    `${'import'} './e.ts';`,
    `const f = await ${'import'}('./f.ts');`,
    `const g = ${'require'}('g');`,
    `new Worker(new ${'URL'}('./h.ts', import.meta.url));`,
    `type I = ${'import'}('./i.ts').I;`,
    `// ${'import'}('./comment.ts')`,
    ` * ${'import'} { x } from './comment.ts';`,
    `const text = 'no import from here';`,
    `${'import'} { x } from '\${computed}';`,
  ].join('\n');

  it('finds every form with its line, and none in comments', () => {
    assert.deepEqual(
      findImports(source).map(({ to, line }) => `${line} ${to}`),
      ['1 ./a.ts', '2 ./b.ts', '3 ./c.ts', '7 ./d.ts', '8 ./e.ts', '9 ./f.ts', '10 g', '11 ./h.ts', '12 ./i.ts'],
    );
  });

  it('tells what is taken', () => {
    assert.deepEqual(
      findImports(source).map(({ names }) => names.join(' ')),
      ['a', 'B', 'c T', '', '', '', '', '', ''],
    );
  });
});
