/**
 * Where in a file a value stands. Nothing is remembered while a configuration is read; when something is wrong the text
 * is walked once more, for all places asked for together.
 */

import type * as Yaml from 'yaml';
import { JsonScanner } from './json-scanner.ts';
import { foldKey } from './key-fold.ts';
import { Lines } from './lines.ts';
import type { LocatedProblem, Path, Problem } from './problem.ts';
import type { Source } from './read.ts';
import { parseYaml, yamlLibrary } from './yaml.ts';

/**
 * Gives problems their places, in the order of the file. Keys are matched as the validator matches them: exactly, else
 * without regard to case; the last duplicate counts. What is not in the file is at the value that would hold it.
 */
export function locateProblems(source: Source, problems: readonly Problem[]): LocatedProblem[] {
  if (problems.length === 0) return [];
  const root = new Spot(undefined, '');
  const spots = problems.map(({ path }) => path.reduce((spot: Spot, step) => spot.child(step), root));
  if (source.format === 'json') findInJson(new JsonScanner(source.text), root);
  else findInYaml(source, root);
  const lines = new Lines(source.text);
  return problems
    .map((problem, i) => {
      const spot = spots[i] as Spot;
      const { line, column } = lines.at(spot.offset(problem.atKey === true));
      return { ...problem, path: spot.path(), file: source.file, line, column };
    })
    .sort((a, b) => a.line - b.line || a.column - b.column);
}

/** One step of the paths asked for: a node of the tree that they form. */
class Spot {
  readonly parent: Spot | undefined;
  readonly children = new Map<string | number, Spot>();
  /** Spelt as in the file, once found. */
  step: string | number;
  keyOffset = -1;
  valueOffset = -1;

  constructor(parent: Spot | undefined, step: string | number) {
    this.parent = parent;
    this.step = step;
  }

  child(step: string | number): Spot {
    let child = this.children.get(step);
    if (child === undefined) {
      child = new Spot(this, step);
      this.children.set(step, child);
    }
    return child;
  }

  /** Notes where a key stands and returns the child that it leads to. */
  atKey(key: string, offset: number): Spot | undefined {
    const child = this.children.get(key) ?? this.#folded(key);
    if (child !== undefined) {
      child.step = key;
      child.keyOffset = offset;
    }
    return child;
  }

  #folded(key: string): Spot | undefined {
    const folded = foldKey(key);
    for (const [step, child] of this.children) {
      if (typeof step === 'string' && foldKey(step) === folded) return child;
    }
    return undefined;
  }

  path(): Path {
    return this.parent === undefined ? [] : [...this.parent.path(), this.step];
  }

  offset(atKey: boolean): number {
    if (this.valueOffset >= 0 && !(atKey && this.keyOffset >= 0)) return this.valueOffset;
    if (this.keyOffset >= 0) return this.keyOffset;
    return this.parent === undefined ? 0 : this.parent.offset(false);
  }
}

function findInJson(scanner: JsonScanner, spot: Spot | undefined): void {
  if (spot === undefined) {
    scanner.skipValue();
    return;
  }
  spot.valueOffset = scanner.offset();
  const kind = spot.children.size === 0 ? 'scalar' : scanner.kind();
  if (kind === 'object') scanner.object((key, offset) => findInJson(scanner, spot.atKey(key, offset)));
  else if (kind === 'array') scanner.array((index) => findInJson(scanner, spot.children.get(index)));
  else scanner.skipValue();
}

function findInYaml(source: Source, root: Spot): void {
  const yaml = yamlLibrary();
  const document = parseYaml(source.file, source.text);
  const resolve = (node: unknown): unknown => (yaml.isAlias(node) ? node.resolve(document) : node);

  const find = (node: unknown, spot: Spot | undefined): void => {
    if (spot === undefined || !yaml.isNode(node)) return;
    spot.valueOffset = node.range?.[0] ?? -1;
    const target = resolve(node);
    if (yaml.isMap(target)) findInMap(target, spot);
    else if (yaml.isSeq(target)) for (const [i, item] of target.items.entries()) find(item, spot.children.get(i));
  };
  const findInMap = (map: Yaml.YAMLMap, spot: Spot): void => {
    const pairs = map.items.filter((pair) => yaml.isScalar(pair.key)) as Yaml.Pair<Yaml.Scalar>[];
    // What is merged in first, so that the map's own keys count.
    for (const { key, value } of pairs) if (key.source === '<<') merge(value, spot);
    for (const { key, value } of pairs) find(value, spot.atKey(String(key.value), key.range?.[0] ?? -1));
  };
  const merge = (node: unknown, spot: Spot): void => {
    const target = resolve(node);
    if (yaml.isMap(target)) findInMap(target, spot);
    else if (yaml.isSeq(target)) for (const item of target.items) merge(item, spot);
  };
  find(document.contents, root);
}
