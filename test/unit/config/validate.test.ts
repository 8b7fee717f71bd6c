import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Schema } from '../../../src/api/schema.ts';
import * as s from '../../../src/api/schema.ts';
import { formatPath } from '../../../src/config/problem.ts';
import { SchemaRegistry } from '../../../src/config/registry.ts';
import { type ValidateOptions, validate } from '../../../src/config/validate.ts';

const registry = new SchemaRegistry()
  .register('stream_filter', {
    type: 'limit',
    config: s.object({ rate: s.required(s.count()), burst: s.count({ default: 5 }) }),
    check: (config) =>
      (config as { rate: number }).rate > 100 ? [{ path: ['rate'], message: 'is more than anybody needs' }] : [],
  })
  .register('stream_filter', { type: 'shadow', config: s.object({ Cluster: s.string() }) })
  .register('protocol', { type: 'Http1', config: s.object({ max_header_size: s.count({ default: 8_192 }) }) });

function read(schema: Schema, value: unknown): unknown {
  const { value: result, problems } = validate(schema, value, registry);
  assert.deepEqual(problems, []);
  return result;
}

/** The problems as `severity path: message [suggestion]`. */
function complain(schema: Schema, value: unknown, options?: ValidateOptions): string[] {
  return validate(schema, value, registry, options).problems.map(
    ({ severity, path, message, suggestion }) =>
      `${severity} ${formatPath(path)}: ${message}${suggestion === undefined ? '' : ` [${suggestion}]`}`,
  );
}

test('keys of structs fold case, exact names first', () => {
  const schema = s.object({ name: s.string(), Name: s.string(), tasks_k: s.count() });
  assert.deepEqual(read(schema, { name: 'a', Name: 'b' }), { name: 'a', Name: 'b' });
  assert.deepEqual(read(s.object({ bind_port: s.boolean() }), { Bind_PORT: true }), { bind_port: true });
  // The two characters outside ASCII that fold into it: long s and Kelvin sign.
  assert.deepEqual(read(schema, { 'ta\u017fks_\u212a': 1 }), { tasks_k: 1 });
  assert.equal(complain(schema, { 'tasks_k ': 1 })[0], 'warning ["tasks_k "]: unknown key ["tasks_k"]');
});

test('of two spellings of one key the last wins, with a warning', () => {
  const schema = s.object({ name: s.string() });
  assert.deepEqual(validate(schema, { name: 'a', NAME: 'b' }, registry).value, { name: 'b' });
  assert.deepEqual(complain(schema, { name: 'a', NAME: 'b' }), [
    'warning NAME: overrides "name", which is the same key',
  ]);
});

test('keys of maps are data', () => {
  const schema = s.map(s.object({ weight: s.count() }));
  const value = JSON.parse('{"Blue": {"Weight": 1}, "blue": {"WEIGHT": 2}, "__proto__": {"weight": 3}}');
  const result = read(schema, value) as Record<string, unknown>;
  assert.deepEqual(Object.entries(result), [
    ['Blue', { weight: 1 }],
    ['blue', { weight: 2 }],
    ['__proto__', { weight: 3 }],
  ]);
});

test('no key of a file reaches a prototype', () => {
  const schema = s.object({ name: s.string() });
  const value = JSON.parse('{"__proto__": {"name": "evil"}, "constructor": 1, "toString": 1}');
  const { value: result, problems } = validate(schema, value, registry);
  assert.equal((result as { name?: string }).name, undefined);
  assert.equal(problems.length, 3);
});

test('null is as if the key were not there', () => {
  const schema = s.object({
    append: s.boolean({ default: true }),
    name: s.string(),
    timeout: s.duration({ default: 10 }),
    list: s.list(s.string()),
  });
  const nothing = { append: true, timeout: 10, list: [] };
  assert.deepEqual(read(schema, { append: null, name: null, timeout: null, list: null }), nothing);
  assert.deepEqual(read(schema, null), nothing);
  assert.deepEqual(read(s.list(s.count()), [1, null]), [1, 0]);
  assert.deepEqual(read(s.map(s.list(s.string())), { a: null }), { a: [] });
  assert.deepEqual(complain(s.object({ name: s.required(s.string()) }), { name: null }), [
    'error name: is missing, expected string',
  ]);
});

test('defaults reach into absent structs and are never shared', () => {
  const schema = s.object({
    outer: s.block({ inner: s.block({ on: s.boolean({ default: true }) }), list: s.list(s.string()) }),
    absent: s.object({ x: s.count({ default: 1 }) }),
  });
  const first = read(schema, {});
  assert.deepEqual(first, { outer: { inner: { on: true }, list: [] } });
  const second = read(schema, {}) as { outer: { list: string[] } };
  second.outer.list.push('x');
  assert.deepEqual(read(schema, {}), first);
});

