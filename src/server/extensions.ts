/** The filters and protocols that a process has: what `src/builtin.ts` names, plus what an embedder or a test adds. */

import type { NetworkFilterFactory, Reference, StreamFilterFactory } from '../api/factory.ts';
import type { Protocol } from '../api/protocol.ts';
import { SchemaRegistry } from '../config/registry.ts';
import { type ProxyConfig, proxySchema } from '../proxy/proxy-schema.ts';
import { connectionManager } from './bootstrap-schema.ts';
import { type KnownProtocols, protocolSettings } from './protocol-settings.ts';

/** The type name of the core's own network filter. */
export const PROXY = 'proxy';

export class Extensions implements KnownProtocols {
  readonly networkFilters = new Map<string, NetworkFilterFactory<never>>();
  readonly streamFilters = new Map<string, StreamFilterFactory<never>>();
  readonly protocols = new Map<string, Protocol<never>>();
  /** The schemas of all of them, for validation and `weft schema`. */
  readonly schemas: SchemaRegistry = new SchemaRegistry()
    .register('network_filter', connectionManager)
    .register('network_filter', {
      type: PROXY,
      config: proxySchema,
      check: (config) => [...protocolSettings(config as ProxyConfig, this).problems],
      references: (config) => routerReference(config as ProxyConfig),
    });

  networkFilter<C>(factory: NetworkFilterFactory<C>): this {
    this.networkFilters.set(factory.type, factory as NetworkFilterFactory<never>);
    this.schemas.register('network_filter', factory as NetworkFilterFactory);
    return this;
  }

  streamFilter<C>(factory: StreamFilterFactory<C>): this {
    this.streamFilters.set(factory.type, factory as StreamFilterFactory<never>);
    this.schemas.register('stream_filter', factory as StreamFilterFactory);
    return this;
  }

  protocol<S>(protocol: Protocol<S>): this {
    this.protocols.set(protocol.name, protocol as Protocol<never>);
    this.schemas.register('protocol', { type: protocol.name, config: protocol.settings });
    return this;
  }
}

function routerReference({ router_config_name: name }: ProxyConfig): Reference[] {
  return name === '' ? [] : [{ kind: 'router', name, path: ['router_config_name'] }];
}
