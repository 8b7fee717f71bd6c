import assert from 'node:assert/strict';
import { mkdtempSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { type IncomingHttpHeaders, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type AdminConfig, checkAdmin } from '../../../src/admin/admin-schema.ts';
import { AdminServer } from '../../../src/admin/admin-server.ts';
import type { AdminProviders } from '../../../src/admin/providers.ts';
import { LogFiles } from '../../../src/observe/log-files.ts';
import { MetricStore } from '../../../src/observe/metric-store.ts';
import { ProcessLog } from '../../../src/observe/process-log.ts';
import { parseExposition } from '../observe/exposition-parser.ts';
import { FakeClock } from '../observe/fake-clock.ts';

interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

interface Asking {
  method?: string;
  body?: string;
  headers?: Record<string, string>;
}

const CONFIG: AdminConfig = {
  address: { socket_address: { address: '127.0.0.1', port_value: 0 } },
  allow_writes: false,
  allowed_hosts: [],
  exposed_env: [],
};

class Fixture {
  readonly directory = mkdtempSync(join(tmpdir(), 'weft-admin-'));
  readonly store = new MetricStore();
  readonly files = new LogFiles({ clock: new FakeClock(), metrics: this.store });
  readonly logPath = join(this.directory, 'weft.log');
  readonly log = new ProcessLog(this.files.open(this.logPath), 'INFO');
  state = 6;
  isReady = true;
  dumpFails = false;
  #server: AdminServer | undefined;
  #port = 0;
  #socket: string | undefined;

  async start(changes: Partial<AdminConfig> = {}): Promise<void> {
    const config = { ...CONFIG, ...changes };
    this.#socket = config.address.pipe?.path;
    this.#server = new AdminServer(config, this.#providers());
    this.#port = await this.#server.listen();
  }

  async stop(): Promise<void> {
    await this.#server?.close();
    await this.files.close();
    rmSync(this.directory, { recursive: true });
  }

  ask(path: string, { method = 'GET', body = '', headers = {} }: Asking = {}): Promise<Answer> {
    const to = this.#socket === undefined ? { host: '127.0.0.1', port: this.#port } : { socketPath: this.#socket };
    return new Promise((resolve, reject) => {
      const asking = request({ ...to, path, method, headers, agent: false }, (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk) => {
          text += chunk;
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }));
        response.on('error', reject);
      });
      asking.on('error', reject);
      asking.end(body);
    });
  }

  #providers(): AdminProviders {
    return {
      version: '1.2.3',
      metrics: [this.store],
      statsMatcher: undefined,
      logFiles: this.files,
      processLog: this.log,
      state: () => this.state,
      ready: () => this.isReady,
      features: () => ({ auto_config: false, XdsMtlsEnable: true }),
      configDump: () => {
        if (this.dumpFails) throw new Error('secret detail');
        return {
          mosn_config: {
            admin: { token: 'hush' },
            servers: [{ listeners: [{ tls_context: { Private_Key: 'KEY' } }] }],
          },
          listener: { in: { name: 'in' } },
          cluster: {
            shop: { tls_context: { private_key: 'KEY', cert_chain: 'C' } },
            bare: { tls_context: { private_key: '' } },
          },
          routers: { r: { name: 'r' } },
          extends: [],
        };
      },
    };
  }
}

function fixture(changes: (directory: string) => Partial<AdminConfig> = () => ({})): Fixture {
  const made = new Fixture();
  before(() => made.start(changes(made.directory)));
  after(() => made.stop());
  return made;
}

