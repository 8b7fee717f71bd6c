/** Stream filters made on the spot, to prove the filter interface. */

import type { FactoryContext, StreamFilterFactory } from '../../../src/api/factory.ts';
import { any, map } from '../../../src/api/schema.ts';
import type { Phase, StreamFilter } from '../../../src/api/stream-filter.ts';
import { builtinExtensions } from '../../../src/builtin.ts';
import type { Extensions } from '../../../src/server/extensions.ts';

export type Make = (context: FactoryContext & { slot: number }) => StreamFilter;

/** A filter type with one shared instance. */
export function shared(type: string, phases: Phase[], make: Make): StreamFilterFactory<object> {
  return { type, phases, config: map(any()), create: (_config, context) => ({ shared: make(context) }) };
}

/** A filter type with an instance per stream. */
export function perStream(type: string, phases: Phase[], make: Make): StreamFilterFactory<object> {
  return { type, phases, config: map(any()), create: (_config, context) => ({ newStream: () => make(context) }) };
}

/** The built-ins plus these, and the blocks that configure them in this order. */
export function withFilters(...factories: StreamFilterFactory<object>[]): {
  extensions: Extensions;
  streamFilters: object[];
} {
  const extensions = builtinExtensions();
  for (const factory of factories) extensions.streamFilter(factory);
  return { extensions, streamFilters: factories.map(({ type }) => ({ type, config: {} })) };
}
