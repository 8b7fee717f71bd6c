/** The composition root: the one file that names every built-in filter and protocol. */

import { tcpProxy } from '../filters/network/tcp-proxy/index.ts';
import { http1 } from '../protocols/http1/index.ts';
import { Extensions } from './server/extensions.ts';

/** A fresh set of everything that Weft brings. */
export function builtinExtensions(): Extensions {
  return new Extensions().networkFilter(tcpProxy).protocol(http1);
}
