/** The interface that filters, protocols and plugins are written against; published as `weft/api`. */

export * from './address.ts';
export * from './connection.ts';
export * from './factory.ts';
export * from './headers.ts';
export * from './log.ts';
export * from './metrics.ts';
export * from './protocol.ts';
export * from './reason.ts';
export type { Infer, Schema } from './schema.ts';
export * as schema from './schema.ts';
export * from './stream-filter.ts';
export * from './timer.ts';
