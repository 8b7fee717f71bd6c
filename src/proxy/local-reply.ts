/** Heads and bodies of the answers that Weft gives itself. Request headers are never echoed (difference from MOSN). */

import { ResponseHeaderList } from '../api/headers.ts';
import type { LocalReply } from '../api/stream-filter.ts';

export interface BuiltReply {
  readonly headers: ResponseHeaderList;
  readonly body: Buffer;
}

const FALLBACK_STATUS = 500;
const FIRST_FINAL = 200;
const LAST = 999;

/**
 * Builds the response for a local reply.
 *
 * @throws TypeError when the status is no final one, or a header could break out of its line
 */
export function buildLocalReply(reply: LocalReply): BuiltReply {
  const { reason } = reply;
  const status = reply.status ?? (reason.status || FALLBACK_STATUS);
  if (!(status >= FIRST_FINAL && status <= LAST)) throw new TypeError(`${status} is no final status`);
  const content = reply.body ?? (reason.text === '' ? '' : `${reason.text}\n`);
  const body = typeof content === 'string' ? Buffer.from(content) : Buffer.from(content);
  const headers = new ResponseHeaderList(status, body.length);
  if (reply.headers !== undefined) {
    for (const [name, value] of Object.entries(reply.headers)) headers.append(name, value);
  }
  if (body.length > 0 && !headers.has('content-type')) headers.append('content-type', 'text/plain; charset=utf-8');
  return { headers, body };
}