describe('admin API of MOSN', () => {
  const admin = fixture(() => ({ exposed_env: ['WEFT_SHOWN', 'WEFT_UNSET'] }));

  it('lists its paths at / and wherever nothing is', async () => {
    for (const path of ['/', '/no/such', '/api/v1/config_dump/']) {
      const { status, body } = await admin.ask(path);
      assert.equal(status, 200);
      const [title, ...paths] = body.split('\n');
      assert.equal(title, 'supported APIs:');
      for (const known of ['/api/v1/stats', '/ready', '/metrics']) assert.ok(paths.includes(known));
    }
  });

  it('tells the version and the state', async () => {
    assert.equal((await admin.ask('/api/v1/version')).body, 'mosn version: 1.2.3');
    assert.equal((await admin.ask('/api/v1/states')).body, `pid=${process.pid}&state=6\n`);
  });

  it('answers 405 to the wrong method, with an error of three lines', async () => {
    for (const [path, method] of [
      ['/api/v1/version', 'POST'],
      ['/metrics', 'PUT'],
      ['/ready', 'HEAD'],
    ] as const) {
      const answer = await admin.ask(path, { method });
      assert.equal(answer.status, 405, path);
      if (method !== 'HEAD') assert.equal(answer.body, '{\n\t"error": "invalid request method"\n}\n');
    }
  });

  it('dumps the configuration, compact and without secrets', async () => {
    const { body, headers } = await admin.ask('/api/v1/config_dump');
    assert.equal(headers['content-type'], 'application/json');
    assert.ok(!body.includes('\n') && !body.includes('KEY') && !body.includes('hush'));
    const dump = JSON.parse(body);
    assert.deepEqual(Object.keys(dump), ['mosn_config', 'listener', 'cluster', 'routers', 'extends']);
    assert.deepEqual(dump.cluster.shop.tls_context, { private_key: '[redacted]', cert_chain: 'C' });
    // Shows that there is none.
    assert.equal(dump.cluster.bare.tls_context.private_key, '');
  });

  it('dumps one part for one parameter, indented by one blank', async () => {
    const part = async (query: string) => (await admin.ask(`/api/v1/config_dump?${query}`)).body;
    assert.equal(await part('listener=in'), '{\n "name": "in"\n}');
    assert.equal(await part('router=r'), '{\n "name": "r"\n}');
    assert.equal(await part('listener=absent'), '{}');
    assert.equal(await part('cluster=constructor'), '{}');
    assert.deepEqual(Object.keys(JSON.parse(await part('allclusters'))), ['shop', 'bare']);
    assert.deepEqual(JSON.parse(await part('alllisteners')), { in: { name: 'in' } });
    assert.deepEqual(JSON.parse(await part('allrouters')), { r: { name: 'r' } });
    assert.equal(JSON.parse(await part('mosnconfig')).admin.token, '[redacted]');
    assert.ok(!(await part('cluster=shop')).includes('KEY'));
  });

  it('refuses several parameters and unknown ones', async () => {
    assert.equal((await admin.ask('/api/v1/config_dump?router=a&router=b')).status, 400);
    const unknown = await admin.ask('/api/v1/config_dump?what');
    assert.deepEqual([unknown.status, JSON.parse(unknown.body)], [500, { error: 'internal error' }]);
  });

  it('shows statistics by type and labels, as strings', async () => {
    const group = admin.store.group('downstream', { proxy: 'global' });
    group.counter('request_total').add(3);
    group.histogram('request_time').observe(1.5);
    admin.store.group('upstream', { host: 'h:1', cluster: 'c' }).counter('request_total').add(2);
    const { body } = await admin.ask('/api/v1/stats');
    const stats = JSON.parse(body);
    assert.ok(body.includes('\n\t"downstream": {\n\t\t"proxy.global": {\n\t\t\t"request_total": "3"'));
    assert.deepEqual(stats.downstream['proxy.global'], {
      request_total: '3',
      request_time_min: '1500000',
      request_time_max: '1500000',
    });
    assert.deepEqual(stats.upstream['cluster.c.host.h:1'], { request_total: '2' });
    const one = JSON.parse((await admin.ask('/api/v1/stats?key=upstream.cluster.c.host.h:1')).body);
    assert.deepEqual(one, { upstream: { 'cluster.c.host.h:1': { request_total: '2' } } });
    const none = await admin.ask('/api/v1/stats?key=nothing');
    assert.deepEqual([none.status, none.body], [200, 'no metrics key: nothing']);
    assert.equal((await admin.ask('/api/v1/stats?key=a&key=b')).status, 400);
    const glob = (await admin.ask('/api/v1/stats_glob')).body;
    assert.equal(glob, 'request_total:3\nrequest_time_min:1500000\nrequest_time_max:1500000\n');
  });

  it('tells feature gates', async () => {
    assert.deepEqual(JSON.parse((await admin.ask('/api/v1/features')).body), {
      auto_config: false,
      XdsMtlsEnable: true,
    });
    assert.equal((await admin.ask('/api/v1/features?key=XdsMtlsEnable')).body, 'true');
    assert.equal((await admin.ask('/api/v1/features?key=toString')).body, 'false');
  });

  it('shows listed environment variables only', async () => {
    process.env['WEFT_SHOWN'] = 'yes';
    const { body } = await admin.ask('/api/v1/env?key=WEFT_SHOWN&key=WEFT_UNSET&key=PATH');
    assert.deepEqual(JSON.parse(body), { env: { WEFT_SHOWN: 'yes' }, not_found: ['WEFT_UNSET', 'PATH'] });
  });

  it('tells the log level', async () => {
    assert.deepEqual(JSON.parse((await admin.ask('/api/v1/get_loglevel')).body), { [admin.logPath]: 'INFO' });
  });

  it('keeps the details of its own failures to the log', async () => {
    admin.dumpFails = true;
    const { status, body } = await admin.ask('/api/v1/config_dump');
    admin.dumpFails = false;
    assert.deepEqual([status, JSON.parse(body)], [500, { error: 'internal error' }]);
  });
});

