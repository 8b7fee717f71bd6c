/**
 * The memory of counters: slots in pages of shared memory. One thread owns a row of pages and is the only one that
 * writes to it, so that adding is a plain addition; any thread that has been given the pages may read them, because a
 * 64-bit float is never torn.
 */

/** 8 KiB a page. */
const PAGE_SLOTS = 1024;

/** Slots that lie side by side in one page. */
export interface SlotRange {
  readonly page: Float64Array;
  readonly first: number;
}

/** One thread's row. */
export class SlotRow {
  #page = newPage();
  #used = 0;

  /** Reserves `count` (≤ 1024) slots that hold 0. Slots are never given back. */
  allocate(count: number): SlotRange {
    if (this.#used + count > PAGE_SLOTS) {
      this.#page = newPage();
      this.#used = 0;
    }
    const range = { page: this.#page, first: this.#used };
    this.#used += count;
    return range;
  }
}

function newPage(): Float64Array {
  return new Float64Array(new SharedArrayBuffer(PAGE_SLOTS * Float64Array.BYTES_PER_ELEMENT));
}
