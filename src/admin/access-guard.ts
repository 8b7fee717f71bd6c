/**
 * Who may ask the admin server for what.
 *
 * A browser can be made to send requests to loopback: from a page of another origin, which gives itself away by
 * `Origin`, or after DNS rebinding, where `Host` holds the attacker's name. Neither can happen on a unix socket. Writes
 * ask for more: to be allowed at all, and a token unless a unix socket with mode 0600 is the proof.
 */

import type { IncomingHttpHeaders } from 'node:http';
import type { AdminConfig } from './admin-schema.ts';

/** DNS has no names of digits and dots, nor any in brackets: these can be nothing but addresses. */
const IP_LITERAL = /^([\d.]+|\[.+\])$/;

export class AccessGuard {
  readonly #tcp: boolean;
  readonly #hosts: ReadonlySet<string>;
  readonly #allowWrites: boolean;
  readonly #token: Buffer | undefined;

  constructor(config: AdminConfig) {
    const { socket_address: tcp } = config.address;
    this.#tcp = tcp !== undefined;
    this.#hosts = new Set(['localhost', ...config.allowed_hosts.map((name) => name.toLowerCase())]);
    this.#allowWrites = config.allow_writes;
    this.#token = config.token ? digest(config.token) : undefined;
  }

  /** Why a request is refused, or undefined. */
  objection(headers: IncomingHttpHeaders, write: boolean): string | undefined {
    if (this.#tcp) {
      if (headers.host !== undefined && !this.#isOwnHost(headers.host)) return 'host is not allowed';
      const { origin } = headers;
      if (origin !== undefined && origin !== `http://${headers.host}`) return 'origin is not allowed';
    }
    if (!write) return undefined;
    if (!this.#allowWrites) return 'writes are not allowed: set admin.allow_writes';
    return this.#token === undefined || this.#hasToken(headers.authorization) ? undefined : 'token is missing or wrong';
  }

  #isOwnHost(host: string): boolean {
    const name = host.replace(/:\d*$/, '').toLowerCase();
    return this.#hosts.has(name) || IP_LITERAL.test(name);
  }

  /** Digests have one length, so that comparing takes the same time for any guess. */
  #hasToken(authorization: string | undefined): boolean {
    const token = /^Bearer (.+)$/i.exec(authorization ?? '')?.[1];
    return token !== undefined && crypto().timingSafeEqual(digest(token), this.#token as Buffer);
  }
}

function digest(text: string): Buffer {
  return crypto().createHash('sha256').update(text).digest();
}

/** 3 MiB of resident memory, for those who have a token. */
function crypto(): typeof import('node:crypto') {
  return process.getBuiltinModule('node:crypto');
}
