/** Whether a connection begins like HTTP/1: with one of the methods that MOSN knows. */

import { ProtocolMatch } from '../../src/api/index.ts';

const METHODS = ['GET', 'POST', 'PUT', 'HEAD', 'DELETE', 'OPTIONS', 'PATCH', 'CONNECT', 'TRACE', 'LINK', 'UNLINK'];
const LONGEST = 7;

export function matchHttp1(prefix: Buffer): ProtocolMatch {
  const text = prefix.toString('latin1', 0, Math.min(prefix.length, LONGEST));
  let match: ProtocolMatch = ProtocolMatch.No;
  for (const method of METHODS) {
    if (text.startsWith(method)) return ProtocolMatch.Yes;
    if (method.startsWith(text)) match = ProtocolMatch.NeedMore;
  }
  return match;
}
