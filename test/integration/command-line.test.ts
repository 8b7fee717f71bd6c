import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const BROKEN = fileURLToPath(new URL('../fixtures/broken/', import.meta.url));

interface Outcome {
  code: number;
  stdout: string[];
  stderr: string[];
}

function weft(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Outcome> {
  const lines = (text: string) => text.split('\n').slice(0, -1);
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [MAIN, ...args],
      { cwd: BROKEN, env: { ...process.env, ...env } },
      (_, stdout, stderr) => resolve({ code: child.exitCode ?? -1, stdout: lines(stdout), stderr: lines(stderr) }),
    );
  });
}

/** Every broken configuration with what `weft check` says of it. */
const FAULTS: Record<string, string[]> = {
  'syntax-error.json': ['5:5: error: expected a key in double quotes, found "}"'],
  'bad-indent.yaml': ['5:1: error: Sequence item without - indicator'],
  'wrong-type.yaml': [
    '5:20: error: servers[0].listeners[0].bind_port: expected boolean, found string "yes"; did you mean true?',
    '12:49: error: cluster_manager.clusters[0].hosts[0].weight: expected integer ≥ 0, found string "heavy"',
  ],
  'bad-duration.json': [
    '4:27: error: servers[0].graceful_timeout: expected duration such as "1m30s" or "100ms", found string "30 seconds"',
    '12:96: error: servers[0].routers[0].virtual_hosts[0].routers[0].route.timeout: expected duration such as "1m30s" or "100ms", found number 15 (the unit is missing); did you mean "15s"?',
  ],
  'unknown-filter.yaml': [
    '7:23: error: servers[0].listeners[0].filter_chains[0].filters[0].type: unknown network filter "proxi"; did you mean "proxy"?',
    '10:19: warning: servers[0].listeners[0].stream_filters[0].type: stream filter "healthcheck" has no effect in MOSN either and is skipped',
    '11:19: error: servers[0].listeners[0].stream_filters[1].type: stream filter "ip_access" is not implemented yet',
  ],
  'dangling-cluster.yaml': [
    '6:59: error: servers[0].listeners[0].filter_chains[0].filters[0].config.cluster: cluster "redis" does not exist',
    '13:39: error: servers[0].routers[0].virtual_hosts[0].routers[0].route.cluster_name: cluster "backends" does not exist; did you mean "backend"?',
    '18:39: error: servers[0].routers[0].virtual_hosts[0].routers[1].route.weighted_clusters[1].cluster.name: cluster "backend-canary" does not exist',
  ],
  // Places and paths are those of the file, whose keys are in another case.
  'dangling-router.json': [
    '11:100: error: Servers[0].Listeners[0].Filter_Chains[0].Filters[0].Config.Router_Config_Name: router "main_router" does not exist; did you mean "main-router"?',
  ],
  'unknown-key.yaml': [
    '5:9: error: servers[0].listeners[0].bind_prot: unknown key; did you mean "bind_port"?',
    '11:7: error: cluster_manager.clusters[0].host: unknown key; did you mean "hosts"?',
  ],
  'tls-not-implemented.json': [
    '10:15: error: servers[0].listeners[0].filter_chains[0].tls_context: is not implemented yet; ignoring it would change security or destination',
    '21:21: error: cluster_manager.clusters[1].tls_context: is not implemented yet; ignoring it would change security or destination',
  ],
  'bad-regex.yaml': [
    '7:32: error: servers[0].routers[0].virtual_hosts[0].routers[0].match.regex: expected regular expression in RE2 syntax, found string "^/v[0-9+$" (missing closing ]: `[0-9+$`)',
    '11:54: error: servers[0].routers[0].virtual_hosts[0].routers[1].match.headers[0].value: is not a regular expression in RE2 syntax: ',
  ],
  'duplicate-domain.json': [
    '9:39: error: servers[0].routers[0].virtual_hosts[1].domains[0]: "EXAMPLE.com:*" is already taken',
    '10:39: error: servers[0].routers[0].virtual_hosts[2].domains[0]: "*" is a second default',
  ],
  'bad-header.yaml': [
    '5:27: error: servers[0].routers[0].request_headers_to_add[0].header.key: "x tenant" is not a valid header name',
    '13:52: error: servers[0].routers[0].virtual_hosts[0].routers[0].route.response_headers_to_add[0].header.value: is not a valid header value',
  ],
  'many.yaml': [
    '3:18: error: servers[0].drain_delay: expected duration',
    '6:20: error: servers[0].listeners[0].bind_port: expected boolean, found number 1',
    '10:35: error: servers[0].listeners[0].filter_chains[0].filters[0].config.cluster: cluster "a" does not exist; did you mean "b"?',
    '11:23: error: servers[0].listeners[0].filter_chains[0].filters[1].type: network filter "udp_proxy" is not implemented yet',
    '12:9: error: servers[0].listeners[1].address: is missing, expected string',
    '12:9: error: servers[0].listeners[1].filter_chains: is missing, expected array',
    '15:9: error: servers[0].routers[0].virtual_host: unknown key; did you mean "virtual_hosts"?',
    '19:16: error: cluster_manager.clusters[0].lb_type: expected one of "LB_ROUNDROBIN",',
    '20:7: warning: cluster_manager.clusters[0].health_check: is not implemented yet and has no effect',
    '21:7: error: cluster_manager.clusters[1].name: is missing, expected string',
  ],
};