describe('paths of Envoy', () => {
  const admin = fixture();

  const states: [state: number, ready: boolean, status: number, text: string, number: number][] = [
    [4, false, 503, 'INITIALIZING', 3],
    [6, true, 200, 'LIVE', 0],
    [6, false, 503, 'DRAINING', 1],
    [8, false, 503, 'DRAINING', 1],
  ];
  for (const [state, ready, status, text, number] of states) {
    it(`is ${text} in state ${state} when ${ready ? '' : 'not '}ready`, async () => {
      admin.state = state;
      admin.isReady = ready;
      const answer = await admin.ask('/ready');
      assert.deepEqual([answer.status, answer.body], [status, `${text}\n`]);
      assert.equal(JSON.parse((await admin.ask('/server_info')).body).state, text);
      const stats = (await admin.ask('/stats?usedonly')).body;
      assert.ok(stats.includes(`server.state: ${number}\n`));
      assert.ok(stats.includes(`cluster_manager.cds.update_success: ${text === 'INITIALIZING' ? 0 : 1}\n`));
    });
  }

  it('shows metrics under both names', async () => {
    admin.store.group('downstream', {}).counter('request_total').add(1);
    for (const path of ['/metrics', '/stats/prometheus']) {
      const { headers, body } = await admin.ask(path);
      assert.equal(headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
      const families = parseExposition(body);
      for (const name of ['downstream_request_total', 'process_start_time_seconds', 'nodejs_version_info']) {
        assert.ok(families.has(name), name);
      }
    }
  });

  it('dumps the configuration in the shape of Envoy, without secrets', async () => {
    const { body } = await admin.ask('/config_dump');
    assert.match(JSON.parse(body).configs[0]['@type'], /BootstrapConfigDump$/);
    assert.ok(!body.includes('hush'));
  });
});

describe('who may ask', () => {
  const admin = fixture(() => ({ allowed_hosts: ['Weft.Example'] }));
  const statusFor = async (headers: Record<string, string>) => (await admin.ask('/api/v1/version', { headers })).status;

  it('takes addresses, localhost and the names of the configuration as host', async () => {
    for (const host of ['127.0.0.1:34901', '10.0.0.1', '[::1]:34901', 'localhost', 'LOCALHOST:1', 'weft.example:80']) {
      assert.equal(await statusFor({ host }), 200, host);
    }
  });

  it('refuses any other name, which is how DNS rebinding gives itself away', async () => {
    for (const host of ['evil.example', 'localhost.evil.example', '127.0.0.1.evil.example:80', 'weft.example.']) {
      assert.equal(await statusFor({ host }), 403, host);
    }
  });

  it('refuses pages of other origins', async () => {
    assert.equal(await statusFor({ host: 'localhost:1', origin: 'http://localhost:1' }), 200);
    for (const origin of ['http://evil.example', 'http://localhost:2', 'https://localhost:1', 'null']) {
      assert.equal(await statusFor({ host: 'localhost:1', origin }), 403, origin);
    }
  });

  it('refuses them everywhere, also where nothing is', async () => {
    for (const path of ['/', '/ready', '/metrics', '/no/such']) {
      assert.equal((await admin.ask(path, { headers: { host: 'evil.example' } })).status, 403, path);
    }
  });

  it('refuses writes unless they are allowed', async () => {
    for (const path of ['/api/v1/update_loglevel', '/api/v1/enable_log', '/api/v1/disable_log']) {
      assert.equal((await admin.ask(path, { method: 'POST', body: '{}' })).status, 403, path);
    }
  });
});

describe('writes by token', () => {
  const admin = fixture(() => ({ allow_writes: true, token: 'open sesame' }));
  const post = (path: string, body: string, authorization = 'Bearer open sesame') =>
    admin.ask(path, { method: 'POST', body, headers: authorization === '' ? {} : { authorization } });

  it('needs the token', async () => {
    for (const wrong of ['', 'Bearer', 'Bearer open sesam', 'Bearer open sesame!', 'Basic open sesame']) {
      const body = JSON.stringify({ log_path: admin.logPath, log_level: 'DEBUG' });
      assert.equal((await post('/api/v1/update_loglevel', body, wrong)).status, 403, wrong);
    }
    assert.equal(admin.log.level, 'INFO');
  });

  it('changes the log level', async () => {
    const set = async (body: unknown) => {
      const { status, body: text } = await post('/api/v1/update_loglevel', JSON.stringify(body));
      return [status, text];
    };
    assert.deepEqual(await set({ log_path: admin.logPath, log_level: 'ERROR' }), [200, 'update logger success\n']);
    assert.equal(admin.log.level, 'ERROR');
    assert.equal((await set({ log_path: admin.logPath, log_level: 'loud' }))[0], 400);
    assert.equal((await set({ log_path: '/other', log_level: 'INFO' }))[0], 400);
    assert.equal((await set(null))[0], 400);
    assert.equal((await post('/api/v1/update_loglevel', '{')).status, 400);
    assert.equal(admin.log.level, 'ERROR');
  });

  it('switches logs off and on', async () => {
    const off = await post('/api/v1/disable_log', admin.logPath);
    assert.deepEqual([off.status, off.body], [200, 'disable logger success']);
    assert.equal(admin.files.get(admin.logPath)?.enabled, false);
    const on = await post('/api/v1/enable_log', admin.logPath);
    assert.deepEqual([on.status, on.body], [200, 'enable logger success']);
    assert.equal(admin.files.get(admin.logPath)?.enabled, true);
    assert.equal((await post('/api/v1/disable_log', '/other')).status, 400);
  });

  it('answers 413 to a body above 64 KiB', async () => {
    assert.equal((await post('/api/v1/enable_log', 'x'.repeat(64 * 1024))).status, 400);
    assert.equal((await post('/api/v1/enable_log', 'x'.repeat(64 * 1024 + 1))).status, 413);
  });
});

describe('unix socket', () => {
  const admin = fixture((directory) => {
    const path = join(directory, 'admin.sock');
    return { address: { pipe: { path } }, allow_writes: true };
  });

  it('is its owner’s alone, and that is proof enough for writes', async () => {
    assert.equal(statSync(join(admin.directory, 'admin.sock')).mode & 0o777, 0o600);
    assert.equal((await admin.ask('/api/v1/disable_log', { method: 'POST', body: admin.logPath })).status, 200);
    assert.equal((await admin.ask('/ready', { headers: { host: 'anything' } })).status, 200);
  });

  it('takes the place of a socket that was left behind, and never of another file', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'weft-admin-'));
    const path = join(directory, 'a.sock');
    const first = new Fixture();
    const second = new Fixture();
    const third = new Fixture();
    try {
      await first.start({ address: { pipe: { path } } });
      renameSync(path, `${path}.left`);
      await second.start({ address: { pipe: { path: `${path}.left` } } });
      assert.equal((await second.ask('/ready')).status, 200);
      writeFileSync(path, 'precious');
      await assert.rejects(third.start({ address: { pipe: { path } } }), { code: 'EADDRINUSE' });
      assert.equal(statSync(path).size, 8);
    } finally {
      for (const each of [first, second, third]) await each.stop();
      rmSync(directory, { recursive: true });
    }
  });
});

describe('admin block', () => {
  const problems = (changes: Partial<AdminConfig>) => checkAdmin({ ...CONFIG, ...changes }).map(({ path }) => path[0]);

  it('needs one address', () => {
    assert.deepEqual(problems({}), []);
    assert.deepEqual(problems({ address: {} }), ['address']);
    assert.deepEqual(problems({ address: { ...CONFIG.address, pipe: { path: '/x' } } }), ['address']);
  });

  it('opens writes to a unix socket or a token only', () => {
    assert.deepEqual(problems({ allow_writes: true }), ['allow_writes']);
    assert.deepEqual(problems({ allow_writes: true, token: '' }), ['allow_writes']);
    assert.deepEqual(problems({ allow_writes: true, token: 't' }), []);
    assert.deepEqual(problems({ allow_writes: true, address: { pipe: { path: '/x' } } }), []);
  });
});
