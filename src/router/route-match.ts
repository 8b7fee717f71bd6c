/** What a route asks of a request, compiled from its `match` block. */

import { Condition, Field } from './condition.ts';
import type { Findings, Path } from './findings.ts';
import { normalizeConfiguredPath, normalizePath } from './path.ts';
import { PathPattern, type SharedPatterns } from './path-pattern.ts';
import { Pattern } from './pattern.ts';
import type { MatchConfig } from './router-schema.ts';
import { type VariableItem, VariableRule } from './variable-rule.ts';

/** What is asked of the path. */
export type PathRule =
  | { readonly kind: 'any' }
  | { readonly kind: 'prefix'; readonly prefix: string }
  /** `path` is in lower case. */
  | { readonly kind: 'exact'; readonly path: string }
  | { readonly kind: 'regex'; readonly pattern: PathPattern };

export interface RouteMatch {
  readonly path: PathRule;
  readonly conditions: readonly Condition[];
  /** Where conditions on variables are not all joined by `and`. */
  readonly variables: VariableRule | undefined;
}

const ANY_PATH: PathRule = { kind: 'any' };

/** The first kind that is given decides (MOSN's order); undefined when something is wrong with it. */
export function compileMatch(
  config: MatchConfig,
  shared: SharedPatterns,
  at: Path,
  findings: Findings,
): RouteMatch | undefined {
  const { prefix, path, regex } = config;
  let rule: PathRule | undefined;
  if (prefix) rule = { kind: 'prefix', prefix: configuredPath(prefix, 'x', [...at, 'prefix'], findings) };
  else if (path) rule = { kind: 'exact', path: configuredPath(path, '', [...at, 'path'], findings).toLowerCase() };
  else if (regex) {
    const pattern = attempt(() => new PathPattern(regex, shared), [...at, 'regex'], findings);
    rule = pattern && { kind: 'regex', pattern };
  } else if (config.variables.length > 0) return compileVariables(config, [...at, 'variables'], findings);
  else rule = ANY_PATH;
  const conditions = compileHeaders(config, rule === ANY_PATH, [...at, 'headers'], findings);
  return rule && conditions && { path: rule, conditions, variables: undefined };
}

/** Compiles a pattern, or notes what is wrong with it. */
export function compilePattern(source: string, at: Path, findings: Findings): Pattern | undefined {
  return attempt(() => new Pattern(source), at, findings);
}

function attempt<T>(compile: () => T, at: Path, findings: Findings): T | undefined {
  try {
    return compile();
  } catch (error) {
    findings.problem(at, `is not a regular expression in RE2 syntax: ${(error as Error).message}`);
    return undefined;
  }
}

/** `more` stands for what may follow. */
function configuredPath(text: string, more: string, at: Path, findings: Findings): string {
  const path = normalizeConfiguredPath(text);
  const request = normalizePath(path + more);
  if (request === undefined || request.dotSegments || request.path !== path + more) {
    findings.warning(at, 'no request has such a path: it must begin with / and have no dot segments');
  }
  return path;
}

function compileHeaders(config: MatchConfig, rpc: boolean, at: Path, findings: Findings): Condition[] | undefined {
  const { headers } = config;
  const conditions: Condition[] = [];
  for (const [i, { name, value, regex }] of headers.entries()) {
    const service = rpc && name.toLowerCase() === 'service';
    const field = service ? Field.service() : Field.header(name);
    // MOSN's short form of a route for every RPC service.
    const present = service && headers.length === 1 && value === '.*';
    const expected = present ? undefined : regex ? compilePattern(value, [...at, i, 'value'], findings) : value;
    if (present || expected !== undefined) conditions.push(new Condition(field, expected));
  }
  return conditions.length === headers.length ? conditions : undefined;
}

function compileVariables(config: MatchConfig, at: Path, findings: Findings): RouteMatch | undefined {
  const items: VariableItem[] = [];
  for (const [i, { name, value, regex, model = 'and' }] of config.variables.entries()) {
    const expected = regex ? compilePattern(regex, [...at, i, 'regex'], findings) : value;
    if (!regex && !value) findings.problem([...at, i], 'needs a value or a regex');
    const joint = model === '' ? 'and' : model.toLowerCase();
    if (joint !== 'and' && joint !== 'or') findings.problem([...at, i, 'model'], 'is neither "and" nor "or"');
    if (expected) items.push({ condition: new Condition(Field.variable(name), expected), or: joint === 'or' });
  }
  if (items.length < config.variables.length) return undefined;
  // What the last item says of a next one means nothing.
  if (items.slice(0, -1).some(({ or }) => or)) {
    return { path: ANY_PATH, conditions: [], variables: new VariableRule(items) };
  }
  return { path: ANY_PATH, conditions: items.map(({ condition }) => condition), variables: undefined };
}
