/** The files of one configuration while it is loaded: each is validated by itself, its problems stay with it. */

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Schema } from '../api/schema.ts';
import { locateProblems } from '../config/positions.ts';
import { type LocatedProblem, type Path, type Problem, SourceError } from '../config/problem.ts';
import { readSource, type Source } from '../config/read.ts';
import type { SchemaRegistry } from '../config/registry.ts';
import { type Block, validate } from '../config/validate.ts';

/** A place in one of the files. */
export interface Place {
  readonly source: Source;
  readonly path: Path;
}

export class ConfigDocuments {
  /** The registered blocks of all files. */
  readonly blocks: (Block & Place)[] = [];
  readonly #registry: SchemaRegistry;
  readonly #strict: boolean;
  readonly #problems = new Map<Source, Problem[]>();
  readonly #errorPaths = new Map<Source, Path[]>();
  readonly #unreadable: LocatedProblem[] = [];

  constructor(registry: SchemaRegistry, strict: boolean) {
    this.#registry = registry;
    this.#strict = strict;
  }

  /** Reads and validates a file. Undefined when it cannot be parsed; else the value may be partial (`isSound`). */
  load<T>(file: string, schema: Schema<T>): { source: Source; value: T } | undefined {
    let source: Source;
    try {
      source = readSource(file);
    } catch (error) {
      if (!(error instanceof SourceError)) throw error;
      this.#unreadable.push(error.problem);
      return undefined;
    }
    const { value, problems, blocks } = validate(schema, source.value, this.#registry, { strict: this.#strict });
    this.#problems.set(source, []);
    this.#errorPaths.set(source, []);
    for (const problem of problems) this.note({ source, path: problem.path }, problem);
    for (const block of blocks) this.blocks.push({ ...block, source });
    return { source, value };
  }

  /**
   * Loads a directory with one JSON file per item, in the order of names; other files are ignored, as in MOSN.
   * `place` is the key that names the directory. Undefined when an item is missing from the result.
   */
  loadDirectory<T>(directory: string, schema: Schema<T>, place: Place): { source: Source; value: T }[] | undefined {
    let names: string[];
    try {
      names = readdirSync(directory).filter((name) => name.endsWith('.json'));
    } catch (error) {
      this.error(place, `cannot be read: ${(error as Error).message}`);
      return undefined;
    }
    const items = names.sort().map((name) => this.load(join(directory, name), schema));
    return items.every((item) => item !== undefined) ? items : undefined;
  }

  note(place: Place, problem: Omit<Problem, 'path'>): void {
    this.#problems.get(place.source)?.push({ ...problem, path: place.path });
    if (problem.severity === 'error') this.#errorPaths.get(place.source)?.push(place.path);
  }

  error(place: Place, message: string, suggestion?: string): void {
    this.note(place, { severity: 'error', message, ...(suggestion !== undefined && { suggestion }) });
  }

  /** Tells whether no error was noted at or below a place so far; what is below the keys of `except` does not count. */
  isSound({ source, path }: Place, except: readonly string[] = []): boolean {
    const covers = (at: Path) => path.every((step, i) => at[i] === step) && !except.includes(at[path.length] as string);
    return !this.#errorPaths.get(source)?.some(covers);
  }

  /** Everything noted, file by file, each in the order of its lines. */
  problems(): LocatedProblem[] {
    const located = [...this.#problems].flatMap(([source, problems]) => locateProblems(source, problems));
    return [...this.#unreadable, ...located];
  }
}
