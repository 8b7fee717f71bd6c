import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { clusterReferences } from '../../../src/router/router-references.ts';
import { readRouter } from './support.ts';

describe('clusterReferences', () => {
  it('lists every cluster that requests can go to, with its place', () => {
    const weighted = [{ cluster: { name: 'b', weight: 1 } }, { cluster: { name: 'c' } }];
    const config = readRouter({
      router_config_name: 'r',
      virtual_hosts: [
        { domains: ['a'], routers: [] },
        {
          domains: ['*'],
          routers: [
            { route: { cluster_name: 'a' } },
            { route: { cluster_name: 'unused', weighted_clusters: weighted } },
            { route: { cluster_variable: 'v' } },
            { route: { cluster_name: 'unused' }, redirect: { path_redirect: '/' } },
            { route: { cluster_name: 'unused' }, direct_response: { status: 200 } },
            {},
          ],
        },
      ],
    });
    assert.deepEqual(
      clusterReferences(config).map(({ kind, name, path }) => [kind, name, path.join('.')]),
      [
        ['cluster', 'a', 'virtual_hosts.1.routers.0.route.cluster_name'],
        ['cluster', 'b', 'virtual_hosts.1.routers.1.route.weighted_clusters.0.cluster.name'],
        ['cluster', 'c', 'virtual_hosts.1.routers.1.route.weighted_clusters.1.cluster.name'],
      ],
    );
  });
});
