/** HTTP/1.1 (RFC 9110, RFC 9112), and HTTP/1.0 where somebody still speaks it. */

import type { Protocol } from '../../src/api/index.ts';
import { Http1ClientCodec } from './client-codec.ts';
import { matchHttp1 } from './match.ts';
import { Http1ServerCodec } from './server-codec.ts';
import { type Http1Settings, http1Settings } from './settings.ts';

export type { Http1Settings } from './settings.ts';

export const http1: Protocol<Http1Settings> = {
  name: 'Http1',
  pool: 'ping-pong',
  http: true,
  settings: http1Settings,
  match: matchHttp1,
  serverCodec: (sink, events, settings) => new Http1ServerCodec(sink, events, settings),
  clientCodec: (sink, events, settings) => new Http1ClientCodec(sink, events, settings),
};
