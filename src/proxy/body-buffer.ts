/** Bytes of a body that are kept for later: by a filter that wants it whole, for a replay, until a pool is ready. */

const EMPTY = Buffer.alloc(0);

export class BodyBuffer {
  readonly #chunks: Buffer[] = [];
  /** Bytes kept. */
  size = 0;

  /** Keeps a copy: chunks are borrowed from whoever read them. */
  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    this.#chunks.push(Buffer.from(chunk));
    this.size += chunk.length;
  }

  /** All bytes in one piece; what is returned belongs to the buffer. */
  bytes(): Buffer {
    const chunks = this.#chunks;
    if (chunks.length === 0) return EMPTY;
    if (chunks.length > 1) chunks.splice(0, chunks.length, Buffer.concat(chunks));
    return chunks[0] as Buffer;
  }

  replace(body: Uint8Array): void {
    this.clear();
    this.push(body);
  }

  clear(): void {
    this.#chunks.length = 0;
    this.size = 0;
  }
}
