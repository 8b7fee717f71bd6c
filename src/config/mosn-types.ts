/** Block types that MOSN knows and Weft does not: what a configuration that names one is told. */

/** `dead`: without effect in MOSN too, skipped with a warning. `planned`: refused, Weft does not implement it yet. */
export type MosnType = 'dead' | 'planned';

function types(dead: readonly string[], planned: readonly string[]): ReadonlyMap<string, MosnType> {
  return new Map([
    ...dead.map((name): [string, MosnType] => [name, 'dead']),
    ...planned.map((name): [string, MosnType] => [name, 'planned']),
  ]);
}

const REGISTRIES: ReadonlyMap<string, ReadonlyMap<string, MosnType>> = new Map([
  ['network_filter', types(['fault_inject'], ['udp_proxy', 'grpc', 'tunnel', 'tcpcopy'])],
  ['listener_filter', types([], ['original_dst'])],
  [
    'stream_filter',
    types(
      ['healthcheck', 'fault_inject'],
      [
        'fault',
        'payload_limit',
        'gzip',
        'fault_tolerance',
        'dsl',
        'mirror',
        'dubbo_stream',
        'grpc_metric',
        'ip_access',
        'transcoder',
        'header_to_metadata',
        'flowControlFilter',
        'proxywasm',
        'seata',
        'jwt_authn',
        'mixer',
        'istio.stats',
      ],
    ),
  ],
  ['extension', types([], ['dubbo_registry', 'holmes', 'tunnel_agent', 'transcoder_plugin'])],
]);

/** How MOSN stands to a type that is not registered; undefined when MOSN does not know it either. */
export function mosnType(registry: string, type: string): MosnType | undefined {
  return REGISTRIES.get(registry)?.get(type);
}
