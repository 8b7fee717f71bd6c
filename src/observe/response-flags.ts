/** Names of the response flag bits, for the variable `response_flag_text`. */

// Bits up to 0x2000 are MOSN's (api.ResponseFlag), the others Weft's own (src/api/reason.ts).
const FLAGS: readonly (readonly [number, string])[] = [
  [0x2, 'no_healthy_upstream'],
  [0x4, 'upstream_request_timeout'],
  [0x8, 'upstream_local_reset'],
  [0x10, 'upstream_remote_reset'],
  [0x20, 'upstream_connection_failure'],
  [0x40, 'upstream_connection_termination'],
  [0x80, 'upstream_overflow'],
  [0x100, 'no_route_found'],
  [0x200, 'delay_injected'],
  [0x400, 'fault_injected'],
  [0x800, 'rate_limited'],
  [0x1000, 'request_entity_too_large'],
  [0x2000, 'downstream_terminate'],
  [0x10000, 'downstream_protocol_error'],
  [0x20000, 'upstream_protocol_error'],
  [0x40000, 'downstream_reset'],
  [0x80000, 'shutdown'],
  [0x100000, 'internal_error'],
];

/** The names of the bits that are set, joined by commas; `''` for none. */
export function flagText(flags: number): string {
  let text = '';
  for (const [bit, name] of FLAGS) {
    if ((flags & bit) !== 0) text += text === '' ? name : `,${name}`;
  }
  return text;
}
