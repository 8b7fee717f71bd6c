import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { NetworkFilterFactory } from '../../../src/api/factory.ts';
import type { Protocol } from '../../../src/api/protocol.ts';
import * as s from '../../../src/api/schema.ts';
import { formatProblem } from '../../../src/config/problem.ts';
import { type LoadedBootstrap, loadBootstrap } from '../../../src/server/bootstrap.ts';
import { Extensions } from '../../../src/server/extensions.ts';

const folder = mkdtempSync(join(tmpdir(), 'weft-bootstrap-'));
after(() => rmSync(folder, { recursive: true }));

const relayConfig = s.object({ cluster: s.required(s.name()) });
const relay: NetworkFilterFactory<s.Infer<typeof relayConfig>> = {
  type: 'relay',
  config: relayConfig,
  references: ({ cluster }) => [{ kind: 'cluster', name: cluster, path: ['cluster'] }],
  create: () => assert.fail('nothing is built while a configuration is loaded'),
};
const protocol = { name: 'Http1', settings: s.object({ max_header_size: s.count({ default: 8_192 }) }) };
const { schemas } = new Extensions().networkFilter(relay).protocol(protocol as unknown as Protocol);

// biome-ignore lint/suspicious/noExplicitAny: whatever a file may hold
type Json = any;

/** The smallest gateway; `change` may spoil it. */
function gateway(change: (root: Json) => void = () => {}): Json {
  const root = {
    servers: [
      {
        listeners: [
          {
            name: 'in',
            address: '127.0.0.1:2045',
            bind_port: true,
            filter_chains: [
              { filters: [{ type: 'proxy', config: { downstream_protocol: 'Http1', router_config_name: 'r' } }] },
            ],
          },
        ],
        routers: [
          {
            router_config_name: 'r',
            virtual_hosts: [
              { domains: ['*'], routers: [{ match: { prefix: '/' }, route: { cluster_name: 'c', timeout: '2s' } }] },
            ],
          },
        ],
      },
    ],
    cluster_manager: { clusters: [{ name: 'c', hosts: [{ address: '127.0.0.1:8080' }] }] },
  };
  change(root);
  return root;
}

function load(root: unknown, { strict = false } = {}): LoadedBootstrap {
  const file = join(folder, 'config.json');
  writeFileSync(file, JSON.stringify(root, null, 1));
  return loadBootstrap(file, schemas, { strict });
}

/** The problems as `file:line: severity: …`, the folder left out. */
function complaints(loaded: LoadedBootstrap): string[] {
  const hasError = loaded.problems.some(({ severity }) => severity === 'error');
  assert.equal(loaded.bootstrap === undefined, hasError);
  return loaded.problems.map((problem) =>
    formatProblem(problem)
      .replace(`${folder}/`, '')
      .replace(/(:\d+):\d+: /, '$1: '),
  );
}

const complain = (change: (root: Json) => void) => complaints(load(gateway(change)));

function write(directory: string, files: Record<string, unknown>): string {
  const path = join(folder, directory);
  mkdirSync(path, { recursive: true });
  for (const [name, content] of Object.entries(files)) {
    writeFileSync(join(path, name), typeof content === 'string' ? content : JSON.stringify(content, null, 1));
  }
  return path;
}

test('a sound configuration comes back typed, with defaults', () => {
  const loaded = load(gateway());
  assert.deepEqual(complaints(loaded), []);
  const { bootstrap } = loaded;
  assert.equal(bootstrap?.server.graceful_timeout, 30_000);
  assert.equal(bootstrap.server.drain_delay, 5_000);
  assert.equal(bootstrap.server.listeners[0]?.filter_chains[0]?.filters[0]?.type, 'proxy');
  assert.equal(bootstrap.server.routers[0]?.virtual_hosts[0]?.routers[0]?.route?.timeout, 2_000);
  assert.equal(bootstrap.cluster_manager.clusters[0]?.connect_timeout, 10_000);
  assert.equal(bootstrap.admin, undefined);
  assert.equal(bootstrap.file, join(folder, 'config.json'));
});

