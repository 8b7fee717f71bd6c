/** YAML 1.2 text. The library is loaded on first use: it costs 8 MB that a JSON configuration need not pay. */

import { createRequire } from 'node:module';
import type * as Yaml from 'yaml';
import { Lines } from './lines.ts';
import { SourceError } from './problem.ts';

// How often the nodes behind aliases may be repeated: anchors for reuse pass, a "billion laughs" does not.
const MAX_ALIAS_COUNT = 100_000;

export function yamlLibrary(): typeof Yaml {
  return createRequire(import.meta.url)('yaml') as typeof Yaml;
}

/**
 * Parses a text that holds one document. Merge keys (`<<`) are taken; of duplicate keys the last wins, as in JSON.
 * Throws a `SourceError` at the first error.
 */
export function parseYaml(file: string, text: string): Yaml.Document.Parsed {
  const options = { merge: true, uniqueKeys: false, prettyErrors: false, logLevel: 'error' } as const;
  const documents: Yaml.Document.Parsed[] = [...yamlLibrary().parseAllDocuments(text, options)];
  for (const { errors } of documents) {
    const error = errors[0];
    if (error === undefined) continue;
    fail(file, text, error.pos[0], error.code === 'RESOURCE_EXHAUSTION' ? TOO_DEEP : error.message);
  }
  const [document, second] = documents;
  if (document === undefined) return fail(file, text, 0, 'the file is empty');
  if (second !== undefined) {
    fail(file, text, second.range[0], 'a second document begins here; a configuration is one document');
  }
  return document;
}

/** The value of a document as `JSON.parse` would give it. Throws a `SourceError`. */
export function yamlValue(file: string, text: string, document: Yaml.Document.Parsed): unknown {
  try {
    return document.toJS({ maxAliasCount: MAX_ALIAS_COUNT });
  } catch (error) {
    // The library recurses, and has one kind of error for aliases that lead nowhere and for too many.
    if (error instanceof RangeError) return fail(file, text, 0, TOO_DEEP);
    const lost = findLostAlias(document);
    if (lost !== undefined)
      return fail(file, text, lost.range?.[0] ?? 0, `no anchor "${lost.source}" before this alias`);
    return fail(file, text, 0, 'aliases repeat too much');
  }
}

const TOO_DEEP = 'nested too deeply';

function fail(file: string, text: string, offset: number, message: string): never {
  const { line, column } = new Lines(text).at(offset);
  throw new SourceError(file, message, line, column);
}

/** The first alias without an anchor before it. */
function findLostAlias(document: Yaml.Document.Parsed): Yaml.Alias | undefined {
  const { visit, isAlias, isNode } = yamlLibrary();
  const anchors = new Set<string>();
  let lost: Yaml.Alias | undefined;
  visit(document, {
    Node: (_, node) => {
      if (isAlias(node)) {
        if (anchors.has(node.source)) return undefined;
        lost = node;
        return visit.BREAK;
      }
      if (isNode(node) && node.anchor !== undefined) anchors.add(node.anchor);
      return undefined;
    },
  });
  return lost;
}
