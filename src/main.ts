#!/usr/bin/env node
/** The command line: `weft start`, `check`, `schema`, `version`. */

// Before anything is loaded: without a handler Node would open its inspector on the signal that reopens log files.
process.on('SIGUSR1', () => {});

const args = process.argv.slice(2);
const plain = plainStart(args);
if (plain === undefined) {
  const { runCommandLine } = await import('./server/command-line.ts');
  await runCommandLine(args);
} else {
  const { start } = await import('./server/commands.ts');
  await start(plain);
}

/**
 * Reads `start -c FILE`, the way a running proxy is started. Whatever else is asked for goes to the command line
 * proper, whose library would stay in the memory of the proxy (5 MB).
 */
function plainStart(args: readonly string[]): { configFile: string } | undefined {
  const [command, flag, configFile] = args;
  const isPlain = args.length === 3 && command === 'start' && (flag === '-c' || flag === '--config');
  return isPlain && configFile !== undefined && !configFile.startsWith('-') ? { configFile } : undefined;
}
