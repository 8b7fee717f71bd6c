import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { IdleList, type IdleNode } from '../../../src/upstream/idle-list.ts';
import type { PoolWaiter } from '../../../src/upstream/pool.ts';
import { WaiterQueue } from '../../../src/upstream/waiter-queue.ts';

const waiter = (): PoolWaiter => ({ onPoolReady() {}, onPoolFailure() {} });

describe('WaiterQueue', () => {
  test('behaves as a list under any sequence of operations', () => {
    const operation = fc.oneof(
      { weight: 4, arbitrary: fc.constant('push' as const) },
      { weight: 2, arbitrary: fc.constant('shift' as const) },
      { weight: 2, arbitrary: fc.nat(40) },
    );
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 200 }), (operations) => {
        const queue = new WaiterQueue();
        const model: { waiter: PoolWaiter; time: number }[] = [];
        let time = 0;
        for (const action of operations) {
          time++;
          if (action === 'push') {
            const entry = { waiter: waiter(), time };
            model.push(entry);
            queue.push(entry.waiter, time);
          } else if (action === 'shift') {
            assert.equal(queue.shift(), model.shift()?.waiter);
          } else if (action < model.length) {
            const [entry] = model.splice(action, 1);
            assert.equal(queue.remove(entry?.waiter as PoolWaiter), true);
            assert.equal(queue.remove(entry?.waiter as PoolWaiter), false);
          }
          assert.equal(queue.length, model.length);
          if (model.length > 0) assert.equal(queue.oldest, model[0]?.time);
        }
        for (const entry of model) assert.equal(queue.shift(), entry.waiter);
        assert.equal(queue.shift(), undefined);
      }),
      { numRuns: 500 },
    );
  });

  test('a waiter that is not there', () => {
    assert.equal(new WaiterQueue().remove(waiter()), false);
  });
});

class Node implements IdleNode<Node> {
  newer: Node | undefined;
  older: Node | undefined;
  idleSince = 0;
  isIdle = false;
}

describe('IdleList', () => {
  test('behaves as a stack from which anything can be removed', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.constant('push' as const), fc.nat(20)), { maxLength: 100 }), (operations) => {
        const list = new IdleList<Node>();
        const model: Node[] = [];
        let now = 0;
        for (const action of operations) {
          if (action === 'push') {
            const node = new Node();
            model.push(node);
            list.push(node, ++now);
            assert.equal(node.idleSince, now);
          } else if (action < model.length) {
            const [node] = model.splice(action, 1) as [Node];
            list.remove(node);
            assert.deepEqual([node.isIdle, node.newer, node.older], [false, undefined, undefined]);
          }
          assert.equal(list.length, model.length);
          assert.equal(list.oldest, model[0]);
          assert.equal(list.newest, model.at(-1));
          const downwards: Node[] = [];
          for (let node = list.newest; node !== undefined; node = node.older) downwards.push(node);
          assert.deepEqual(downwards.reverse(), model);
          assert.ok(model.every(({ isIdle }) => isIdle));
        }
      }),
      { numRuns: 300 },
    );
  });
});
