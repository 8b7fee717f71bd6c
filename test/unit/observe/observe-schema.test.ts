import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Schema } from '../../../src/api/schema.ts';
import { SchemaRegistry } from '../../../src/config/registry.ts';
import { validate } from '../../../src/config/validate.ts';
import { checkAccessLog, checkServerLog, metricsSchema, tracingSchema } from '../../../src/observe/observe-schema.ts';

function check<T>(schema: Schema<T>, value: unknown): { value: T; said: string[] } {
  const result = validate(schema, value, new SchemaRegistry());
  return { value: result.value, said: result.problems.map((p) => `${p.severity} ${p.path.join('.')}`) };
}

describe('metrics block', () => {
  it('fills defaults', () => {
    const { value, said } = check(metricsSchema, {
      sinks: [{ type: 'prometheus', config: { port: 34903 } }],
      sample: { type: 'UNIFORM', size: 100 },
    });
    assert.deepEqual(said, []);
    assert.deepEqual(value.stats_matcher, { reject_all: false, exclusion_labels: [], exclusion_keys: [] });
    assert.deepEqual(value.sinks[0]?.config, {
      port: 34903,
      address: '0.0.0.0',
      endpoint: '/metrics',
      percentiles: [],
      disable_collect_process: false,
      disable_collect_go: false,
    });
  });

  it('is there when nobody wrote it', () => {
    assert.deepEqual(check(metricsSchema, undefined).value.sinks, []);
  });

  it('refuses other sinks and a sink without port, and warns of what it does not do', () => {
    const sinks = [
      { type: 'console', config: { port: 1 } },
      { type: 'prometheus', config: {} },
    ];
    assert.deepEqual(check(metricsSchema, { sinks, shm_zone: 'z' }).said, [
      'error sinks.0.type',
      'error sinks.1.config.port',
      'warning shm_zone',
    ]);
  });
});

describe('tracing block', () => {
  it('warns only when it is switched on', () => {
    assert.deepEqual(check(tracingSchema, { enable: false, driver: 'Zipkin' }).said, []);
    const root = { type: 'object', properties: { tracing: tracingSchema } } as Schema;
    assert.deepEqual(check(root, { tracing: { enable: false } }).said, []);
    assert.deepEqual(check(root, { tracing: { enable: true } }).said, ['warning tracing']);
  });
});

describe('log keys', () => {
  it('takes what can be done', () => {
    assert.deepEqual(checkServerLog({ default_log_path: 'stdout', global_log_roller: 'time=1 keep=5' }), []);
    assert.deepEqual(checkServerLog({ default_log_path: '' }), []);
    assert.deepEqual(checkAccessLog({ log_path: '/var/log/a.log', log_format: '%protocol%' }), []);
    assert.deepEqual(checkAccessLog({ log_path: '', log_format: '' }), []);
  });

  it('says what cannot', () => {
    const server = checkServerLog({ default_log_path: 'syslog://h', global_log_roller: 'weekly' });
    assert.deepEqual(
      server.map(({ path }) => path[0]),
      ['default_log_path', 'global_log_roller'],
    );
    const access = checkAccessLog({ log_path: 'syslog', log_format: 'a %%' });
    assert.deepEqual(
      access.map(({ path }) => path[0]),
      ['log_path', 'log_format'],
    );
    assert.match(access[1]?.message as string, /offset 2/);
  });
});
