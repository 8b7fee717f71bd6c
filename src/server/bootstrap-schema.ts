/** The root of a configuration: MOSN's keys, each block by the schema of the room that owns it. */

import { adminSchema } from '../admin/admin-schema.ts';
import type { Infer } from '../api/schema.ts';
import {
  any,
  boolean,
  count,
  duration,
  integer,
  list,
  object,
  registered,
  required,
  string,
  union,
} from '../api/schema.ts';
import type { BlockType } from '../config/registry.ts';
import { listenerSchema } from '../network/listener-schema.ts';
import { metricsSchema, tracingSchema } from '../observe/observe-schema.ts';
import { routerSchema } from '../router/router-schema.ts';
import { clusterManagerSchema } from '../upstream/cluster-schema.ts';

const serverSchema = object({
  mosn_server_name: string({ support: 'inert' }),
  default_log_path: string({
    default: '',
    description: 'Process log: a file, `stdout`, a device, or `stderr` (also when absent).',
  }),
  default_log_level: string({
    default: 'INFO',
    description: 'TRACE, DEBUG, INFO, WARN, ERROR or FATAL; anything else is INFO.',
  }),
  global_log_roller: string({
    description: 'When log files are rolled: `time=` hours, `size=` MB, `age=` days, `keep=` files, `compress=on|off`.',
  }),
  use_netpoll_mode: boolean({ support: 'inert' }),
  graceful_timeout: duration({ default: 30_000, description: 'Longest drain after TERM.' }),
  drain_delay: duration({
    default: 5_000,
    own: true,
    description: 'How long accepting goes on after TERM while `/ready` already answers 503.',
  }),
  processor: union([count(), string()], {
    support: 'planned',
    isInactive: (value) => Number(value) <= 1,
    description: 'Worker threads; absent = 1.',
  }),
  listeners: list(listenerSchema),
  routers: list(routerSchema),
});

const goPlugins = object(
  {
    codecs: list(
      object({
        enable: boolean({ default: false }),
        type: string(),
        path: string(),
        loader_func_name: string(),
        config: any(),
      }),
    ),
  },
  {
    support: 'refused',
    isInactive: (value) => (value as { codecs: { enable: boolean }[] }).codecs.every(({ enable }) => !enable),
    description: 'Codecs that are loaded as Go plugins or wasm modules.',
  },
);

const pprof = object(
  {
    debug: boolean({ default: false }),
    port_value: integer(0, 65_535, { default: 9_090 }),
    endpoint: string({ default: '0.0.0.0' }),
  },
  {
    support: 'planned',
    isInactive: (value) => !(value as { debug: boolean }).debug,
    description: 'Profiling server.',
  },
);

export const bootstrapSchema = object({
  $schema: string({ own: true, description: 'Schema for editors, without effect.' }),
  servers: required(list(serverSchema, { minItems: 1, maxItems: 1, description: 'Exactly one server.' })),
  cluster_manager: clusterManagerSchema,
  admin: adminSchema,
  metrics: metricsSchema,
  tracing: tracingSchema,
  pid: string({ description: 'File that the process id is written to; absent: none.' }),
  extends: list(registered('extension'), { description: 'Extensions of the process.' }),
  third_part_codec: goPlugins,
  wasm_global_plugins: list(any(), { support: 'planned', description: 'WebAssembly modules by name.' }),
  pprof,
  plugin: object({ log_base: string() }, { support: 'planned', description: 'Out-of-process plugins.' }),
  disable_upgrade: boolean({ support: 'inert', description: 'There is no smooth upgrade to disable yet.' }),
  close_graceful: boolean({ support: 'inert', description: 'As `disable_upgrade`.' }),
  inherit_old_mosnconfig: boolean({ support: 'planned' }),
  uds_dir: string({ support: 'planned', description: 'Directory of the sockets for smooth upgrade.' }),
  dynamic_resources: any({ support: 'planned', description: 'xDS.' }),
  static_resources: any({ support: 'planned', description: 'xDS.' }),
  node: any({ support: 'inert', description: 'xDS.' }),
});

/** Legacy: a network filter that is no filter but a router written inline. */
export const connectionManager: BlockType = { type: 'connection_manager', config: routerSchema };

export type RootConfig = Infer<typeof bootstrapSchema>;
export type ServerConfig = Infer<typeof serverSchema>;
