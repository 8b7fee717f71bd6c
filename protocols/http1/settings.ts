/** The `Http1` block of `extend_config`: every limit of the codec and its default. */

import { schema } from '../../src/api/index.ts';

const KIB = 1024;
const MAX = 0x40000000;

export const http1Settings = schema.block({
  // MOSN: 8192 for requests and always 8192 for responses.
  max_header_size: schema.integer(64, MAX, {
    default: 32 * KIB,
    description: 'Bytes of a message head, requests and responses. Beyond: 431, 414 within the request line, 502.',
  }),
  max_request_body_size: schema.count({
    default: 0,
    description: 'Bytes of a request body, 0 = unlimited. Beyond: 413.',
  }),
  max_headers: schema.integer(1, MAX, {
    own: true,
    default: 100,
    description: 'Lines of a message head. Beyond: 431, 502.',
  }),
  max_trailer_size: schema.integer(2, MAX, {
    own: true,
    default: 8 * KIB,
    description: 'Bytes of the trailers of a message.',
  }),
  max_trailers: schema.integer(0, MAX, {
    own: true,
    default: 32,
    description: 'Lines of the trailers of a message.',
  }),
  max_chunk_extension: schema.count({
    own: true,
    default: 16 * KIB,
    description: 'Bytes of chunk extensions in one body.',
  }),
  // One read of the connection is always taken in, so this is exceeded by at most that.
  max_pipelined: schema.count({
    own: true,
    default: 64 * KIB,
    description: 'Bytes kept of requests that came before the current one was answered; then reading stops.',
  }),
  max_informational: schema.count({
    own: true,
    default: 32,
    description: 'Interim (1xx) responses to one request. Beyond: 502.',
  }),
});

export type Http1Settings = schema.Infer<typeof http1Settings>;

/** The settings of an empty block. */
export const HTTP1_DEFAULTS: Http1Settings = Object.fromEntries(
  Object.entries(http1Settings.properties ?? {}).map(([key, value]) => [key, value.default]),
) as Http1Settings;
