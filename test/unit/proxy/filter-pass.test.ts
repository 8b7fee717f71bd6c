import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { HeaderList, type Headers } from '../../../src/api/headers.ts';
import { type FilterResult, FilterStatus, Phase, type StreamFilter } from '../../../src/api/stream-filter.ts';
import { FilterPass, type PassOwner } from '../../../src/proxy/filter-pass.ts';
import type { FilterStep } from '../../../src/proxy/stream-filters.ts';

const { Continue, StopAndBuffer, StopNoBuffer } = FilterStatus;

/** Writes down what passes; the callbacks of the request side stand for both. */
class Recorder implements PassOwner {
  over = false;
  log: string[] = [];
  paused = 0;
  overflowed = false;
  faults: unknown[] = [];
  ownRuns: string[] = [];

  callHeaders(filter: StreamFilter, _step: FilterStep, end: boolean): FilterResult | undefined {
    return filter.onRequestHeaders?.(undefined as never, undefined as never, end);
  }
  callData(filter: StreamFilter, _step: FilterStep, chunk: Buffer, end: boolean): FilterResult | undefined {
    return filter.onRequestData?.(undefined as never, chunk, end);
  }
  callTrailers(filter: StreamFilter, _step: FilterStep, trailers: Headers): FilterResult | undefined {
    return filter.onRequestTrailers?.(undefined as never, trailers);
  }
  runOwnStep(step: FilterStep): boolean {
    this.ownRuns.push(step.own);
    return true;
  }
  mayReenter(): boolean {
    return true;
  }
  emitHeaders(end: boolean): void {
    this.log.push(end ? 'head!' : 'head');
  }
  emitData(chunk: Buffer, end: boolean): void {
    this.log.push(chunk.toString() + (end ? '!' : ''));
  }
  emitTrailers(): void {
    this.log.push('trailers');
  }
  pauseSource(): void {
    this.paused++;
  }
  resumeSource(): void {
    this.paused--;
  }
  terminate(): void {
    this.over = true;
  }
  overflow(): void {
    this.overflowed = true;
    this.over = true;
  }
  fault(error: unknown): void {
    this.faults.push(error);
    this.over = true;
  }
  setContentLength(): void {}
}

function passOf(owner: PassOwner, filters: StreamFilter[], limit = 1_000_000): FilterPass {
  const steps: FilterStep[] = filters.map((_, filter) => ({ filter, phase: Phase.BeforeRoute, own: '' }));
  return new FilterPass(owner, steps, filters, limit);
}

