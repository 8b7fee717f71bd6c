/** The configuration blocks of this room, and the checks that a schema cannot express. */

import type { ConfigProblem } from '../api/factory.ts';
import {
  any,
  block,
  boolean,
  type Infer,
  integer,
  list,
  number,
  object,
  oneOf,
  required,
  string,
} from '../api/schema.ts';
import { compileFormat } from './access-log-format.ts';
import { parseLogRoller } from './log-roller.ts';
import { parseLogTarget } from './log-target.ts';

const prometheusSink = object({
  port: required(integer(0, 65_535, { description: 'TCP port of the listener that this sink opens.' })),
  address: string({ default: '0.0.0.0', own: true, description: 'Address that it binds to.' }),
  endpoint: string({ default: '/metrics', description: 'Path of the metrics.' }),
  percentiles: list(number(), { description: 'Percentiles of histograms to export as gauges, e.g. `95`.' }),
  disable_collect_process: boolean({ default: false, description: 'Leaves out `process_*`.' }),
  disable_collect_go: boolean({ default: false, description: 'Leaves out `nodejs_*`, where MOSN has `go_*`.' }),
  export_url: string({ support: 'planned', description: 'Pushing is not implemented.' }),
});

export type PrometheusSinkConfig = Infer<typeof prometheusSink>;

/** The root key `metrics`. */
export const metricsSchema = block({
  sinks: list(object({ type: required(oneOf(['prometheus'])), config: required(prometheusSink) }), {
    description: 'Where metrics are shown apart from the admin server.',
  }),
  stats_matcher: block(
    {
      reject_all: boolean({ default: false, description: 'Shows no metrics at all.' }),
      exclusion_labels: list(string(), { description: 'Hides metrics that carry a label of one of these names.' }),
      exclusion_keys: list(string(), { description: 'Hides metrics with one of these keys (`request_total`).' }),
    },
    { description: 'Metrics that are counted and not shown.' },
  ),
  shm_zone: string({ support: 'planned', description: 'Counters that outlive an upgrade.' }),
  shm_size: any({ support: 'planned' }),
  flush_mosn: boolean({ support: 'inert' }),
  lazy_flush: boolean({ support: 'inert' }),
  sample: any({ support: 'inert', description: 'Histograms have fixed buckets and need no sample.' }),
  ewma: any({ support: 'planned' }),
});

export type MetricsConfig = Infer<typeof metricsSchema>;

/** One entry of a listener's `access_logs`. */
export const accessLogSchema = object({
  log_path: string({
    default: '',
    description: 'A file, `stdout`, `stderr` or a device; absent: `logs/<listener>_access.log`.',
  }),
  log_format: string({ default: '', description: 'Text with `%variable%`; absent: the format of MOSN.' }),
});

export type AccessLogConfig = Infer<typeof accessLogSchema>;

/** The root key `tracing`. */
export const tracingSchema = object(
  { enable: boolean({ default: false }), driver: string(), tracer: string({ support: 'inert' }), config: any() },
  { support: 'planned', isInactive: (value) => !(value as { enable: boolean }).enable },
);

/** What the schema cannot say of an access log. */
export function checkAccessLog(config: AccessLogConfig): ConfigProblem[] {
  return [
    ...problemOf('log_path', () => parseLogTarget(config.log_path)),
    ...problemOf('log_format', () => compileFormat(config.log_format)),
  ];
}

/** What the schema cannot say of the log keys of a server. */
export function checkServerLog(config: { default_log_path: string; global_log_roller?: string }): ConfigProblem[] {
  return [
    ...problemOf('default_log_path', () => parseLogTarget(config.default_log_path)),
    ...problemOf('global_log_roller', () => parseLogRoller(config.global_log_roller ?? '')),
  ];
}

function problemOf(key: string, read: () => unknown): ConfigProblem[] {
  try {
    read();
    return [];
  } catch (error) {
    return [{ path: [key], message: (error as Error).message }];
  }
}
