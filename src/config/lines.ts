/** Offsets in a text as lines and columns. */

export class Lines {
  readonly #starts = [0];

  constructor(text: string) {
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', end + 1)) this.#starts.push(end + 1);
  }

  /** Line and column of an offset, both from 1; columns count UTF-16 units. */
  at(offset: number): { line: number; column: number } {
    const starts = this.#starts;
    let low = 0; // the line sought is in [low, high)
    let high = starts.length;
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      if ((starts[middle] as number) <= offset) low = middle;
      else high = middle;
    }
    return { line: low + 1, column: offset - (starts[low] as number) + 1 };
  }
}
