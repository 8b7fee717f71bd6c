/**
 * The stream filters of a listener, compiled when the configuration is.
 *
 * The request side is one list of steps: the filters of each phase in the order of the configuration, with the two
 * things that the proxy does between the phases as steps of their own:
 *
 *     BeforeRoute filters → match route → AfterRoute filters → choose host → AfterChooseHost filters → forward
 *
 * The response side is the list of `Send` filters in reverse order. A listener without filters has no chain at all and
 * its streams walk straight through (`DownstreamStream`).
 */

import type { CompiledStreamFilter } from '../api/factory.ts';
import { Phase, type StreamFilter } from '../api/stream-filter.ts';

/** One step of a side; `filter` is -1 for the proxy's own steps. */
export interface FilterStep {
  readonly filter: number;
  readonly phase: Phase;
  readonly own: '' | 'match' | 'choose';
}

/** A compiled filter with the phases its factory declared. */
export interface ChainEntry {
  readonly type: string;
  readonly phases: readonly Phase[];
  readonly compiled: CompiledStreamFilter;
}

export class StreamFilterChain {
  readonly entries: readonly ChainEntry[];
  readonly requestSteps: readonly FilterStep[];
  readonly responseSteps: readonly FilterStep[];

  constructor(entries: readonly ChainEntry[]) {
    this.entries = entries;
    const steps = (phase: Phase): FilterStep[] =>
      entries.flatMap((entry, filter) => (entry.phases.includes(phase) ? [{ filter, phase, own: '' as const }] : []));
    this.requestSteps = [
      ...steps(Phase.BeforeRoute),
      { filter: -1, phase: Phase.BeforeRoute, own: 'match' },
      ...steps(Phase.AfterRoute),
      { filter: -1, phase: Phase.AfterRoute, own: 'choose' },
      ...steps(Phase.AfterChooseHost),
    ];
    this.responseSteps = steps(Phase.Send).reverse();
  }

  /** The filters of one stream: shared instances as they are, the others made anew. */
  instantiate(): StreamFilter[] {
    return this.entries.map(({ compiled }) => compiled.shared ?? compiled.newStream());
  }
}