test('durations', () => {
  const schema = s.object({ t: s.duration() });
  assert.deepEqual(read(schema, { t: '1m30s' }), { t: 90_000 });
  assert.deepEqual(read(schema, { t: 0 }), { t: 0 });
  assert.deepEqual(read(schema, { t: '-1s' }), { t: -1_000 });
  const expected = 'error t: expected duration such as "1m30s" or "100ms", found';
  assert.deepEqual(complain(schema, { t: 15 }), [`${expected} number 15 (the unit is missing) ["15s"]`]);
  assert.deepEqual(complain(schema, { t: '15' }), [`${expected} string "15" (the unit is missing) ["15s"]`]);
  assert.deepEqual(complain(schema, { t: '5 s' }), [`${expected} string "5 s"`]);
  assert.deepEqual(complain(schema, { t: true }), [`${expected} boolean true`]);
  assert.deepEqual(complain(schema, { t: '' }), [`${expected} string ""`]);
});

test('types, bounds and choices: every problem is found in one go', () => {
  const schema = s.object({
    on: s.boolean(),
    port: s.integer(0, 65_535),
    size: s.count(),
    ratio: s.number(),
    family: s.oneOf(['V4_ONLY', 'V6_ONLY']),
    name: s.name(),
    items: s.list(s.object({ id: s.required(s.count()) }), { minItems: 1, maxItems: 1 }),
    tags: s.map(s.string()),
  });
  const wrong = {
    on: 'yes',
    port: 70_000,
    size: 1.5,
    ratio: Number.POSITIVE_INFINITY,
    family: 'v4-only',
    name: '',
    items: [{ id: '7' }, {}],
    tags: ['a'],
  };
  assert.deepEqual(complain(schema, wrong), [
    'error on: expected boolean, found string "yes" [true]',
    'error port: expected integer from 0 to 65535, found number 70000',
    'error size: expected integer ≥ 0, found number 1.5',
    'error ratio: expected number, found number Infinity',
    'error family: expected one of "V4_ONLY", "V6_ONLY", found string "v4-only" ["V4_ONLY"]',
    'error name: expected non-empty string, found string ""',
    'error items: expected exactly 1 entry, found 2',
    'error items[0].id: expected integer ≥ 0, found string "7" [7]',
    'error items[1].id: is missing, expected integer ≥ 0',
    'error tags: expected object, found array',
  ]);
});

test('long values are cut in messages', () => {
  const [line] = complain(s.count(), 'x'.repeat(1_000));
  assert.ok(line && line.length < 120 && line.endsWith('…'));
});

test('unknown keys warn with a suggestion, under strict they are errors', () => {
  const schema = s.object({ bind_port: s.boolean() });
  assert.deepEqual(complain(schema, { bind_prot: 1 }), ['warning bind_prot: unknown key ["bind_port"]']);
  assert.deepEqual(complain(schema, { other: 1 }, { strict: true }), ['error other: unknown key']);
});

test('support: planned warns, refused is an error, inert is silent; what is off passes', () => {
  const tls = s.object(
    { status: s.boolean({ default: false }), ca_cert: s.string() },
    {
      support: 'refused',
      isInactive: (value) => !(value as { status: boolean }).status,
    },
  );
  const schema = s.object({
    mark: s.count({ support: 'planned' }),
    dead: s.count({ support: 'inert' }),
    original_dst: s.string({ support: 'refused' }),
    tls,
  });
  assert.deepEqual(complain(schema, { mark: 0, dead: 1, original_dst: '', tls: {} }), []);
  assert.deepEqual(complain(schema, { tls: { Status: false, ca_cert: 'x' } }), []);
  assert.deepEqual(complain(schema, { mark: 7 }), ['warning mark: is not implemented yet and has no effect']);
  const refusal = 'is not implemented yet; ignoring it would change security or destination';
  assert.deepEqual(complain(schema, { original_dst: 'redirect' }), [`error original_dst: ${refusal}`]);
  // Whatever the case of the key inside.
  assert.deepEqual(complain(schema, { tls: { STATUS: true } }), [`error tls: ${refusal}`]);
  assert.deepEqual(complain(schema, { mark: 'x', dead: 'x' }), [
    'error mark: expected integer ≥ 0, found string "x"',
    'error dead: expected integer ≥ 0, found string "x"',
  ]);
});