test('exactly one server', () => {
  assert.deepEqual(complaints(load({})), ['config.json:1: error: servers: is missing, expected array']);
  const [none] = complain((root) => root.servers.splice(0));
  assert.equal(none, 'config.json:2: error: servers: expected exactly 1 entry, found 0');
  const [two] = complain((root) => root.servers.push({}));
  assert.equal(two, 'config.json:2: error: servers: expected exactly 1 entry, found 2');
});

test('a file that is no configuration at all', () => {
  assert.match(complaints(load([]))[0] as string, /config.json:1: error: expected object, found array/);
  assert.match(complaints(load('x'))[0] as string, /config.json:1: error: expected object, found string "x"/);
  const absent = loadBootstrap(join(folder, 'absent.json'), schemas, { strict: false });
  assert.match(formatProblem(absent.problems[0]!), /absent.json: error: cannot be read: ENOENT/);
});

test('dangling references are found in one go, with suggestions', () => {
  const lines = complain((root) => {
    const [server] = root.servers;
    const [listener] = server.listeners;
    listener.filter_chains[0].filters[0].config.router_config_name = 'rr';
    listener.filter_chains[0].filters.push({ type: 'relay', config: { cluster: 'elsewhere' } });
    const [{ routers }] = server.routers[0].virtual_hosts;
    routers[0].route = { weighted_clusters: [{ cluster: { name: 'C', weight: 1 } }] };
    routers.push({ match: { prefix: '/' }, direct_response: { status: 200 } });
  });
  assert.deepEqual(
    lines.map((line) => line.replace(/^.*?error: servers\[0\]\./, '')),
    [
      'listeners[0].filter_chains[0].filters[0].config.router_config_name: router "rr" does not exist; did you mean "r"?',
      'listeners[0].filter_chains[0].filters[1].config.cluster: cluster "elsewhere" does not exist',
      'routers[0].virtual_hosts[0].routers[0].route.weighted_clusters[0].cluster.name: cluster "C" does not exist; did you mean "c"?',
    ],
  );
});

test('faults of one item do not hide those of the others, nor make false ones', () => {
  const lines = complain((root) => {
    root.cluster_manager.clusters[0].connect_timeout = 15;
    root.cluster_manager.clusters.push({ name: 'd', hosts: [{ address: 'nowhere' }] });
    root.servers[0].listeners[0].address = '127.0.0.1';
    root.servers[0].listeners.push({ name: 'x' });
    root.servers[0].default_log_path = 'syslog';
  });
  assert.equal(lines.length, 6);
  assert.ok(lines.every((line) => !line.includes('does not exist')));
  for (const part of ['connect_timeout', 'hosts[0].address', 'listeners[0].address', 'listeners[1].address']) {
    assert.ok(
      lines.some((line) => line.includes(part)),
      part,
    );
  }
});

test('a faulty route hides neither the other routes of its router nor the clusters they name', () => {
  const lines = complain((root) => {
    const [{ domains, routers }] = root.servers[0].routers[0].virtual_hosts;
    routers.unshift({ match: { prefix: 1 } }, { route: { cluster_name: 'd' } });
    domains.push('*');
  });
  assert.deepEqual(
    lines.map((line) => line.replace(/^.*?virtual_hosts\[0\]\./, '')),
    [
      'domains[1]: "*" is a second default, there can be one "*"',
      'routers[0].match.prefix: expected string, found number 1',
      'routers[1].route.cluster_name: cluster "d" does not exist; did you mean "c"?',
    ],
  );
});

test('when names could not be read nobody is told that they do not exist', () => {
  assert.deepEqual(
    complain((root) => {
      root.cluster_manager.clusters = 'none';
    }),
    ['config.json:50: error: cluster_manager.clusters: expected array, found string "none"'],
  );
});

