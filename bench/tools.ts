/** The programs that a run needs, and the Debian packages that bring them. */

import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

const PACKAGES = { nginx: 'nginx-light', haproxy: 'haproxy', wrk: 'wrk', curl: 'curl' } as const;

export type Tool = keyof typeof PACKAGES;

const VERSION_FLAGS: Record<Tool, string> = { nginx: '-v', haproxy: '-v', wrk: '-v', curl: '--version' };

/** Installs what is missing where that is possible (root on Debian), else throws and names the packages. */
export function requireTools(tools: readonly Tool[]): void {
  const missing = tools.filter((tool) => !isThere(tool)).map((tool) => PACKAGES[tool]);
  if (missing.length === 0) return;
  const install = `apt-get install -y --no-install-recommends ${missing.join(' ')}`;
  if (process.getuid?.() !== 0 || !isThere('apt-get')) throw new Error(`missing programs; as root: ${install}`);
  process.stderr.write(`${install}\n`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  for (const command of ['apt-get update -q', install]) {
    const [program, ...args] = command.split(' ');
    const { status } = spawnSync(program as string, args, { env, stdio: ['ignore', 2, 2] });
    if (status !== 0) throw new Error(`"${command}" failed`);
  }
}

/** The version that each tool states. */
export function toolVersions(tools: readonly Tool[]): Record<string, string> {
  return Object.fromEntries(
    tools.map((tool) => {
      const { stdout, stderr } = spawnSync(tool, [VERSION_FLAGS[tool]], { encoding: 'utf8' });
      return [tool, /\d+\.\d+(\.\d+)?/.exec(stdout + stderr)?.[0] ?? 'unknown'];
    }),
  );
}

function isThere(program: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((directory) => {
    try {
      accessSync(join(directory, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
