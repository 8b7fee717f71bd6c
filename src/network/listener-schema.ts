/** The configuration block of a listener, MOSN's `servers[].listeners[]` (spec section 1.5). */

import { isIP } from 'node:net';
import { parseAddress } from '../api/address.ts';
import type { ConfigProblem } from '../api/factory.ts';
import {
  any,
  boolean,
  count,
  duration,
  type Infer,
  list,
  object,
  oneOf,
  registered,
  required,
  type Schema,
  string,
} from '../api/schema.ts';
import { accessLogSchema } from '../observe/observe-schema.ts';
import { tlsContextSchema, tlsContextSetSchema } from './tls-schema.ts';

const filterChain = object({
  match: string({ support: 'inert' }),
  tls_context: tlsContextSchema,
  tls_context_set: tlsContextSetSchema,
  filters: list(registered('network_filter'), { description: 'Network filters, in order.' }),
});

export const listenerSchema = object({
  name: string({ default: '', description: 'Label of metrics and logs; absent: the address.' }),
  type: oneOf(['', 'ingress', 'egress'], { default: '', description: 'Variable `listener_type`; no other effect.' }),
  address: required(string({ description: '`host:port`, `[v6]:port`, or the path of a unix socket.' })),
  network: string({ default: 'tcp', description: '`tcp` or `unix`, in any case; `udp` is not implemented.' }),
  bind_port: boolean({ default: false, description: 'Open a socket; without it connections come by hand-over only.' }),
  reuseport: boolean({ support: 'inert', description: 'UDP only.' }),
  use_original_dst: oneOf(['', 'redirect', 'tproxy'], {
    support: 'refused',
    isInactive: (value) => value === '',
    description: 'Transparent interception is not implemented yet.',
  }),
  access_logs: list(accessLogSchema),
  listener_filters: list(any(), {
    support: 'refused',
    isInactive: (value) => Array.isArray(value) && value.length === 0,
    description: 'Not implemented yet.',
  }),
  filter_chains: required(list(filterChain, { minItems: 1, maxItems: 1 })) as Schema<
    Infer<typeof filterChain>[],
    'present'
  >,
  stream_filters: list(registered('stream_filter'), { description: 'Stream filters, in order.' }),
  inspector: boolean({
    support: 'refused',
    isInactive: (value) => value === false,
    description: 'Telling TLS from plaintext on one port is not implemented yet.',
  }),
  connection_idle_timeout: duration({
    description: 'A connection without requests is closed after this; absent: 90s, "0s": never.',
  }),
  default_read_buffer_size: count({ support: 'inert' }),
  max_connections: count({ own: true, description: 'Connections beyond are closed at accept; absent: no limit.' }),
  trusted_cidrs: list(string(), {
    own: true,
    description: 'Peers whose `X-Forwarded-*` and `x-mosn-*` headers are believed; none by default.',
  }),
});

export type ListenerConfig = Infer<typeof listenerSchema>;

const NETWORKS = ['tcp', 'unix'];

/** What the schema cannot say. */
export function checkListener(config: ListenerConfig): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const network = config.network.toLowerCase();
  if (!NETWORKS.includes(network)) {
    const message = network === 'udp' ? 'udp is not implemented' : `expected tcp or unix, found "${config.network}"`;
    problems.push({ path: ['network'], message });
  } else if (network === 'tcp' && parseAddress(config.address) === undefined) {
    problems.push({ path: ['address'], message: `expected host:port, found ${JSON.stringify(config.address)}` });
  }
  for (const [i, cidr] of config.trusted_cidrs.entries()) {
    if (!isCidr(cidr)) {
      problems.push({
        path: ['trusted_cidrs', i],
        message: `expected an address or CIDR, found ${JSON.stringify(cidr)}`,
      });
    }
  }
  return problems;
}

function isCidr(text: string): boolean {
  const [address = '', bits, ...rest] = text.split('/');
  const version = isIP(address);
  if (version === 0 || rest.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 6 ? 128 : 32));
}
