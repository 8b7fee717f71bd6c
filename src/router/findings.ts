/** What is found wrong with a router while it is compiled. */

import type { ConfigProblem } from '../api/factory.ts';

/** From the router block to a key. */
export type Path = readonly (string | number)[];

export class Findings {
  /** Each refuses the router. */
  readonly problems: ConfigProblem[] = [];
  /** What works and is hardly what was meant. */
  readonly warnings: ConfigProblem[] = [];

  problem(path: Path, message: string): void {
    this.problems.push({ path, message });
  }

  warning(path: Path, message: string): void {
    this.warnings.push({ path, message });
  }
}
