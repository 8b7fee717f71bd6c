/** Where log lines go: what a `log_path` says. */

export interface LogTarget {
  /** `file` is rolled and reopened, the others are not. */
  readonly kind: 'file' | 'device' | 'stdout' | 'stderr';
  /** Path of a file or device, else `''`. */
  readonly path: string;
}

/**
 * Reads a `log_path` as MOSN does: empty or `stderr`, `stdout`, `/dev/…`, else a file.
 * Throws for `syslog…`, which Weft does not implement: lines that somebody audits must not end up elsewhere unseen.
 */
export function parseLogTarget(text: string): LogTarget {
  if (text === '' || text === 'stderr') return { kind: 'stderr', path: '' };
  if (text === 'stdout') return { kind: 'stdout', path: '' };
  if (/^syslog($|:|\+)/.test(text)) throw new Error('syslog targets are not implemented yet');
  return { kind: text.startsWith('/dev/') ? 'device' : 'file', path: text };
}
