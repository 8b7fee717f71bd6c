/** The block of a TLS context, in a filter chain or a cluster (keys as MOSN has them). Not implemented yet. */

import { any, boolean, list, object, string } from '../api/schema.ts';

/**
 * A struct and no free value: whether TLS is asked for must not depend on the case in which somebody writes `status`.
 */
const tlsContext = {
  status: boolean({ default: false, description: 'Whether this context is in use.' }),
  type: string(),
  server_name: string(),
  ca_cert: string({ description: 'Path, or PEM.' }),
  cert_chain: string({ description: 'Path, or PEM.' }),
  private_key: string({ description: 'Path, or PEM.' }),
  verify_client: boolean(),
  require_client_cert: boolean(),
  insecure_skip: boolean(),
  cipher_suites: string(),
  ecdh_curves: string(),
  min_version: string(),
  max_version: string(),
  alpn: string(),
  ticket: string(),
  fall_back: boolean(),
  extend_verify: any(),
  callbacks: list(string()),
  sds_source: any(),
};

const isOff = (context: unknown): boolean => (context as { status: boolean }).status !== true;

export const tlsContextSchema = object(tlsContext, {
  support: 'refused',
  isInactive: isOff,
  description: 'TLS is not implemented yet; a context whose `status` is false passes.',
});

export const tlsContextSetSchema = list(object(tlsContext), {
  support: 'refused',
  isInactive: (contexts) => (contexts as unknown[]).every(isOff),
  description: 'TLS is not implemented yet.',
});
