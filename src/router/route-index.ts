/**
 * The routes of one virtual host, arranged so that the first one of the list that matches is found without asking
 * them all.
 *
 * Each route is filed under one thing that it asks of the path: what it is (`path`, a map), what it begins with
 * (`prefix`, and patterns such as `^/api/…`, a radix tree), what it contains (other patterns, a radix tree that is
 * tried at every place), or nothing. Under one such thing, routes are filed again by the value of the header that
 * most of them ask for. Every search is bounded by the best route so far, so that the order of searches is free and
 * the winner is that of the list read from its top.
 */

import { Candidate, CandidateList } from './candidate-list.ts';
import { LiteralTrie } from './literal-trie.ts';
import type { PatternParts } from './pattern-parts.ts';
import type { Route } from './route.ts';
import type { RouteMatch } from './route-match.ts';
import type { RouteRequest } from './route-request.ts';

export interface RouteEntry {
  readonly match: RouteMatch;
  readonly route: Route;
}

export class RouteIndex {
  readonly #routes: readonly Route[];
  /** By path in lower case. */
  readonly #exact = new Map<string, CandidateList>();
  #longestExact = 0;
  readonly #prefixes = new LiteralTrie();
  readonly #parts = new LiteralTrie();
  readonly #patterns: CandidateList;
  readonly #anyPath: CandidateList;

  constructor(entries: readonly RouteEntry[]) {
    this.#routes = entries.map(({ route }) => route);
    const filing = new Filing(entries);
    for (const [path, candidates] of filing.exact) {
      this.#exact.set(path, new CandidateList(candidates));
      this.#longestExact = Math.max(this.#longestExact, path.length);
    }
    for (const [prefix, candidates] of filing.prefixes) this.#prefixes.add(prefix, new CandidateList(candidates));
    for (const [part, candidates] of filing.parts) this.#parts.add(part, new CandidateList(candidates));
    this.#patterns = new CandidateList(filing.patterns);
    this.#anyPath = new CandidateList(filing.anyPath);
  }

  /** The first route of the list that matches. */
  find(request: RouteRequest): Route | undefined {
    const path = request.normalizedPath;
    let best = this.#routes.length;
    if (path !== '') {
      if (path.length <= this.#longestExact) {
        const candidates = this.#exact.get(path.toLowerCase());
        if (candidates !== undefined) best = candidates.first(request, best);
      }
      best = this.#prefixes.firstAtStart(path, request, best);
    }
    best = this.#anyPath.first(request, best);
    if (path !== '') {
      best = this.#parts.firstWithin(path, request, best);
      best = this.#patterns.first(request, best);
    }
    return this.#routes[best];
  }
}

/** Decides where each route is filed. */
class Filing {
  readonly exact = new Map<string, Candidate[]>();
  readonly prefixes = new Map<string, Candidate[]>();
  readonly parts = new Map<string, Candidate[]>();
  /** Patterns of which no literal is known. */
  readonly patterns: Candidate[] = [];
  readonly anyPath: Candidate[] = [];

  constructor(entries: readonly RouteEntry[]) {
    const uses = literalUses(entries);
    for (const [position, { match }] of entries.entries()) {
      const { path, conditions, variables } = match;
      const pattern = path.kind === 'regex' ? path.pattern : undefined;
      const candidate = new Candidate(position, pattern, conditions, variables);
      if (path.kind === 'any') this.anyPath.push(candidate);
      else if (path.kind === 'exact') add(this.exact, path.path, candidate);
      else if (path.kind === 'prefix') add(this.prefixes, path.prefix, candidate);
      else this.#filePattern(candidate, path.pattern.parts, uses);
    }
  }

  #filePattern(candidate: Candidate, { anchored, head, inner }: PatternParts, uses: ReadonlyMap<string, number>): void {
    const literal = rarest([head, ...inner], uses);
    if (literal === '') this.patterns.push(candidate);
    else add(anchored && literal === head ? this.prefixes : this.parts, literal, candidate);
  }
}

/** How many patterns require a text. */
function literalUses(entries: readonly RouteEntry[]): Map<string, number> {
  const uses = new Map<string, number>();
  for (const { match } of entries) {
    if (match.path.kind !== 'regex') continue;
    const { head, inner } = match.path.pattern.parts;
    for (const literal of [head, ...inner]) uses.set(literal, (uses.get(literal) ?? 0) + 1);
  }
  return uses;
}

/** The text that fewest patterns require, the longest of those; `''` when there is none. */
function rarest(literals: readonly string[], uses: ReadonlyMap<string, number>): string {
  let best = '';
  for (const literal of literals) {
    if (literal === '') continue;
    const difference = best === '' ? -1 : (uses.get(literal) as number) - (uses.get(best) as number);
    if (difference < 0 || (difference === 0 && literal.length > best.length)) best = literal;
  }
  return best;
}

function add(map: Map<string, Candidate[]>, key: string, candidate: Candidate): void {
  const candidates = map.get(key);
  if (candidates === undefined) map.set(key, [candidate]);
  else candidates.push(candidate);
}
