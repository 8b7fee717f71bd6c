/**
 * Where exceptions end that were thrown inside an entry point (a read, a timer, a turn's flush). The connection they
 * came from is closed by whoever caught them; the process goes on. The server counts and logs by `setFaultHandler`.
 */

/** `where` names the entry point: `read`, `timer`, `flush`, …. */
export type FaultHandler = (error: unknown, where: string) => void;

let handler: FaultHandler = (error, where) => console.error(`fault in ${where}:`, error);

/** Installs this thread's handler and returns the one that was there. */
export function setFaultHandler(next: FaultHandler): FaultHandler {
  const previous = handler;
  handler = next;
  return previous;
}

/** Reports an exception; never throws. */
export function reportFault(error: unknown, where: string): void {
  try {
    handler(error, where);
  } catch (second) {
    console.error('fault handler failed:', second);
  }
}
