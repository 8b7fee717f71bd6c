/**
 * Loads a configuration: reads its files, validates each, resolves what names something else, and accepts or refuses
 * the whole, with all problems in one go.
 */

import { checkAdmin } from '../admin/admin-schema.ts';
import type { ConfigProblem, Reference } from '../api/factory.ts';
import type { Schema } from '../api/schema.ts';
import type { LocatedProblem, Path } from '../config/problem.ts';
import type { SchemaRegistry } from '../config/registry.ts';
import { suggest } from '../config/suggest.ts';
import { checkListener } from '../network/listener-schema.ts';
import { checkAccessLog, checkServerLog } from '../observe/observe-schema.ts';
import { compileRouter } from '../router/route-table.ts';
import { clusterReferences } from '../router/router-references.ts';
import {
  type RouteConfig,
  type RouterConfig,
  type VirtualHostConfig,
  virtualHostSchema,
} from '../router/router-schema.ts';
import { type ClusterManagerConfig, checkCluster, clusterSchema } from '../upstream/cluster-schema.ts';
import { bootstrapSchema, connectionManager, type RootConfig, type ServerConfig } from './bootstrap-schema.ts';
import { ConfigDocuments, type Place } from './config-documents.ts';

/** A configuration that was accepted. */
export interface Bootstrap extends Omit<RootConfig, 'servers' | 'cluster_manager'> {
  /** The file it was loaded from. */
  readonly file: string;
  readonly server: ServerConfig;
  readonly cluster_manager: ClusterManagerConfig;
}

export interface LoadedBootstrap {
  /** Absent when a problem is an error. */
  readonly bootstrap: Bootstrap | undefined;
  readonly problems: readonly LocatedProblem[];
}

export function loadBootstrap(file: string, registry: SchemaRegistry, options: { strict: boolean }): LoadedBootstrap {
  const documents = new ConfigDocuments(registry, options.strict);
  const bootstrap = new Loader(documents, registry).load(file);
  const problems = documents.problems();
  const isRefused = problems.some(({ severity }) => severity === 'error');
  return { bootstrap: isRefused ? undefined : bootstrap, problems };
}

/** One item of the configuration and where it stands; parts of it may be missing unless that place is sound. */
interface Item<T> extends Place {
  readonly config: T;
}

interface RouterItem extends Item<RouterConfig> {
  /** The virtual hosts when they have files of their own. */
  readonly virtualHosts?: readonly Place[];
}

class Loader {
  readonly #documents: ConfigDocuments;
  readonly #registry: SchemaRegistry;
  /** The names that exist; a kind of which some could not be read is absent, so that nothing false is said of it. */
  readonly #names = new Map<Reference['kind'], ReadonlySet<string>>();

  constructor(documents: ConfigDocuments, registry: SchemaRegistry) {
    this.#documents = documents;
    this.#registry = registry;
  }

  /** What comes back is whole only when no error was noted. */
  load(file: string): Bootstrap | undefined {
    const root = this.#documents.load(file, bootstrapSchema);
    // Of a file that is no object at all there is no value.
    const server = root?.value?.servers?.[0];
    if (root === undefined || server === undefined) return undefined;
    const { servers: _, cluster_manager = noClusters(), ...rest } = root.value;
    const place = { source: root.source, path: ['servers', 0] };
    this.#loadClusters(cluster_manager, { ...place, path: ['cluster_manager'] });
    const routers = this.#loadRouters(server, place);
    this.#loadListeners(server, place);
    if (this.#documents.isSound(place, ['listeners', 'routers'])) this.#note(checkServerLog(server), place);
    const admin = { ...place, path: ['admin'] };
    if (rest.admin !== undefined && this.#documents.isSound(admin)) this.#note(checkAdmin(rest.admin), admin);
    for (const router of routers) this.#checkRouter(router);
    this.#checkBlocks();
    return { ...rest, file, server, cluster_manager };
  }

  #loadClusters(manager: ClusterManagerConfig, place: Place): void {
    const keys = { inline: 'clusters', directory: 'clusters_configs' };
    const items = this.#inlineOrDirectory(manager.clusters, manager.clusters_configs, keys, clusterSchema, place);
    if (items === undefined) return;
    manager.clusters = items.map(({ config }) => config);
    this.#names.set('cluster', this.#uniqueNames('cluster', 'name', items));
    for (const item of items) {
      if (this.#documents.isSound(item)) this.#note(checkCluster(item.config), item);
    }
  }

  /** Routers are listed, or stand in the legacy filter `connection_manager`, which is taken out of its chain. */
  #loadRouters(server: ServerConfig, place: Place): RouterItem[] {
    const listed = itemsOf(server.routers ?? [], { ...place, path: [...place.path, 'routers'] });
    const legacy = this.#documents.blocks
      .filter(({ type }) => type === connectionManager.type)
      .map(({ config, source, path }) => ({ config: config as RouterConfig, source, path }));
    let legacyFilters = 0;
    for (const chain of (server.listeners ?? []).flatMap((listener) => listener?.filter_chains ?? [])) {
      const filters = chain?.filters?.filter((filter) => filter?.type !== connectionManager.type) ?? [];
      legacyFilters += (chain?.filters?.length ?? 0) - filters.length;
      if (chain !== undefined) chain.filters = filters;
    }
    const routers = [...listed, ...legacy].map((router) => this.#loadVirtualHosts(router));
    const isComplete = server.routers !== undefined && legacyFilters === legacy.length;
    const names = this.#uniqueNames('router', 'router_config_name', routers);
    if (isComplete) this.#names.set('router', names);
    server.routers = routers.map(({ config }) => config);
    return routers;
  }

  #loadVirtualHosts(router: Item<RouterConfig>): RouterItem {
    const { virtual_hosts, router_configs } = router.config;
    const keys = { inline: 'virtual_hosts', directory: 'router_configs' };
    const items = this.#inlineOrDirectory(virtual_hosts, router_configs, keys, virtualHostSchema, router);
    if (!router_configs || items === undefined) return router;
    router.config.virtual_hosts = items.map(({ config }) => config);
    return { ...router, virtualHosts: items };
  }

  #loadListeners(server: ServerConfig, place: Place): void {
    const items = itemsOf(server.listeners ?? [], { ...place, path: [...place.path, 'listeners'] });
    this.#uniqueNames('listener', 'name', items);
    for (const item of items) {
      const { config, source, path } = item;
      if (this.#documents.isSound(item, ['filter_chains', 'stream_filters', 'access_logs'])) {
        this.#note(checkListener(config), item);
      }
      for (const log of itemsOf(config.access_logs ?? [], { source, path: [...path, 'access_logs'] })) {
        if (this.#documents.isSound(log)) this.#note(checkAccessLog(log.config), log);
      }
    }
  }

  #checkRouter(router: RouterItem): void {
    const config = this.#soundPart(router);
    if (config === undefined) return;
    const { problems, warnings } = compileRouter(config);
    for (const { path, message } of problems) this.#documents.error(placeIn(router, path), message);
    for (const { path, message } of warnings) {
      this.#documents.note(placeIn(router, path), { severity: 'warning', message });
    }
    for (const reference of clusterReferences(config)) {
      this.#checkReference(reference, placeIn(router, reference.path));
    }
  }

