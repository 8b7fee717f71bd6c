/** Where a connection comes from or goes to. */

export interface Address {
  /** An IPv4 or IPv6 literal without brackets, a host name, or `''` for a unix socket. */
  readonly host: string;
  /** TCP port; 0 for a unix socket. */
  readonly port: number;
  /** Path of a unix socket, else `''`. */
  readonly path: string;
  /** `host:port`, `[v6]:port` or `unix:/path`: the form logs and metrics show. */
  readonly text: string;
}

/** Builds the address of a TCP end point. */
export function tcpAddress(host: string, port: number): Address {
  return { host, port, path: '', text: host.includes(':') ? `[${host}]:${port}` : `${host}:${port}` };
}

/** Builds the address of a unix socket. */
export function unixAddress(path: string): Address {
  return { host: '', port: 0, path, text: `unix:${path}` };
}

const MAX_PORT = 65_535;

/**
 * Reads `host:port`, `[v6]:port`, `:port` (all interfaces), `unix:/path` or an absolute path.
 * Returns undefined for anything else.
 */
export function parseAddress(text: string): Address | undefined {
  if (text.startsWith('unix:')) return text.length > 5 ? unixAddress(text.slice(5)) : undefined;
  if (text.startsWith('/')) return unixAddress(text);
  const colon = text.lastIndexOf(':');
  if (colon < 0) return undefined;
  const digits = text.slice(colon + 1);
  if (!/^\d{1,5}$/.test(digits)) return undefined;
  const port = Number(digits);
  if (port > MAX_PORT) return undefined;
  let host = text.slice(0, colon);
  if (host.startsWith('[') && host.endsWith(']')) host = host.slice(1, -1);
  else if (host.includes(':')) return undefined;
  return tcpAddress(host === '' ? '0.0.0.0' : host, port);
}