test('registered blocks', () => {
  const schema = s.object({ filters: s.list(s.registered('stream_filter')) });
  const type = 'limit';
  assert.deepEqual(read(schema, { filters: [{ Type: type, CONFIG: { Rate: 3 } }] }), {
    filters: [{ type, config: { rate: 3, burst: 5 } }],
  });
  assert.deepEqual(complain(schema, { filters: [{ type, config: { rate: -1, brust: 1 } }, { type }, {}, 'limit'] }), [
    'error filters[0].config.rate: expected integer ≥ 0, found number -1',
    'warning filters[0].config.brust: unknown key ["burst"]',
    'error filters[1].config.rate: is missing, expected integer ≥ 0',
    'error filters[2].type: is missing, expected string',
    'error filters[3]: expected object with a "type", found string "limit"',
  ]);
  assert.deepEqual(complain(schema, { filters: [{ type, config: { rate: 101 } }] }), [
    'error filters[0].config.rate: is more than anybody needs',
  ]);
});

test('block types that are not registered: dead ones are skipped, all others refused', () => {
  const schema = s.object({ filters: s.list(s.registered('stream_filter')) });
  const value = { filters: [{ type: 'healthcheck' }, { type: 'limit', config: { rate: 1 } }] };
  assert.deepEqual(validate(schema, value, registry).value, {
    filters: [{ type: 'limit', config: { rate: 1, burst: 5 } }],
  });
  assert.deepEqual(
    complain(schema, { filters: [{ type: 'healthcheck' }, { type: 'jwt_authn' }, { type: 'limits' }] }),
    [
      'warning filters[0].type: stream filter "healthcheck" has no effect in MOSN either and is skipped',
      'error filters[1].type: stream filter "jwt_authn" is not implemented yet',
      'error filters[2].type: unknown stream filter "limits" ["limit"]',
    ],
  );
  assert.deepEqual(complain(schema, { filters: [{ type: 'own', go_plugin_config: { so_path: 'x.so' } }] }), [
    'error filters[0].go_plugin_config: is not implemented yet; ignoring it would change security or destination',
  ]);
});

test('maps of registered blocks', () => {
  const schema = s.object({ per_filter_config: s.registeredMap('stream_filter') });
  assert.deepEqual(read(schema, { per_filter_config: { limit: { RATE: 1 } } }), {
    per_filter_config: { limit: { rate: 1, burst: 5 } },
  });
  assert.deepEqual(complain(schema, { per_filter_config: { limit: {}, Limit: {}, healthcheck: {} } }), [
    'error per_filter_config.limit.rate: is missing, expected integer ≥ 0',
    'error per_filter_config.Limit: unknown stream filter "Limit" ["limit"]',
    'warning per_filter_config.healthcheck: stream filter "healthcheck" has no effect in MOSN either and is skipped',
  ]);
});

test('registered blocks come out with their paths, sound ones only', () => {
  const schema = s.object({
    filters: s.list(s.registered('stream_filter')),
    per_filter_config: s.registeredMap('stream_filter'),
  });
  const value = {
    filters: [{ type: 'healthcheck' }, { type: 'shadow', config: { cluster: 'c1' } }, { type: 'limit' }],
    per_filter_config: { shadow: {} },
  };
  const where = { registry: 'stream_filter', type: 'shadow' };
  assert.deepEqual(validate(schema, value, registry, { path: ['x'] }).blocks, [
    { ...where, config: { Cluster: 'c1' }, path: ['x', 'filters', 1, 'config'] },
    { ...where, config: {}, path: ['x', 'per_filter_config', 'shadow'] },
  ]);
});

test('unions take the first shape that fits and complain about the nearest', () => {
  const schema = s.object({ p: s.union([s.count(), s.oneOf(['auto']), s.object({ n: s.required(s.count()) })]) });
  assert.deepEqual(read(schema, { p: 4 }), { p: 4 });
  assert.deepEqual(read(schema, { p: 'auto' }), { p: 'auto' });
  assert.deepEqual(read(schema, { p: { N: 1 } }), { p: { n: 1 } });
  assert.deepEqual(complain(schema, { p: 'aut' }), ['error p: expected one of "auto", found string "aut" ["auto"]']);
  assert.deepEqual(complain(schema, { p: {} }), ['error p.n: is missing, expected integer ≥ 0']);
  assert.deepEqual(complain(schema, { p: true }), [
    'error p: expected integer ≥ 0 or one of "auto" or object, found boolean true',
  ]);
});

test('regular expressions are compiled as RE2', () => {
  const schema = s.object({ regex: s.regex() });
  assert.deepEqual(read(schema, { regex: '^/v[0-9]+/(.*)$' }), { regex: '^/v[0-9]+/(.*)$' });
  const [line] = complain(schema, { regex: '(a' });
  assert.equal(
    line,
    'error regex: expected regular expression in RE2 syntax, found string "(a" (missing closing ): `(a`)',
  );
  assert.equal(complain(schema, { regex: '(?=a)' }).length, 1);
});
