/** HAProxy as a second reference: one thread, connections to the upstream shared as freely as it can. */

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { PeerKind } from '../peer.ts';

export const haproxy: PeerKind = {
  name: 'haproxy',
  prepare: async (setting) => {
    const file = join(setting.directory, 'haproxy.cfg');
    await writeFile(
      file,
      `# Written by the benchmark harness.
global
  nbthread 1
  maxconn 8192
defaults
  mode http
  timeout connect 10s
  timeout client 600s
  timeout server 600s
  timeout http-keep-alive 600s
  option forwardfor
  http-reuse always
frontend in
  bind 127.0.0.1:${setting.port} backlog 4096
  default_backend service
backend service
  server upstream 127.0.0.1:${setting.upstreamPort}
`,
    );
    return ['haproxy', '-db', '-f', file];
  },
};
