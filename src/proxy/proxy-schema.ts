/** The configuration block of the `proxy` network filter. */

import type { Infer } from '../api/schema.ts';
import { any, block, boolean, count, duration, integer, name, object, oneOf, required, string } from '../api/schema.ts';

const timeouts = block(
  {
    header: duration({ default: 10_000, description: 'From the first byte of a request head to its last.' }),
    body: duration({ default: 60_000, description: 'Longest silence while a request body is awaited.' }),
    stream_idle: duration({
      default: 300_000,
      description: 'Longest silence of a stream once its response has begun.',
    }),
    tunnel_idle: duration({ default: 3_600_000, description: 'Longest silence of a WebSocket or CONNECT tunnel.' }),
    half_close_grace: duration({
      default: 1_000,
      description: 'How long an answer is still owed to a client that has half-closed after its request.',
    }),
  },
  { own: true, description: 'Time-outs that MOSN has no key for; "0s" turns one off.' },
);

const forwarding = block(
  {
    x_forwarded_for: boolean({ default: true, description: 'Append the peer to X-Forwarded-For.' }),
    x_forwarded_proto: boolean({ default: true, description: 'Set X-Forwarded-Proto.' }),
    via: boolean({ default: false, description: 'Add Via. Some servers then stop compressing, nginx among them.' }),
    loop_detection: boolean({
      default: true,
      description: 'Add CDN-Loop and refuse requests that have passed too often.',
    }),
    max_hops: integer(1, 100, {
      default: 10,
      description: 'Passages of one request through Weft before it is a loop.',
    }),
  },
  { own: true, description: 'What a forwarded HTTP request says about its way.' },
);

export const proxySchema = object(
  {
    name: string({ support: 'inert' }),
    downstream_protocol: required(name({ description: 'One protocol name, "Auto", or a comma list.' })),
    upstream_protocol: string({ description: 'Protocol to the upstream; absent or "Auto": as downstream.' }),
    router_config_name: string({ default: '', description: 'Name of the router.' }),
    router_handler_name: oneOf(['', 'default'], { default: 'default' }),
    fallback_for_unknown_protocol: boolean({
      default: false,
      description: 'Hand the bytes of an unknown protocol to the next network filter.',
    }),
    extend_config: any({ description: 'Settings per protocol: {"Http1": {…}}, or flat when there is one protocol.' }),
    concurrency_num: count({ support: 'inert' }),
    validate_clusters: boolean({ support: 'inert' }),
    timeouts,
    forwarding,
    buffer_limit: count({
      default: 1_048_576,
      own: true,
      description: 'Bytes of a body that are kept for filters which need it whole (413, 502 beyond).',
    }),
    replay_limit: count({
      default: 65_536,
      own: true,
      description: 'Bytes of a request body that are kept so that a retry can send them again.',
    }),
  },
  { description: 'HTTP and RPC proxying.' },
);

export type ProxyConfig = Infer<typeof proxySchema>;