describe('FilterPass', () => {
  it('passes what no filter stops straight through', () => {
    const owner = new Recorder();
    const pass = passOf(owner, [{}, {}]);
    pass.headers(false);
    pass.data(Buffer.from('a'), false);
    pass.data(Buffer.from('b'), false);
    pass.trailers(new HeaderList());
    assert.deepEqual(owner.log, ['head', 'a', 'b', 'trailers']);
  });

  it('holds a body for a filter without a body callback until it resumes', () => {
    const owner = new Recorder();
    const pass = passOf(owner, [{ onRequestHeaders: () => StopAndBuffer }]);
    pass.headers(false);
    pass.data(Buffer.from('a'), false);
    pass.data(Buffer.from('b'), true);
    assert.deepEqual(owner.log, []);
    assert.equal(pass.heldBody(0).toString(), 'ab');
    pass.resume(0);
    assert.deepEqual(owner.log, ['head', 'ab!']);
  });

  it('does not stop a filter that resumed before it returned its stop', () => {
    const owner = new Recorder();
    const resuming = (): FilterStatus => {
      pass.resume(0);
      return StopNoBuffer;
    };
    const filters: StreamFilter[] = [{ onRequestHeaders: resuming }];
    const pass = passOf(owner, filters);
    pass.headers(true);
    assert.deepEqual(owner.log, ['head!']);
    assert.equal(owner.paused, 0);
  });

  it('gives a body to a message that had none', () => {
    const owner = new Recorder();
    const pass = passOf(owner, [{ onRequestHeaders: () => StopAndBuffer }]);
    pass.headers(true);
    pass.replaceHeldBody(0, Buffer.from('new'));
    pass.resume(0);
    assert.deepEqual(owner.log, ['head', 'new!']);
  });

  it('tells a filter that holds a body and knows no trailers of the end', () => {
    const owner = new Recorder();
    const ends: boolean[] = [];
    const pass = passOf(owner, [
      {
        onRequestHeaders: () => StopAndBuffer,
        onRequestData: (_stream, _chunk, end) => {
          ends.push(end);
          return end ? Continue : StopAndBuffer;
        },
      },
    ]);
    pass.headers(false);
    pass.data(Buffer.from('a'), false);
    pass.trailers(new HeaderList());
    assert.deepEqual(ends, [false, true]);
    assert.deepEqual(owner.log, ['head', 'a', 'trailers']);
  });

  it('overflows beyond the limit, and pauses its source for StopNoBuffer', () => {
    const owner = new Recorder();
    const pass = passOf(owner, [{ onRequestHeaders: () => StopAndBuffer }], 3);
    pass.headers(false);
    pass.data(Buffer.from('abcd'), false);
    assert.equal(owner.overflowed, true);

    const paused = new Recorder();
    const other = passOf(paused, [{ onRequestHeaders: () => StopNoBuffer }], 3);
    other.headers(false);
    assert.equal(paused.paused, 1);
    other.data(Buffer.from('abcd'), true);
    other.resume(0);
    assert.equal(paused.paused, 0);
    assert.deepEqual(paused.log, ['head', 'abcd!']);
  });

  it('lets a filter resume what it holds itself and nothing else', () => {
    const owner = new Recorder();
    const pass = passOf(owner, [{ onRequestData: () => StopNoBuffer }, { onRequestHeaders: () => StopAndBuffer }]);
    pass.headers(false);
    pass.data(Buffer.from('a'), false);
    pass.resume(0);
    assert.deepEqual(owner.log, [], 'the second still holds the head');
    assert.equal(pass.heldBody(0).length, 0);
    assert.equal(pass.heldBody(1).toString(), 'a');
    pass.replaceHeldBody(0, Buffer.from('not its own'));
    pass.resume(0);
    assert.deepEqual(owner.log, []);
    pass.resume(1);
    assert.deepEqual(owner.log, ['head', 'a']);
  });

  it('lets a filter resume from inside the callback of another', () => {
    const owner = new Recorder();
    const filters: StreamFilter[] = [
      {
        onRequestData(_stream, chunk) {
          if (chunk.toString() !== 'b') return Continue;
          pass.replaceHeldBody(0, Buffer.from('B'));
          pass.resume(1);
          assert.equal(pass.heldBody(0).toString(), 'B', 'its own chunk is still in its hands');
          return Continue;
        },
      },
      { onRequestHeaders: () => StopAndBuffer },
    ];
    const pass = passOf(owner, filters);
    pass.headers(false);
    pass.data(Buffer.from('a'), false);
    pass.data(Buffer.from('b'), true);
    assert.deepEqual(owner.log, ['head', 'a', 'B!']);
  });

  it('ends a stream whose rest of the way throws after a filter has resumed', async () => {
    for (const said of [StopNoBuffer, Promise.resolve(Continue)]) {
      const owner = new Recorder();
      owner.emitHeaders = () => {
        throw new Error('cannot be sent');
      };
      const pass = passOf(owner, [{ onRequestHeaders: () => said }]);
      pass.headers(true);
      pass.resume(0);
      await new Promise((resolve) => setImmediate(resolve));
      assert.deepEqual(
        owner.faults.map((fault) => (fault as Error).message),
        ['cannot be sent'],
      );
    }
  });

  it('drops a promise that settles after the stream has ended', async () => {
    const owner = new Recorder();
    const { promise, resolve } = Promise.withResolvers<FilterStatus>();
    const pass = passOf(owner, [{ onRequestHeaders: () => promise }]);
    pass.headers(true);
    owner.over = true;
    resolve(Continue);
    await promise;
    assert.deepEqual(owner.log, []);
  });

  it('neither loses, doubles nor reorders anything, whatever filters say', async () => {
    const status = fc.constantFrom<FilterStatus>(Continue, StopAndBuffer, StopNoBuffer);
    const said = fc.record({ status, later: fc.boolean() });
    const script = fc.array(said, { maxLength: 6 });
    const chunks = fc.array(fc.constantFrom('a', 'bc', 'def'), { maxLength: 5 });
    const message = fc.record({
      chunks,
      trailers: fc.boolean(),
      resumes: fc.array(fc.option(fc.nat(2)), { maxLength: 8 }),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(script, { minLength: 1, maxLength: 3 }),
        message,
        async (scripts, { chunks, trailers, resumes }) => {
          const owner = new Recorder();
          const seen = scripts.map(() => '');
          const filters = scripts.map((script, index): StreamFilter => {
            let step = 0;
            const next = (): FilterResult => {
              const { status, later } = script[step++] ?? { status: Continue, later: false };
              return later ? Promise.resolve(status) : status;
            };
            return {
              onRequestHeaders: next,
              onRequestData: (_stream, chunk) => {
                seen[index] += chunk.toString();
                return next();
              },
            };
          });
          const pass = passOf(owner, filters);
          const maybeResume = async (index: number): Promise<void> => {
            const filter = resumes[index] ?? null;
            if (filter !== null) pass.resume(filter);
            else await new Promise((resolve) => setImmediate(resolve));
          };
          const endsWithHead = chunks.length === 0 && !trailers;
          pass.headers(endsWithHead);
          for (const [index, chunk] of chunks.entries()) {
            await maybeResume(index);
            pass.data(Buffer.from(chunk), index === chunks.length - 1 && !trailers);
          }
          if (trailers) pass.trailers(new HeaderList());
          // Whoever still holds lets go in the end.
          for (let i = 0; i < 40; i++) {
            await new Promise((resolve) => setImmediate(resolve));
            for (let filter = 0; filter < filters.length; filter++) pass.resume(filter);
          }
          assert.deepEqual(owner.faults, []);
          assert.equal(owner.log[0], endsWithHead ? 'head!' : 'head');
          const body = owner.log.slice(1, trailers ? -1 : undefined).join('');
          assert.equal(body, chunks.join('') + (endsWithHead || trailers ? '' : '!'));
          if (trailers) assert.equal(owner.log.at(-1), 'trailers');
          for (const bytes of seen) assert.equal(bytes, chunks.join(''));
          assert.equal(owner.paused, 0);
        },
      ),
      { numRuns: 300 },
    );
  });
});
