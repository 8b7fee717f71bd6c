/** Which protocols a `proxy` block allows downstream, and the settings of each (MOSN: spec section 2.6). */

import type { ConfigProblem } from '../api/factory.ts';
import type { Protocol } from '../api/protocol.ts';
import type { SchemaRegistry } from '../config/registry.ts';
import { validate } from '../config/validate.ts';
import type { ConfiguredProtocol } from '../proxy/proxy-runtime.ts';
import type { ProxyConfig } from '../proxy/proxy-schema.ts';

/** Detection asks in this order; protocols that are not there are left out. */
const AUTO_ORDER = ['Http2', 'Http1', 'bolt', 'boltv2', 'dubbo', 'dubbo-thrift', 'tars'];
const AUTO = 'Auto';
/** Legacy: the name stands in `extend_config.sub_protocol`. */
const SUB_PROTOCOL = 'X';

/** The protocols that there are. */
export interface KnownProtocols {
  readonly protocols: ReadonlyMap<string, Protocol<never>>;
  readonly schemas: SchemaRegistry;
}

export interface ProtocolSettings {
  readonly downstream: readonly ConfiguredProtocol[];
  /** Set when one protocol is named: it is spoken whatever the first bytes look like. */
  readonly fixed: ConfiguredProtocol | undefined;
  readonly all: ReadonlyMap<string, ConfiguredProtocol>;
  readonly problems: readonly ConfigProblem[];
}

export function protocolSettings(config: ProxyConfig, known: KnownProtocols): ProtocolSettings {
  const problems: ConfigProblem[] = [];
  const names = downstreamNames(config, known);
  for (const name of names) {
    if (!known.protocols.has(name)) problems.push(unknownProtocol('downstream_protocol', name, known));
  }
  const upstream = config.upstream_protocol ?? '';
  if (upstream !== '' && upstream !== AUTO && !known.protocols.has(upstream)) {
    problems.push(unknownProtocol('upstream_protocol', upstream, known));
  }

  const blocks = settingsBlocks(config, names);
  const all = new Map<string, ConfiguredProtocol>();
  for (const [name, protocol] of known.protocols) {
    const block = blocks.get(name);
    const result = validate(protocol.settings, block?.value ?? {}, known.schemas);
    for (const { severity, path, message } of result.problems) {
      problems.push({ severity, path: ['extend_config', ...(block?.path ?? []), ...path], message });
    }
    all.set(name, { protocol: protocol as unknown as Protocol, settings: result.value });
  }
  const downstream = names.flatMap((name) => all.get(name) ?? []);
  const fixed = names.length === 1 && config.downstream_protocol !== AUTO ? downstream[0] : undefined;
  return { downstream, fixed, all, problems };
}

function downstreamNames(config: ProxyConfig, known: KnownProtocols): string[] {
  const { downstream_protocol: named, extend_config: extended } = config;
  if (named === SUB_PROTOCOL) {
    const sub = isObject(extended) ? extended['sub_protocol'] : undefined;
    return typeof sub === 'string' ? sub.split(',') : [SUB_PROTOCOL];
  }
  if (named === AUTO) return AUTO_ORDER.filter((name) => known.protocols.has(name));
  return named.split(',').map((name) => name.trim());
}

/** `extend_config` is keyed by protocol; flat is accepted when there is exactly one. */
function settingsBlocks(
  config: ProxyConfig,
  names: readonly string[],
): Map<string, { value: unknown; path: string[] }> {
  const blocks = new Map<string, { value: unknown; path: string[] }>();
  const extended = config.extend_config;
  if (!isObject(extended)) return blocks;
  const keyed = Object.entries(extended).filter(([, value]) => isObject(value));
  for (const [name, value] of keyed) blocks.set(name, { value, path: [name] });
  const [only] = names;
  if (keyed.length === 0 && names.length === 1 && only !== undefined && config.downstream_protocol !== SUB_PROTOCOL) {
    blocks.set(only, { value: extended, path: [] });
  }
  return blocks;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function unknownProtocol(key: string, name: string, known: KnownProtocols): ConfigProblem {
  const names = [...known.protocols.keys()].join(', ');
  return { path: [key], message: `unknown protocol ${JSON.stringify(name)}, expected one of ${names}` };
}
