/** What the admin server shows and changes, handed to it by the server, which it does not know. */

import type { LogFiles } from '../observe/log-files.ts';
import type { MetricStore, StatsMatcher } from '../observe/metric-store.ts';
import type { ProcessLog } from '../observe/process-log.ts';

/** The effective configuration, part by part, in the format of configuration files. */
export interface ConfigDump {
  /** The whole file. */
  readonly mosn_config: unknown;
  /** By name. */
  readonly listener: Readonly<Record<string, unknown>>;
  readonly cluster: Readonly<Record<string, unknown>>;
  readonly routers: Readonly<Record<string, unknown>>;
  readonly extends: readonly unknown[];
}

export interface AdminProviders {
  readonly version: string;
  /** The metrics of all threads. */
  readonly metrics: readonly MetricStore[];
  readonly statsMatcher: StatsMatcher | undefined;
  readonly logFiles: LogFiles;
  readonly processLog: ProcessLog;
  /** MOSN's state number: 4 starting, 6 running, 8 graceful stopping, … */
  state(): number;
  /** Whether `/ready` answers 200: false before listeners are open and from TERM on. */
  ready(): boolean;
  /** Feature gates. */
  features(): Readonly<Record<string, boolean>>;
  configDump(): ConfigDump;
}
