/** Durations as Go prints them, which is what MOSN's access logs hold. */

/** Writes milliseconds ≥ 0, to the nanosecond, as Go's `Duration.String` does: `1m30s`, `1.234ms`, `15µs`, `0s`. */
export function goDuration(ms: number): string {
  const ns = Math.round(ms * 1e6);
  if (ns < 1_000) return ns === 0 ? '0s' : `${ns}ns`;
  if (ns < 1_000_000) return `${ns / 1e3}µs`;
  if (ns < 1_000_000_000) return `${ns / 1e6}ms`;
  const minutes = Math.floor(ns / 60e9);
  const seconds = (ns - minutes * 60e9) / 1e9;
  if (minutes === 0) return `${seconds}s`;
  const hours = Math.floor(minutes / 60);
  return hours === 0 ? `${minutes}m${seconds}s` : `${hours}h${minutes % 60}m${seconds}s`;
}
