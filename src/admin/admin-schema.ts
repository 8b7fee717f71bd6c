/** The root key `admin`, and the check that its schema cannot express. */

import type { ConfigProblem } from '../api/factory.ts';
import { boolean, type Infer, integer, list, object, required, string } from '../api/schema.ts';

export const adminSchema = object({
  address: required(
    object({
      socket_address: object({
        address: string({ default: '127.0.0.1', description: 'Address to listen on.' }),
        port_value: required(integer(0, 65_535, { description: 'TCP port.' })),
      }),
      pipe: object(
        { path: required(string({ description: 'Path of the socket; only its owner may connect (mode 0600).' })) },
        { own: true, description: 'A unix socket in place of a TCP port, as Envoy spells it.' },
      ),
    }),
  ),
  allow_writes: boolean({
    default: false,
    own: true,
    description: 'Opens the paths that change something. Needs `pipe` or `token`.',
  }),
  token: string({
    own: true,
    description: 'Writes must carry it as `Authorization: Bearer <token>`.',
  }),
  allowed_hosts: list(string(), {
    own: true,
    description: 'Names by which clients may address the admin server, besides IP addresses and `localhost`.',
  }),
  exposed_env: list(string(), {
    own: true,
    description: 'Environment variables that `/api/v1/env` may show; all others are reported as not found.',
  }),
});

export type AdminConfig = Infer<typeof adminSchema>;

/** What the schema cannot say. */
export function checkAdmin(config: AdminConfig): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const { socket_address: tcp, pipe } = config.address;
  if ((tcp === undefined) === (pipe === undefined)) {
    problems.push({ path: ['address'], message: 'needs either socket_address or pipe' });
  }
  if (config.allow_writes && pipe === undefined && !config.token) {
    // Whatever runs beside the proxy shares its loopback interface.
    problems.push({ path: ['allow_writes'], message: 'needs a unix socket (address.pipe) or a token' });
  }
  return problems;
}
