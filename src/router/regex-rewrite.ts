/** `regex_rewrite`: every match in the path is replaced by a template in the syntax of Go's `Regexp.Expand`. */

import type { Pattern } from './pattern.ts';

/** `$$`, `${name}` or `$name`, where a name is as long as possible. */
const REFERENCE = /\$(?:\$|\{(\w+)\}|(\w+))/g;

export class RegexRewrite {
  readonly #pattern: Pattern;
  /** Literal text and group numbers in turn. */
  readonly #parts: readonly (string | number)[];
  /** Names in the template that the pattern has no group for; they stand for nothing. */
  readonly unknownGroups: readonly string[];

  constructor(pattern: Pattern, template: string) {
    const parts: (string | number)[] = [];
    const unknown: string[] = [];
    let from = 0;
    for (const match of template.matchAll(REFERENCE)) {
      parts.push(template.slice(from, match.index));
      from = match.index + match[0].length;
      const name = match[1] ?? match[2];
      if (name === undefined) {
        parts.push('$');
        continue;
      }
      const group = groupNumber(pattern, name);
      if (group === undefined) unknown.push(name);
      else parts.push(group);
    }
    parts.push(template.slice(from));
    this.#pattern = pattern;
    this.#parts = parts.filter((part) => part !== '');
    this.unknownGroups = unknown;
  }

  /** Returns the text itself when nothing matches. */
  apply(text: string): string {
    return this.#pattern.replaceAll(text, (groups) => {
      let expanded = '';
      for (const part of this.#parts) expanded += typeof part === 'string' ? part : (groups[part] ?? '');
      return expanded;
    });
  }
}

function groupNumber(pattern: Pattern, name: string): number | undefined {
  if (!/^\d+$/.test(name)) return pattern.groupNames.get(name);
  const number = Number(name);
  return number <= pattern.groupCount ? number : undefined;
}