  /** A router in which harmless routes stand for those that are not sound, so that the others can be checked. */
  #soundPart(router: RouterItem): RouterConfig | undefined {
    const documents = this.#documents;
    if (!documents.isSound(router, ['virtual_hosts'])) return undefined;
    const virtual_hosts: VirtualHostConfig[] = [];
    for (const [i, host] of router.config.virtual_hosts.entries()) {
      const at = (...path: Path) => placeIn(router, ['virtual_hosts', i, ...path]);
      if (!documents.isSound(at(), ['routers']) || host.routers === undefined) return undefined;
      const routers = host.routers.map((route, j) => (documents.isSound(at('routers', j)) ? route : HARMLESS));
      virtual_hosts.push({ ...host, routers });
    }
    return { ...router.config, virtual_hosts };
  }

  #checkBlocks(): void {
    for (const { registry, type, config, source, path } of this.#documents.blocks) {
      for (const reference of this.#registry.get(registry, type)?.references?.(config) ?? []) {
        this.#checkReference(reference, { source, path: [...path, ...reference.path] });
      }
    }
  }

  #checkReference({ kind, name }: Reference, place: Place): void {
    const names = this.#names.get(kind);
    if (names === undefined || names.has(name)) return;
    const near = suggest(name, names);
    this.#documents.error(place, `${kind} ${JSON.stringify(name)} does not exist`, near && JSON.stringify(near));
  }

  /**
   * Items stand in a list or, one each, in the files of a directory, but not both (as in MOSN). Undefined when some of
   * them could not be read.
   */
  #inlineOrDirectory<T>(
    inline: readonly T[] | undefined,
    directory: string | undefined,
    keys: { inline: string; directory: string },
    schema: Schema<T>,
    place: Place,
  ): Item<T>[] | undefined {
    const at = (key: string): Place => ({ source: place.source, path: [...place.path, key] });
    if (!directory) return inline && itemsOf(inline, at(keys.inline));
    if (inline === undefined || inline.length > 0) {
      this.#documents.error(at(keys.directory), `stands in place of "${keys.inline}", which is given too`);
      return undefined;
    }
    return this.#documents
      .loadDirectory(directory, schema, at(keys.directory))
      ?.map(({ source, value }) => ({ config: value, source, path: [] }));
  }

  #uniqueNames<K extends string>(noun: string, key: K, items: readonly Item<{ [key in K]?: string }>[]): Set<string> {
    const names = new Set<string>();
    for (const { config, source, path } of items) {
      const name = config[key];
      if (!name) continue;
      if (names.has(name)) {
        this.#documents.error({ source, path: [...path, key] }, `there is another ${noun} ${JSON.stringify(name)}`);
      }
      names.add(name);
    }
    return names;
  }

  #note(problems: readonly ConfigProblem[], { source, path: at }: Place): void {
    for (const { severity = 'error', path, message } of problems) {
      this.#documents.note({ source, path: [...at, ...path] }, { severity, message });
    }
  }
}

const HARMLESS: RouteConfig = { direct_response: { status: 200, body: '' } };

function noClusters(): ClusterManagerConfig {
  return { clusters: [] };
}

/** The items of a list that are there at all. */
function itemsOf<T>(list: readonly T[], { source, path }: Place): Item<T>[] {
  return list.flatMap((config, i) => (config === undefined ? [] : [{ config, source, path: [...path, i] }]));
}

/** Where a path from a router block leads: into the file of a virtual host when it has one. */
function placeIn({ source, path, virtualHosts }: RouterItem, steps: Path): Place {
  const file = steps[0] === 'virtual_hosts' ? virtualHosts?.[steps[1] as number] : undefined;
  return file === undefined ? { source, path: [...path, ...steps] } : { ...file, path: steps.slice(2) };
}
