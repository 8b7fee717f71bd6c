/** Which virtual host serves a Host: the domains of a router (MOSN's order, see `find`). */

interface WildcardTable<T> {
  /** Lengths of the suffixes, longest first. */
  readonly lengths: number[];
  readonly bySuffix: Map<string, T>;
}

const ANY_PORT = '*';

export class DomainTable<T> {
  /** `host` or `host:port`. */
  readonly #exact = new Map<string, T>();
  /** Hosts with `:*`. */
  readonly #anyPort = new Map<string, T>();
  /** Suffixes by port, `''` for no port. */
  readonly #wildcards = new Map<string, WildcardTable<T>>();
  readonly #namesWithPort = new Set<string>();
  #default: T | undefined;

  /** Adds a domain; returns what is wrong with it, if anything. */
  add(domain: string, target: T): string | undefined {
    const name = splitPort(domain.toLowerCase());
    if (name === undefined || name.host === '') return 'is not a host name, with or without a port';
    const { host, port } = name;
    if (port !== '') this.#namesWithPort.add(host);
    const taken = 'is already taken by another entry';
    if (host === '*' && (port === '' || port === ANY_PORT)) {
      if (this.#default !== undefined) return 'is a second default, there can be one "*"';
      this.#default = target;
    } else if (host.startsWith('*')) {
      const suffix = host.slice(1);
      if (suffix.includes('*')) return 'has a * that is not at its beginning';
      const table = this.#wildcardsFor(port);
      if (table.bySuffix.has(suffix)) return taken;
      table.bySuffix.set(suffix, target);
      if (!table.lengths.includes(suffix.length)) table.lengths.push(suffix.length);
      table.lengths.sort((a, b) => b - a);
    } else {
      if (host.includes('*')) return 'has a * that is not at its beginning';
      const map = port === ANY_PORT ? this.#anyPort : this.#exact;
      const key = port === ANY_PORT ? host : joinPort(host, port);
      if (map.has(key)) return taken;
      map.set(key, target);
    }
    return undefined;
  }

  #wildcardsFor(port: string): WildcardTable<T> {
    let table = this.#wildcards.get(port);
    if (table === undefined) {
      table = { lengths: [], bySuffix: new Map() };
      this.#wildcards.set(port, table);
    }
    return table;
  }

  /** Whether the domain matches a Host without a port only, and no entry has the same name with a port. */
  lacksPorts(domain: string): boolean {
    const name = splitPort(domain.toLowerCase());
    return name !== undefined && name.port === '' && name.host !== '*' && !this.#namesWithPort.has(name.host);
  }

  /**
   * Finds the target for a Host, which may be in any case: the exact name with its port, the exact name with any port,
   * the longest suffix with its port, the longest suffix with any port, the default. Without a Host, or with one that
   * cannot be read, only a default that stands alone is found.
   */
  find(authority: string): T | undefined {
    if (this.#exact.size === 0 && this.#anyPort.size === 0 && this.#wildcards.size === 0) return this.#default;
    if (authority === '') return undefined;
    const lower = authority.toLowerCase();
    const direct = this.#exact.get(lower);
    if (direct !== undefined) return direct;
    const name = splitPort(lower);
    if (name === undefined) return undefined;
    const { host, port } = name;
    return (
      // An empty port is none.
      (port === '' ? this.#exact.get(joinPort(host, port)) : undefined) ??
      this.#anyPort.get(host) ??
      longestSuffix(this.#wildcards.get(port), host) ??
      longestSuffix(this.#wildcards.get(ANY_PORT), host) ??
      this.#default
    );
  }
}

function longestSuffix<T>(table: WildcardTable<T> | undefined, host: string): T | undefined {
  if (table === undefined) return undefined;
  for (const length of table.lengths) {
    // The wildcard stands for one character or more.
    if (length >= host.length) continue;
    const target = table.bySuffix.get(host.slice(host.length - length));
    if (target !== undefined) return target;
  }
  return undefined;
}

/** Splits as Go's `net.SplitHostPort`, but a port may be absent; undefined for what cannot be split. */
function splitPort(text: string): { host: string; port: string } | undefined {
  if (text.startsWith('[')) {
    const match = /^\[([^[\]]*)\](?::(.*))?$/.exec(text);
    return match === null ? undefined : { host: match[1] as string, port: match[2] ?? '' };
  }
  const colon = text.indexOf(':');
  if (colon < 0) return { host: text, port: '' };
  if (text.includes(':', colon + 1)) return undefined;
  return { host: text.slice(0, colon), port: text.slice(colon + 1) };
}

function joinPort(host: string, port: string): string {
  const name = host.includes(':') ? `[${host}]` : host;
  return port === '' ? name : `${name}:${port}`;
}
