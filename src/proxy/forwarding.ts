/** What a forwarded HTTP request says about its way: X-Forwarded-For, X-Forwarded-Proto, Via; and what it may not say. */

import type { RequestHeaders } from '../api/headers.ts';
import type { ProxyConfig } from './proxy-schema.ts';

/** RFC 9110, section 7.6.3: the name under which Weft stands in Via. */
const PSEUDONYM = 'weft';
const VIA = `1.1 ${PSEUDONYM}`;

export class Forwarding {
  readonly #for: boolean;
  readonly #proto: boolean;
  readonly #via: boolean;
  readonly #maxHops: number;

  constructor(config: ProxyConfig['forwarding']) {
    this.#for = config.x_forwarded_for;
    this.#proto = config.x_forwarded_proto;
    this.#via = config.via;
    this.#maxHops = config.max_hops;
  }

  /**
   * Marks a request on its way in. What an untrusted peer says of earlier hops is replaced, and it loses headers that
   * steer the proxy. Returns false when the request has been here too often.
   */
  apply(headers: RequestHeaders, peer: string, scheme: string, trusted: boolean): boolean {
    if (!trusted) {
      // They steer time-outs and routing.
      headers.removePrefixed('x-mosn-');
      headers.removePrefixed('x-envoy-');
    }
    if (this.#via && !this.#addVia(headers)) return false;
    if (this.#for) this.#addFor(headers, peer, trusted);
    if (this.#proto && !(trusted && headers.has('x-forwarded-proto'))) headers.set('x-forwarded-proto', scheme);
    return true;
  }

  /** The peer of a unix socket has no address to add. */
  #addFor(headers: RequestHeaders, peer: string, trusted: boolean): void {
    const before = trusted ? headers.getAll('x-forwarded-for') : NONE;
    if (peer === '') {
      if (!trusted) headers.remove('x-forwarded-for');
    } else headers.set('x-forwarded-for', before.length === 0 ? peer : `${before.join(', ')}, ${peer}`);
  }

  #addVia(headers: RequestHeaders): boolean {
    const before = headers.get('via');
    if (before !== undefined) {
      let hops = 0;
      for (const line of headers.getAll('via')) {
        for (const entry of line.split(',')) if (entry.trim().endsWith(PSEUDONYM)) hops++;
      }
      if (hops >= this.#maxHops) return false;
    }
    headers.append('via', VIA);
    return true;
  }
}

const NONE: string[] = [];
