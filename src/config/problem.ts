/** What is wrong with a configuration, and how it is said. */

/** From the root of a document to a value: keys and indexes. */
export type Path = readonly (string | number)[];

export interface Problem {
  readonly severity: 'error' | 'warning';
  /** Where; keys that the schema knows are spelt as the schema spells them. */
  readonly path: Path;
  readonly message: string;
  /** Points at the key itself, not at its value. */
  readonly atKey?: boolean;
  /** What stands there, and what should: parts of `message`, for tools. */
  readonly found?: string;
  readonly expected?: string;
  readonly suggestion?: string;
}

/** A problem with its place in a file; the keys of `path` are spelt as that file spells them. */
export interface LocatedProblem extends Problem {
  readonly file: string;
  /** From 1; 0 when the file could not be read at all. */
  readonly line: number;
  readonly column: number;
}

/** A file that cannot be read or parsed. */
export class SourceError extends Error {
  readonly problem: LocatedProblem;

  constructor(file: string, message: string, line = 0, column = 0) {
    super(message);
    this.problem = { severity: 'error', path: [], message, file, line, column };
  }
}

/** Writes a path: `servers[0].listeners[0].bind_port`, odd keys in quotes. */
export function formatPath(path: Path): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else if (/^[\w-]+$/.test(step)) text += text === '' ? step : `.${step}`;
    else text += `[${JSON.stringify(step)}]`;
  }
  return text;
}

/** Writes one line: `file:line:column: error: path: message; did you mean …?` */
export function formatProblem(problem: LocatedProblem): string {
  const { file, line, column, severity, path, message, suggestion } = problem;
  const place = line === 0 ? file : `${file}:${line}:${column}`;
  const key = path.length === 0 ? '' : `${formatPath(path)}: `;
  const question = suggestion === undefined ? '' : `; did you mean ${suggestion}?`;
  return `${place}: ${severity}: ${key}${message}${question}`;
}

/**
 * Writes all problems, one line each. Warnings that say the same of the same key in many places (a thousand routes)
 * become one line at the first of them.
 */
export function formatProblems(problems: readonly LocatedProblem[]): string[] {
  const lines: string[] = [];
  const alike = new Map<string, { line: number; count: number }>();
  for (const problem of problems) {
    const text = formatProblem(problem);
    if (problem.severity === 'warning') {
      const steps = problem.path.map((step) => (typeof step === 'number' ? 0 : step));
      const key = JSON.stringify([problem.file, steps, problem.message]);
      const group = alike.get(key);
      if (group !== undefined) {
        group.count++;
        continue;
      }
      alike.set(key, { line: lines.length, count: 0 });
    }
    lines.push(text);
  }
  for (const { line, count } of alike.values()) {
    if (count > 0) lines[line] += ` (and ${count} more like it)`;
  }
  return lines;
}
