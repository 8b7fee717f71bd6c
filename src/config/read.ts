/** Reads a configuration file: YAML by its extension, anything else JSON (as MOSN). */

import { readFileSync, statSync } from 'node:fs';
import { findSyntaxError } from './json-scanner.ts';
import { Lines } from './lines.ts';
import { SourceError } from './problem.ts';
import { parseYaml, yamlValue } from './yaml.ts';

/** A configuration file as read; dropped, text and all, once it is validated. */
export interface Source {
  readonly file: string;
  readonly format: 'json' | 'yaml';
  readonly text: string;
  /** What the text says, as `JSON.parse` would give it. */
  readonly value: unknown;
}

const MAX_BYTES = 64 * 1024 * 1024;

/** Throws a `SourceError`. */
export function readSource(file: string): Source {
  const text = readText(file);
  if (/\.ya?ml$/i.test(file)) {
    return { file, format: 'yaml', text, value: yamlValue(file, text, parseYaml(file, text)) };
  }
  try {
    return { file, format: 'json', text, value: JSON.parse(text) };
  } catch (error) {
    const cause = findSyntaxError(text);
    if (cause === undefined) throw error; // the two parsers disagree: a defect
    const { line, column } = new Lines(text).at(cause.offset);
    throw new SourceError(file, cause.message, line, column);
  }
}

function readText(file: string): string {
  let size: number;
  try {
    size = statSync(file).size;
    if (size <= MAX_BYTES) return readFileSync(file, 'utf8');
  } catch (error) {
    throw new SourceError(file, `cannot be read: ${(error as Error).message}`);
  }
  throw new SourceError(file, `has ${size} bytes; at most ${MAX_BYTES} are read`);
}
