/** The `variables` of a route match: conditions joined by `and` and `or`, read from left to right as MOSN reads them. */

import type { Condition } from './condition.ts';
import type { RouteRequest } from './route-request.ts';

export interface VariableItem {
  readonly condition: Condition;
  /** How the next item is joined to this one. */
  readonly or: boolean;
}

export class VariableRule {
  readonly #items: readonly VariableItem[];

  constructor(items: readonly VariableItem[]) {
    this.#items = items;
  }

  /** `a and b or c and d` is `(a and b) or (c and d)`. */
  holds(request: RouteRequest): boolean {
    let holds = true;
    let afterOr = false;
    for (const { condition, or } of this.#items) {
      holds = (afterOr || holds) && condition.holds(request);
      if (holds && or) return true;
      afterOr = or;
    }
    return holds;
  }
}
