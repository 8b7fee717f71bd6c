/** What a forwarded HTTP request says about its way, and what it may not say. */

import type { RequestHeaders } from '../api/headers.ts';
import type { ProxyConfig } from './proxy-schema.ts';

/** The name under which Weft stands in Via (RFC 9110, section 7.6.3) and CDN-Loop (RFC 8586). */
const PSEUDONYM = 'weft';
const VIA = `1.1 ${PSEUDONYM}`;

export class Forwarding {
  readonly #for: boolean;
  readonly #proto: boolean;
  readonly #via: boolean;
  readonly #loopDetection: boolean;
  readonly #maxHops: number;

  constructor(config: ProxyConfig['forwarding']) {
    this.#for = config.x_forwarded_for;
    this.#proto = config.x_forwarded_proto;
    this.#via = config.via;
    this.#loopDetection = config.loop_detection;
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
      // Hosts, ports and users of earlier hops too, unless somebody behind Weft is to judge them.
      if (this.#for && this.#proto) headers.removePrefixed('x-forwarded-');
    }
    if (this.#loopDetection && !this.#addLoop(headers)) return false;
    if (this.#via) headers.append('via', VIA);
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

  /** CDN-Loop and not Via, because servers act on Via: nginx, for one, stops compressing. */
  #addLoop(headers: RequestHeaders): boolean {
    if (headers.has('cdn-loop')) {
      let hops = 0;
      for (const line of headers.getAll('cdn-loop')) {
        for (const entry of line.split(',')) if (entry.split(';', 1)[0]?.trim() === PSEUDONYM) hops++;
      }
      if (hops >= this.#maxHops) return false;
    }
    headers.append('cdn-loop', PSEUDONYM);
    return true;
  }
}

const NONE: string[] = [];
