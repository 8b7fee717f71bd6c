/** The peers that are programs of this folder, run by the Node that runs the harness. */

import { join } from 'node:path';
import type { PeerKind } from '../peer.ts';

export const yardstick: PeerKind = {
  name: 'yardstick',
  prepare: async ({ port, upstreamPort }) => [
    process.execPath,
    join(import.meta.dirname, 'yardstick.ts'),
    `${port}`,
    `${upstreamPort}`,
  ],
};

export const sink: PeerKind = {
  name: 'sink',
  prepare: async ({ port }) => [process.execPath, join(import.meta.dirname, 'sink.ts'), `${port}`],
};