test('duplicate names', () => {
  const lines = complain((root) => {
    root.cluster_manager.clusters.push({ name: 'c' });
    root.servers[0].routers.push({ router_config_name: 'r' });
    root.servers[0].listeners.push({ ...root.servers[0].listeners[0], address: ':2046' });
  });
  assert.deepEqual(
    lines.map((line) => line.replace(/^.*?error: /, '')),
    [
      'servers[0].listeners[1].name: there is another listener "in"',
      'servers[0].routers[1].router_config_name: there is another router "r"',
      'cluster_manager.clusters[1].name: there is another cluster "c"',
    ],
  );
});

test("the rooms' own checks name their place", () => {
  const lines = complain((root) => {
    root.servers[0].routers[0].virtual_hosts.push({ domains: ['*'], routers: [] });
    root.servers[0].listeners[0].access_logs = [{ log_path: 'stdout', log_format: 'a %open' }];
    root.servers[0].global_log_roller = 'sometimes';
    root.servers[0].listeners[0].filter_chains[0].filters[0].config.downstream_protocol = 'Http9';
    root.admin = { address: {} };
  });
  assert.deepEqual(
    lines.map((line) => line.replace(/^.*?error: ([^ ]*): .*/, '$1')),
    [
      'servers[0].listeners[0].filter_chains[0].filters[0].config.downstream_protocol',
      'servers[0].listeners[0].access_logs[0].log_format',
      'servers[0].routers[0].virtual_hosts[1].domains[0]',
      'servers[0].global_log_roller',
      'admin.address',
    ],
  );
});

test('what a router is told without being refused', () => {
  const loaded = load(
    gateway((root) => {
      root.servers[0].routers[0].virtual_hosts[0].domains = ['a.com'];
    }),
  );
  assert.match(
    complaints(loaded)[0] as string,
    /warning: servers\[0\]\.routers\[0\]\.virtual_hosts\[0\]\.domains\[0\]: /,
  );
});

test('keys that are not implemented: warned about, or refused', () => {
  const lines = complain((root) => {
    root.inherit_old_mosnconfig = true;
    root.disable_upgrade = true;
    root.tracing = { enable: false, driver: 'SOFATracer' };
    root.pprof = { debug: false, port_value: 9090 };
    root.third_part_codec = { codecs: [{ Enable: true, type: 'go-plugin', path: 'x.so' }] };
    root.extends = [{ type: 'tunnel_agent', config: { enable: true } }];
    root.servers[0].processor = 4;
    root.servers[0].listeners[0].use_original_dst = 'redirect';
  });
  assert.deepEqual(
    lines.map((line) => line.replace(/^.*?: (error|warning): ([^ ]*): .*/, '$1 $2')),
    [
      'error servers[0].listeners[0].use_original_dst',
      'warning servers[0].processor',
      'warning inherit_old_mosnconfig',
      'error third_part_codec',
      'error extends[0].type',
    ],
  );
});

test('unknown keys: a warning, under strict an error', () => {
  const root = gateway((it) => {
    it.servers[0].listeners[0].bind_prot = true;
  });
  const said = 'servers[0].listeners[0].bind_prot: unknown key; did you mean "bind_port"?';
  assert.deepEqual(complaints(load(root)), [`config.json:22: warning: ${said}`]);
  assert.deepEqual(complaints(load(root, { strict: true })), [`config.json:22: error: ${said}`]);
});

test('settings of a protocol, keyed or flat', () => {
  const withSettings = (extend_config: Json) => (root: Json) => {
    root.servers[0].listeners[0].filter_chains[0].filters[0].config.extend_config = extend_config;
  };
  assert.deepEqual(complain(withSettings({ Max_Header_Size: 1 })), []);
  assert.deepEqual(complain(withSettings({ Http1: { max_header_size: 1 } })), []);
  const at = 'servers[0].listeners[0].filter_chains[0].filters[0].config.extend_config';
  assert.deepEqual(complain(withSettings({ max_heder_size: 1 })), [
    `config.json:18: warning: ${at}.max_heder_size: unknown key`,
  ]);
  assert.deepEqual(complain(withSettings({ Http1: { max_header_size: '8k' } })), [
    `config.json:19: error: ${at}.Http1.max_header_size: expected integer ≥ 0, found string "8k"`,
  ]);
});

