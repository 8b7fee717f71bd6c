/**
 * How many log writes may run at a time. They run in libuv's pool of four threads, which name look-ups and TLS use
 * too: a disk or a pipe that hangs may hold two of them and no more.
 */

const SLOTS = 2;

let free = SLOTS;
const waiting: (() => void)[] = [];

/** Waits for a slot, in the order of asking. Each call is paired with one of `releaseSlot`. */
export function acquireSlot(): Promise<void> {
  if (free === 0) return new Promise((resolve) => waiting.push(resolve));
  free--;
  return Promise.resolve();
}

export function releaseSlot(): void {
  const next = waiting.shift();
  if (next) next();
  else free++;
}
