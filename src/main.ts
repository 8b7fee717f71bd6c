#!/usr/bin/env -S node --max-semi-space-size=2
/** The command line: `weft start`, `check`, `schema`, `version`. */

// Before anything is loaded: without a handler Node would open its inspector on the signal that reopens log files.
process.on('SIGUSR1', () => {});

const args = process.argv.slice(2);
const configFile = plainStart(args);
if (configFile === undefined) {
  const { runCommandLine } = await import('./server/command-line.ts');
  await runCommandLine(args);
} else {
  const { start } = await import('./server/commands.ts');
  await start({ configFile });
}

/**
 * Reads `start -c FILE`, the way a running proxy is started: whatever else is asked for goes to the command line
 * proper, whose library would stay in the memory of the proxy.
 */
function plainStart(args: readonly string[]): string | undefined {
  const [command, flag, file] = args;
  const isPlain = args.length === 3 && command === 'start' && (flag === '-c' || flag === '--config');
  return isPlain && file?.startsWith('-') === false ? file : undefined;
}
