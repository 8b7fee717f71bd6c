/** What the commands of the command line do. */

import { formatProblems } from '../config/problem.ts';
import type { StartOptions } from './run.ts';

/** Runs the proxy until it is stopped; exit code 1 when it cannot start. */
export async function start(options: StartOptions): Promise<void> {
  const { run } = await import('./run.ts');
  try {
    await run(options);
  } catch (error) {
    console.error(`weft: ${(error as Error).message}`);
    process.exitCode = 1;
  }
}

/** Prints every problem of a configuration and a summary; exit code 1 when it would be refused. */
export async function check(configFile: string, strict: boolean): Promise<void> {
  const { builtinExtensions } = await import('../builtin.ts');
  const { loadBootstrap } = await import('./bootstrap.ts');
  const { bootstrap, problems } = loadBootstrap(configFile, builtinExtensions().schemas, { strict });
  for (const line of formatProblems(problems)) console.log(line);
  const errors = problems.filter(({ severity }) => severity === 'error').length;
  const counts = `${number(errors, 'error')}, ${number(problems.length - errors, 'warning')}`;
  console.log(`${configFile}: ${bootstrap === undefined ? 'refused' : 'ok'}, ${counts}`);
  if (bootstrap === undefined) process.exitCode = 1;
}

/** Prints the JSON Schema of the configuration. */
export async function schema(): Promise<void> {
  const { builtinExtensions } = await import('../builtin.ts');
  const { bootstrapSchema } = await import('./bootstrap-schema.ts');
  const { jsonSchema } = await import('../config/json-schema.ts');
  console.log(JSON.stringify(jsonSchema('Weft configuration', bootstrapSchema, builtinExtensions().schemas), null, 2));
}

function number(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
