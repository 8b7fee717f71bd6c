/**
 * A radix tree of strings, each with its candidates, for two questions: which of the strings does a text begin with,
 * and which does it contain. Branches that hold no candidate before the best one so far are not entered.
 */

import type { CandidateList } from './candidate-list.ts';
import type { RouteRequest } from './route-request.ts';

class Node {
  /** What leads here from the parent. */
  label: string;
  /** By the first character of their labels. */
  readonly children = new Map<number, Node>();
  candidates: CandidateList | undefined;
  /** The lowest position here or below. */
  lowest: number;
  /** The search that tried the candidates last. */
  tried = 0;

  constructor(label: string, candidates: CandidateList | undefined) {
    this.label = label;
    this.candidates = candidates;
    this.lowest = candidates?.lowest ?? Number.POSITIVE_INFINITY;
  }
}

export class LiteralTrie {
  readonly #root = new Node('', undefined);
  #search = 0;

  /** Each literal is added once and is not empty. */
  add(literal: string, candidates: CandidateList): void {
    let node = this.#root;
    let rest = literal;
    for (;;) {
      node.lowest = Math.min(node.lowest, candidates.lowest);
      const child = node.children.get(rest.charCodeAt(0));
      if (child === undefined) {
        node.children.set(rest.charCodeAt(0), new Node(rest, candidates));
        return;
      }
      const shared = sharedLength(child.label, rest);
      node = shared < child.label.length ? split(node, child, shared) : child;
      rest = rest.slice(shared);
      if (rest === '') {
        node.candidates = candidates;
        node.lowest = Math.min(node.lowest, candidates.lowest);
        return;
      }
    }
  }

  /** The first candidate before `best` that accepts the request and whose literal `text` begins with, else `best`. */
  firstAtStart(text: string, request: RouteRequest, best: number): number {
    this.#search++;
    return this.#walk(text, 0, request, best);
  }

  /** The same for literals that `text` contains. */
  firstWithin(text: string, request: RouteRequest, best: number): number {
    this.#search++;
    let found = best;
    for (let at = 0; at < text.length && this.#root.lowest < found; at++) {
      found = this.#walk(text, at, request, found);
    }
    return found;
  }

  #walk(text: string, start: number, request: RouteRequest, best: number): number {
    let found = best;
    let at = start;
    let node: Node | undefined = this.#root;
    while (node.lowest < found) {
      if (node.candidates !== undefined && node.tried !== this.#search) {
        // Once per search, however often the literal occurs: what was refused is refused again.
        node.tried = this.#search;
        found = node.candidates.first(request, found);
      }
      if (at === text.length) break;
      node = node.children.get(text.charCodeAt(at));
      if (node === undefined || !text.startsWith(node.label, at)) break;
      at += node.label.length;
    }
    return found;
  }
}

function sharedLength(a: string, b: string): number {
  let length = 0;
  while (length < a.length && a.charCodeAt(length) === b.charCodeAt(length)) length++;
  return length;
}

/** Puts a node between a parent and its child, after the first `length` characters of the child's label. */
function split(parent: Node, child: Node, length: number): Node {
  const middle = new Node(child.label.slice(0, length), undefined);
  middle.lowest = child.lowest;
  child.label = child.label.slice(length);
  middle.children.set(child.label.charCodeAt(0), child);
  parent.children.set(middle.label.charCodeAt(0), middle);
  return middle;
}
