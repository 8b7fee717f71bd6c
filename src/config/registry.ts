/** The block types that configurations may name, each with the schema of its block. Filled by the composition root. */

import type { ConfigProblem, Reference } from '../api/factory.ts';
import type { Schema } from '../api/schema.ts';

/** A block type: what filter factories declare. */
export interface BlockType {
  readonly type: string;
  readonly config: Schema;
  /** What the schema cannot say; called with a block that has passed it. */
  check?(config: unknown): ConfigProblem[];
  /** The names in a block that must exist elsewhere. */
  references?(config: unknown): Reference[];
}

export class SchemaRegistry {
  readonly #types = new Map<string, Map<string, BlockType>>();

  /** Adds a type to `network_filter`, `stream_filter`, `protocol`, …. Throws when the name is taken. */
  register(registry: string, block: BlockType): this {
    let types = this.#types.get(registry);
    if (types === undefined) {
      types = new Map();
      this.#types.set(registry, types);
    }
    if (types.has(block.type)) throw new Error(`${registry} ${block.type} is registered twice`);
    types.set(block.type, block);
    return this;
  }

  get(registry: string, type: string): BlockType | undefined {
    return this.#types.get(registry)?.get(type);
  }

  /** All types of one registry, in the order of registration. */
  types(registry: string): BlockType[] {
    return [...(this.#types.get(registry)?.values() ?? [])];
  }
}
