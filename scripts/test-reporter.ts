/**
 * The reporter of `npm test`: one line for every file, failures in full where they happen, and at the end every
 * skipped test with its reason, so that a green run does not hide what never ran.
 */

import { relative } from 'node:path';
import type { TestEvent } from 'node:test/reporters';
import { inspect } from 'node:util';

const root = `${import.meta.dirname}/..`;

/** Turns the events of a run into text. */
export async function* report(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const skipped: string[] = [];
  /** The names of the test that runs and its parents, by nesting, for every file. */
  const names = new Map<string, string[]>();
  /** What a file has printed; shown when it fails. */
  const output = new Map<string, string>();

  for await (const { type, data } of events) {
    const file = data && 'file' in data && data.file ? relative(root, data.file) : '';
    switch (type) {
      case 'test:start': {
        const path = names.get(file) ?? [];
        path.length = data.nesting;
        // A file that fails as a whole is reported as a test with the name of the file.
        if (data.name !== data.file) path[data.nesting] = data.name;
        names.set(file, path);
        break;
      }
      case 'test:stdout':
      case 'test:stderr':
        output.set(file, (output.get(file) ?? '') + data.message);
        break;
      case 'test:pass':
        if (data.skip !== undefined)
          skipped.push(`${titleOf(file, names)}: ${data.skip === true ? 'no reason' : data.skip}`);
        break;
      case 'test:fail':
        if (isOwnFailure(data.details.error)) yield failure(titleOf(file, names), data.details.error, output.get(file));
        break;
      case 'test:summary': {
        const time = `${Math.round(data.duration_ms)} ms`;
        const { tests, passed } = data.counts;
        if (file) yield `${data.success ? 'ok  ' : 'FAIL'} ${file} (${tests} tests, ${time})\n`;
        else {
          yield skipped.length > 0 ? `\nSkipped:\n${skipped.map((line) => `  ${line}\n`).join('')}` : '';
          yield `\n${tests} tests in ${time}: ${passed} passed, ${tests - passed - data.counts.skipped} failed, ${skipped.length} skipped\n`;
        }
        break;
      }
    }
  }
}

function titleOf(file: string, names: ReadonlyMap<string, string[]>): string {
  return [file, ...(names.get(file) ?? [])].join(' > ');
}

/** A suite fails because a test in it did; only the test is worth a line. */
function isOwnFailure(error: Error): boolean {
  return !('failureType' in error && error.failureType === 'subtestsFailed');
}

function failure(title: string, error: Error, printed = ''): string {
  const text = `${inspect(error.cause ?? error)}\n${printed}`;
  return `\nFAIL ${title}\n${text.trimEnd().replace(/^/gm, '  ')}\n\n`;
}
