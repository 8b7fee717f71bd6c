/** The arguments of the commands, with the flags that MOSN's launchers pass. */

import { Command, InvalidArgumentError, Option } from 'commander';
import { check, schema, start } from './commands.ts';
import { version } from './version.ts';

const DEFAULT_CONFIG = 'configs/mosn_config.json';
const LOG_LEVELS = ['trace', 'debug', 'info', 'warning', 'error', 'critical', 'off'];

/** Flags of `mosn start` that do nothing here: taken, with a warning, so that existing launchers work. */
const WITHOUT_EFFECT = [
  '-f, --feature-gates <list>',
  '-s, --service-cluster <name>',
  '-n, --service-node <id>',
  '-p, --service-type <type>',
  '--service-meta <labels>',
  '--service-lables <labels>',
  '--cluster-domain <name>',
  '--pod-name <name>',
  '--pod-namespace <name>',
  '--pod-ip <ip>',
  '--parent-shutdown-time-s <seconds>',
  '--restart-epoch <n>',
  '--log-format <format>',
  '--component-log-level <levels>',
  '--local-address-ip-version <version>',
  '--max-obj-name-len <n>',
  '--concurrency <n>',
  '--log-format-prefix-with-location <n>',
  '--bootstrap-version <n>',
  '--drain-strategy <strategy>',
  '--disable-hot-restart [on]',
];

/** MOSN's short names of more than one letter. */
const ALIASES: ReadonlyMap<string, string> = new Map([
  ['sm', 'service-meta'],
  ['sl', 'service-lables'],
  ['domain', 'cluster-domain'],
  ['pn', 'pod-name'],
  ['pns', 'pod-namespace'],
  ['pi', 'pod-ip'],
  ['lf', 'log-format'],
  ['lc', 'component-log-level'],
]);

const EXAMPLES = `
Examples:
  weft check -c gateway.yaml           every problem, with its line and what was expected
  weft start -c gateway.yaml           run it; TERM drains, INT stops at once, USR1 reopens log files
  weft start -c mosn_config.json -l debug --drain-time-s 60
  weft schema > weft.schema.json       for editors that complete and check YAML and JSON

A configuration is MOSN's, JSON or YAML. Without -c it is the file that MOSN_CONFIG names, else ${DEFAULT_CONFIG}.`;

interface StartFlags {
  config: string;
  logLevel?: string;
  drainTimeS?: number;
}

/** Runs the command that the arguments name; prints help when there are none. */
export async function runCommandLine(args: readonly string[]): Promise<void> {
  const program = new Command('weft')
    .description('A service-mesh proxy for HTTP and TCP, in the tradition of MOSN.')
    .version(version(), '-V, --version', 'print the version')
    .helpCommand(false)
    .addHelpText('after', EXAMPLES);

  const startCommand = program
    .command('start')
    .description('run the proxy (the default when only flags are given)')
    .addOption(configOption())
    .addOption(new Option('-l, --log-level <level>', 'ceiling of the process log').choices(LOG_LEVELS))
    .addOption(
      new Option('--drain-time-s <seconds>', 'longest drain after TERM (default: graceful_timeout)').argParser(seconds),
    )
    .addHelpText('after', EXAMPLES)
    .action(async (flags: StartFlags, command: Command) => {
      warnAbout(command);
      const { config: configFile, logLevel, drainTimeS: drainTimeSeconds } = flags;
      await start({
        configFile,
        ...(logLevel !== undefined && { logLevel }),
        ...(drainTimeSeconds !== undefined && { drainTimeSeconds }),
      });
    });
  for (const flags of WITHOUT_EFFECT) startCommand.addOption(new Option(flags).hideHelp());

  program
    .command('check')
    .description('validate a configuration; exit code 1 when it would be refused')
    .addOption(configOption())
    .option('--strict', 'unknown keys are errors')
    .action(({ config, strict }: { config: string; strict?: true }) => check(config, strict === true));

  program.command('schema').description('print the JSON Schema of the configuration').action(schema);

  program
    .command('version')
    .description('print the version')
    .action(() => console.log(`weft ${version()}`));

  if (args.length === 0) program.outputHelp();
  else await program.parseAsync(normalize(args, startCommand), { from: 'user' });
}

function configOption(): Option {
  return new Option('-c, --config <file>', 'the configuration file').env('MOSN_CONFIG').default(DEFAULT_CONFIG);
}

function seconds(text: string): number {
  if (!/^\d{1,6}$/.test(text)) throw new InvalidArgumentError('expected a whole number of seconds');
  return Number(text);
}

/**
 * Puts `start` before flags that come without a command, and a second dash before long names: MOSN (Go) takes
 * `-config` for `--config`.
 */
function normalize(args: readonly string[], startCommand: Command): string[] {
  const known = new Set(startCommand.options.map(({ long }) => long));
  const result = args.map((arg) => {
    const [, name, rest] = /^-([a-z][a-z-]+)(=.*)?$/.exec(arg) ?? [];
    const long = name === undefined ? undefined : `--${ALIASES.get(name) ?? name}`;
    return long !== undefined && known.has(long) ? `${long}${rest ?? ''}` : arg;
  });
  const first = result[0] as string;
  const isOwnFlag = ['-h', '--help', '-V', '--version'].includes(first);
  return first.startsWith('-') && !isOwnFlag ? ['start', ...result] : result;
}

function warnAbout(command: Command): void {
  for (const option of command.options) {
    if (option.hidden && command.getOptionValueSource(option.attributeName()) !== undefined) {
      console.error(`weft: warning: ${option.long} has no effect`);
    }
  }
}