test('"Auto" is the protocols that there are', () => {
  const auto = (root: Json) => {
    root.servers[0].listeners[0].filter_chains[0].filters[0].config.downstream_protocol = 'Auto';
  };
  assert.deepEqual(complain(auto), []);
});

test('clusters and virtual hosts in directories of their own', () => {
  const clusters = write('clusters', {
    'b.json': { name: 'second' },
    'a.json': { Name: 'c', hosts: [{ address: '127.0.0.1:1' }] },
    'README.md': 'not a cluster',
  });
  const hosts = write('hosts', { 'all.json': { domains: ['*'], routers: [{ route: { cluster_name: 'second' } }] } });
  const loaded = load(
    gateway((root) => {
      root.cluster_manager = { clusters_configs: clusters };
      root.servers[0].routers[0] = { router_config_name: 'r', router_configs: hosts };
    }),
  );
  assert.deepEqual(complaints(loaded), []);
  assert.deepEqual(
    loaded.bootstrap?.cluster_manager.clusters.map(({ name }) => name),
    ['c', 'second'],
  );
  assert.deepEqual(loaded.bootstrap?.server.routers[0]?.virtual_hosts[0]?.domains, ['*']);
});

test('problems in directories name the file', () => {
  const clusters = write('bad-clusters', { 'a.json': '{\n"name": "c",,\n}', 'b.json': { name: 'd', mark: 'x' } });
  const hosts = write('bad-hosts', {
    'a.json': { domains: ['*'], routers: [{ route: { cluster_name: 'nowhere' } }] },
    'b.json': { domains: ['*'] },
  });
  const change = (root: Json) => {
    root.servers[0].routers[0] = { router_config_name: 'r', router_configs: hosts };
  };
  assert.deepEqual(complain(change), [
    'bad-hosts/a.json:8: error: routers[0].route.cluster_name: cluster "nowhere" does not exist',
    'bad-hosts/b.json:3: error: domains[0]: "*" is a second default, there can be one "*"',
  ]);
  const lines = complain((root) => {
    change(root);
    root.cluster_manager = { clusters_configs: clusters };
  });
  assert.deepEqual(lines.slice(0, 1), ['bad-clusters/a.json:2: error: expected a key in double quotes, found ","']);
  assert.ok(lines.includes('bad-clusters/b.json:3: error: mark: expected integer ≥ 0, found string "x"'));
  assert.ok(!lines.some((line) => line.includes('does not exist')));
});

test('a directory that is not there, or in place of a list that is', () => {
  const lines = complain((root) => {
    root.cluster_manager = { clusters_configs: join(folder, 'nowhere') };
    root.servers[0].routers[0].router_configs = folder;
  });
  assert.match(lines[0] as string, /router_configs: stands in place of "virtual_hosts", which is given too/);
  assert.match(lines[1] as string, /cluster_manager.clusters_configs: cannot be read: ENOENT/);
  assert.equal(lines.length, 2);
});

test('the legacy filter connection_manager is a router', () => {
  const legacy = (cluster: string) => (root: Json) => {
    const [server] = root.servers;
    const config = { ...server.routers[0] };
    config.virtual_hosts = [{ domains: ['*'], routers: [{ route: { cluster_name: cluster } }] }];
    // The filter before it is skipped; the places of those after it stay right.
    server.listeners[0].filter_chains[0].filters.unshift(
      { type: 'fault_inject' },
      { type: 'connection_manager', config },
    );
    delete server.routers;
  };
  const loaded = load(gateway(legacy('c')));
  assert.deepEqual(
    loaded.problems.map(({ severity }) => severity),
    ['warning'],
  );
  assert.equal(loaded.bootstrap?.server.routers[0]?.router_config_name, 'r');
  assert.deepEqual(
    loaded.bootstrap?.server.listeners[0]?.filter_chains[0]?.filters.map(({ type }) => type),
    ['proxy'],
  );
  const [, line] = complain(legacy('d'));
  assert.match(
    line as string,
    /filters\[1\]\.config\.virtual_hosts\[0\]\.routers\[0\]\.route\.cluster_name: cluster "d"/,
  );
});
