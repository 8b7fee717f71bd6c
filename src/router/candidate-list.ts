/** Routes that ask the same of the path, in the order of the configuration. */

import type { Condition, Field } from './condition.ts';
import type { PathPattern } from './path-pattern.ts';
import type { RouteRequest } from './route-request.ts';
import type { VariableRule } from './variable-rule.ts';

/** What a route asks of a request, apart from the literal text that its path begins with, contains or is. */
export class Candidate {
  /** Place in the list of routes. */
  readonly position: number;
  readonly pattern: PathPattern | undefined;
  readonly conditions: readonly Condition[];
  readonly variables: VariableRule | undefined;

  constructor(
    position: number,
    pattern: PathPattern | undefined,
    conditions: readonly Condition[],
    variables: VariableRule | undefined,
  ) {
    this.position = position;
    this.pattern = pattern;
    this.conditions = conditions;
    this.variables = variables;
  }

  accepts(request: RouteRequest): boolean {
    const { conditions } = this;
    for (let i = 0; i < conditions.length; i++) {
      if (!(conditions[i] as Condition).holds(request)) return false;
    }
    if (this.variables !== undefined && !this.variables.holds(request)) return false;
    return this.pattern === undefined || this.pattern.test(request.normalizedPath);
  }
}

/** Candidates that want one field to be a certain value, found by that value. */
interface FieldGroup {
  readonly field: Field;
  readonly byValue: Map<string, Candidate[]>;
  readonly lowest: number;
}

/** A field that fewer candidates ask for is not worth a table. */
const SMALLEST_GROUP = 4;

export class CandidateList {
  /** The lowest position; Infinity when the list is empty. */
  readonly lowest: number;
  readonly #ungrouped: readonly Candidate[];
  readonly #groups: readonly FieldGroup[];

  /** `candidates` are in ascending order. */
  constructor(candidates: readonly Candidate[]) {
    this.lowest = candidates[0]?.position ?? Number.POSITIVE_INFINITY;
    const uses = fieldUses(candidates);
    const ungrouped: Candidate[] = [];
    const groups = new Map<string, FieldGroup>();
    for (const candidate of candidates) {
      const condition = mostUsed(candidate, uses);
      if (condition === undefined) ungrouped.push(candidate);
      else addToGroup(groups, candidate, condition);
    }
    this.#ungrouped = ungrouped;
    this.#groups = [...groups.values()];
  }

  /** The position of the first candidate before `best` that accepts the request, else `best`. */
  first(request: RouteRequest, best: number): number {
    let found = firstOf(this.#ungrouped, request, best);
    const groups = this.#groups;
    for (let i = 0; i < groups.length; i++) {
      const group = groups[i] as FieldGroup;
      if (group.lowest >= found) continue;
      const value = group.field.read(request);
      const candidates = value === undefined ? undefined : group.byValue.get(value);
      if (candidates !== undefined) found = firstOf(candidates, request, found);
    }
    return found;
  }
}

function firstOf(candidates: readonly Candidate[], request: RouteRequest, best: number): number {
  for (let i = 0; i < candidates.length; i++) {
    const candidate = candidates[i] as Candidate;
    if (candidate.position >= best) break;
    if (candidate.accepts(request)) return candidate.position;
  }
  return best;
}

function fieldUses(candidates: readonly Candidate[]): Map<string, number> {
  const uses = new Map<string, number>();
  for (const { conditions } of candidates) {
    for (const { field, exactValue } of conditions) {
      if (exactValue !== undefined) uses.set(field.key, (uses.get(field.key) ?? 0) + 1);
    }
  }
  return uses;
}

/** The exact condition whose field most candidates ask for. */
function mostUsed({ conditions }: Candidate, uses: ReadonlyMap<string, number>): Condition | undefined {
  let best: Condition | undefined;
  let bestUses = SMALLEST_GROUP - 1;
  for (const condition of conditions) {
    const count = condition.exactValue === undefined ? 0 : (uses.get(condition.field.key) as number);
    if (count <= bestUses) continue;
    best = condition;
    bestUses = count;
  }
  return best;
}

function addToGroup(groups: Map<string, FieldGroup>, candidate: Candidate, { field, exactValue }: Condition): void {
  let group = groups.get(field.key);
  if (group === undefined) {
    group = { field, byValue: new Map(), lowest: candidate.position };
    groups.set(field.key, group);
  }
  const value = exactValue as string;
  const candidates = group.byValue.get(value);
  if (candidates === undefined) group.byValue.set(value, [candidate]);
  else candidates.push(candidate);
}
