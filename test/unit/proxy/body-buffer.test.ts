import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { BodyBuffer } from '../../../src/proxy/body-buffer.ts';

describe('BodyBuffer', () => {
  it('keeps every byte in order; what it has given out stays as it is', () => {
    const step = fc.oneof(
      fc.record({ push: fc.uint8Array({ maxLength: 40 }) }),
      fc.record({ replace: fc.uint8Array({ maxLength: 40 }) }),
      fc.constant({ clear: true }),
    );
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const buffer = new BodyBuffer();
        let model = Buffer.alloc(0);
        const given: { bytes: Buffer; copy: Buffer }[] = [];
        for (const one of steps) {
          if ('push' in one) {
            buffer.push(one.push);
            model = Buffer.concat([model, one.push]);
          } else if ('replace' in one) {
            buffer.replace(one.replace);
            model = Buffer.from(one.replace);
          } else {
            buffer.clear();
            model = Buffer.alloc(0);
          }
          assert.equal(buffer.size, model.length);
          assert.deepEqual(buffer.bytes(), model);
          given.push({ bytes: buffer.bytes(), copy: Buffer.from(model) });
        }
        for (const { bytes, copy } of given) assert.deepEqual(bytes, copy);
      }),
    );
  });

  it('costs about what it holds, however small the chunks are', () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const used = (): number => {
      collect();
      const { heapUsed, external } = process.memoryUsage();
      return heapUsed + external;
    };
    const one = Buffer.from('x');
    const buffer = new BodyBuffer();
    const before = used();
    for (let i = 0; i < 65_536; i++) buffer.push(one);
    const cost = used() - before;
    assert.equal(buffer.bytes().toString(), 'x'.repeat(65_536));
    assert.ok(cost < 1_000_000, `${cost} bytes`);
  });
});
