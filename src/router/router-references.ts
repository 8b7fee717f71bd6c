/** The names in a router that must exist elsewhere. */

import type { Reference } from '../api/factory.ts';
import type { Path } from './findings.ts';
import type { RouterConfig } from './router-schema.ts';

/** Every cluster that a router names, with the path from the router block to the name. */
export function clusterReferences(config: RouterConfig): Reference[] {
  const references: Reference[] = [];
  const add = (name: string | undefined, path: Path): void => {
    if (name) references.push({ kind: 'cluster', name, path });
  };
  for (const [i, { routers }] of config.virtual_hosts.entries()) {
    for (const [j, { route, redirect, direct_response }] of routers.entries()) {
      // The answer is ours: what else the route says is never used.
      if (route === undefined || redirect !== undefined || direct_response !== undefined) continue;
      const at = ['virtual_hosts', i, 'routers', j, 'route'];
      if (route.weighted_clusters.length === 0) add(route.cluster_name, [...at, 'cluster_name']);
      for (const [k, { cluster }] of route.weighted_clusters.entries()) {
        add(cluster.name, [...at, 'weighted_clusters', k, 'cluster', 'name']);
      }
    }
  }
  return references;
}
