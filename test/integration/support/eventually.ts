/** Waiting for a state that nothing announces. */

import { setTimeout as sleep } from 'node:timers/promises';

const LIMIT_MS = 20_000;

/** Looks again and again until the condition holds. Rejects with what was awaited when it never does. */
export async function eventually(condition: () => boolean, what: string | (() => string)): Promise<void> {
  const end = performance.now() + LIMIT_MS;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`never happened: ${typeof what === 'string' ? what : what()}`);
    await sleep(1);
  }
}
