import assert from 'node:assert/strict';
import { test } from 'node:test';
import { suggest } from '../../../src/config/suggest.ts';

const KEYS = ['bind_port', 'address', 'name', 'listeners', 'connection_idle_timeout'];

test('finds the name that was meant', () => {
  for (const [typo, meant] of [
    ['bind_prot', 'bind_port'],
    ['adress', 'address'],
    ['listner', 'listeners'],
    ['NAMES', 'name'],
    ['name ', 'name'],
    ['connection_timeout_idle', undefined],
    ['connection_idle_timout', 'connection_idle_timeout'],
    ['port', undefined],
    ['x', undefined],
    ['', undefined],
  ] as const) {
    assert.equal(suggest(typo, KEYS), meant, typo);
  }
});

test('prefers the nearest', () => {
  assert.equal(suggest('clusters', ['cluster', 'clusterss', 'clusters_x', 'clusters']), 'clusters');
});