suite('weft check', { concurrency: 2 }, () => {
  for (const [file, faults] of Object.entries(FAULTS)) {
    test(`names every fault of ${file}`, async () => {
      const { code, stdout, stderr } = await weft(['check', '-c', file, '--strict']);
      assert.equal(code, 1);
      assert.deepEqual(stderr, []);
      const summary = stdout.pop() as string;
      for (const [i, fault] of faults.entries()) {
        assert.ok(stdout[i]?.startsWith(`${file}:${fault}`), `expected ${fault}\nfound ${stdout[i]}`);
      }
      assert.equal(stdout.length, faults.length);
      assert.ok(summary.startsWith(`${file}: refused, `), summary);
    });
  }

  test('every broken configuration is in the table', () => {
    assert.deepEqual(readdirSync(BROKEN).sort(), Object.keys(FAULTS).sort());
  });

  test('warnings alone do not refuse; the file may come from MOSN_CONFIG', async () => {
    const { code, stdout } = await weft(['check'], { MOSN_CONFIG: 'unknown-key.yaml' });
    assert.equal(code, 0);
    assert.equal(stdout.at(-1), 'unknown-key.yaml: ok, 0 errors, 2 warnings');
  });

  test('a file that is not there', async () => {
    const { code, stdout } = await weft(['check', '-c', 'absent.json']);
    assert.equal(code, 1);
    assert.match(stdout[0] as string, /^absent\.json: error: cannot be read: ENOENT/);
  });
});

suite('weft', { concurrency: 2 }, () => {
  test('start refuses a broken configuration with the same lines', async () => {
    const { code, stderr } = await weft(['start', '-c', 'dangling-router.json']);
    assert.equal(code, 1);
    assert.ok(stderr[0]?.startsWith(`dangling-router.json:${FAULTS['dangling-router.json']?.[0]}`), String(stderr[0]));
  });

  test('flags without a command mean start; those without effect are named', async () => {
    const { code, stderr } = await weft(['-config', 'syntax-error.json', '-sm', 'a=b', '--restart-epoch=1']);
    assert.equal(code, 1);
    assert.deepEqual(stderr.slice(0, 2), [
      'weft: warning: --service-meta has no effect',
      'weft: warning: --restart-epoch has no effect',
    ]);
    assert.match(stderr[2] as string, /^syntax-error\.json:5:5: error: /);
  });

  test('without arguments it teaches', async () => {
    const { code, stdout } = await weft([]);
    assert.equal(code, 0);
    for (const word of ['start', 'check', 'schema', 'version', 'Examples:']) {
      assert.ok(
        stdout.some((line) => line.includes(word)),
        word,
      );
    }
    assert.ok(!stdout.some((line) => line.includes('service-node')), 'flags without effect are hidden');
  });

  test('an unknown command is an error with a suggestion', async () => {
    const { code, stderr } = await weft(['chekc']);
    assert.equal(code, 1);
    assert.match(stderr.join(' '), /unknown command 'chekc'.*check/);
  });

  test('version and schema', async () => {
    const [version, schema] = await Promise.all([weft(['version']), weft(['schema'])]);
    assert.match(version.stdout[0] as string, /^weft \d+\.\d+\.\d+$/);
    const { $schema, properties, $defs } = JSON.parse(schema.stdout.join('\n'));
    assert.equal($schema, 'https://json-schema.org/draft/2020-12/schema');
    assert.ok(properties.servers.items.properties.listeners);
    assert.ok($defs['network_filter.proxy'] && $defs['network_filter.tcp_proxy']);
  });
});
