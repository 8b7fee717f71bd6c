/** Durations as Go writes them (`1m30s`, `100ms`, `0`), which is what MOSN's configurations hold. */

const UNITS: ReadonlyMap<string, number> = new Map([
  ['ns', 1e-6],
  ['us', 1e-3],
  ['µs', 1e-3], // U+00B5
  ['μs', 1e-3], // U+03BC
  ['ms', 1],
  ['s', 1_000],
  ['m', 60_000],
  ['h', 3_600_000],
]);

const TERM = /(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/y;

// Go keeps durations as nanoseconds in an int64.
const MAX_MS = 2 ** 63 / 1e6;

/**
 * Reads a duration in the syntax of Go's `time.ParseDuration` and returns milliseconds, possibly with a fraction;
 * undefined when `text` is no duration or does not fit into Go's range of ±292 years.
 */
export function parseDuration(text: string): number | undefined {
  const negative = text.startsWith('-');
  let at = negative || text.startsWith('+') ? 1 : 0;
  if (text.slice(at) === '0') return 0;
  if (at === text.length) return undefined;
  let ms = 0;
  while (at < text.length) {
    TERM.lastIndex = at;
    const term = TERM.exec(text);
    if (term === null) return undefined;
    ms += Number(term[1]) * (UNITS.get(term[2] as string) as number);
    at = TERM.lastIndex;
  }
  if (ms >= MAX_MS) return undefined;
  const rounded = Math.round(ms * 1e6) / 1e6; // 0.57 s is 570 ms, not 569.9999999999999
  return negative && rounded !== 0 ? -rounded : rounded;
}

/** Writes milliseconds as Go's `Duration.String` does: `1m30s`, `100ms`, `1.5µs`, `0s`. */
export function formatDuration(ms: number): string {
  const sign = ms < 0 ? '-' : '';
  const ns = Math.round(Math.abs(ms) * 1e6);
  if (ns === 0) return '0s';
  if (ns < 1_000) return `${sign}${ns}ns`;
  if (ns < 1_000_000) return `${sign}${ns / 1e3}µs`;
  if (ns < 1_000_000_000) return `${sign}${ns / 1e6}ms`;
  const minutes = Math.floor(ns / 60e9);
  const seconds = `${(ns - minutes * 60e9) / 1e9}s`;
  if (minutes === 0) return sign + seconds;
  const hours = Math.floor(minutes / 60);
  return hours === 0 ? `${sign}${minutes}m${seconds}` : `${sign}${hours}h${minutes % 60}m${seconds}`;
}
