/** Reads the imports of every TypeScript file of the project. */

import { globSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { join, posix, sep } from 'node:path';
import type { Import, ImportGraph, Packages } from './import-rules.ts';

const SOURCES = '{src,filters,protocols,test,bench,examples,scripts}/**/*.ts';

/**
 * The forms in which one file names another. Static statements begin their line, as the formatter writes them; paths
 * handed to `new URL(…, import.meta.url)` count because that is how worker threads are started. Specifiers that are
 * computed cannot be judged.
 */
const FORMS: readonly RegExp[] = [
  /^(?:import|export)\b(?<clause>[^'"`;]*?)\bfrom\s*['"](?<to>[^'"$]+)['"]/gm,
  /^import\s*['"](?<to>[^'"$]+)['"]/gm,
  /\bimport\(\s*['"](?<to>[^'"$]+)['"]/g,
  /\brequire\(\s*['"](?<to>[^'"$]+)['"]/g,
  /\bnew URL\(\s*['"](?<to>\.[^'"]+\.ts)['"],\s*import\.meta\.url/g,
];

/** The import graph of the tree under `root`. */
export function readImportGraph(root: string): ImportGraph {
  const files = globSync(SOURCES, { cwd: root }).map((file) => file.replaceAll(sep, '/'));
  const known = new Set(files);
  const graph = new Map<string, Import[]>();
  for (const file of files.sort()) {
    const imports = findImports(readFileSync(join(root, file), 'utf8'));
    for (const entry of imports) entry.to = resolve(file, entry.to, known);
    graph.set(file, imports);
  }
  return graph;
}

/** The import statements of one source text, with their specifiers as written, in the order of their lines. */
export function findImports(source: string): Import[] {
  // Whole-line comments are blanked, line by line, so that positions stay; the tree has no others that matter.
  const code = source.replace(/^[ \t]*(?:\/\/|\/?\*).*$/gm, '');
  const imports: Import[] = [];
  for (const form of FORMS) {
    for (const { groups, index } of code.matchAll(form)) {
      const line = code.slice(0, index).split('\n').length;
      imports.push({ to: groups?.['to'] as string, names: namesIn(groups?.['clause'] ?? ''), line });
    }
  }
  return imports.sort((a, b) => a.line - b.line);
}

/** `{ a, type B, c as d }` -> a, B, c; empty where the whole module is taken. */
function namesIn(clause: string): string[] {
  const list = /\{([^}]*)\}/.exec(clause)?.[1] ?? '';
  return [...list.matchAll(/(?:^|,)\s*(?:type\s+)?(\w+)/g)].map((match) => match[1] as string);
}

/** The packages that the project may import. */
export function readPackages(root: string): Packages {
  const { dependencies, devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  return {
    dependencies: new Set(Object.keys(dependencies)),
    devDependencies: new Set(Object.keys(devDependencies)),
  };
}

function resolve(file: string, specifier: string, known: ReadonlySet<string>): string {
  if (isBuiltin(specifier)) return specifier.replace(/^(?:node:)?/, 'node:');
  if (!specifier.startsWith('.')) return specifier;
  const path = posix.join(posix.dirname(file), specifier);
  return known.has(path) ? path : `./${path}`;
}
