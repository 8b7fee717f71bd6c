import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseWrk } from '../../../bench/wrk.ts';

const OUTPUT = `Running 2s test @ http://127.0.0.1:20000/
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.36ms  502.33us  12.01ms   88.20%
    Req/Sec    45.50k     2.01k   48.00k    75.00%
  Latency Distribution
     50%  920.00us
     75%    1.52ms
     90%    1.81ms
     99%    1.02s
  91006 requests in 2.10s, 20.31MB read
Requests/sec:  43336.19
Transfer/sec:      9.67MB
`;

test('requests, time and latencies are read in their units', () => {
  const work = parseWrk(OUTPUT);
  assert.deepEqual(work, { amount: 91006, seconds: 2.1, p50: 0.92, p99: 1020 });
});

test('a run with failed requests is refused', () => {
  const after = (line: string) => OUTPUT.replace('Requests/sec', `${line}\nRequests/sec`);
  assert.throws(() => parseWrk(after('  Non-2xx or 3xx responses: 3')), /Non-2xx or 3xx responses: 3/);
  assert.throws(
    () => parseWrk(after('  Socket errors: connect 0, read 1, write 0, timeout 0')),
    /Socket errors: connect 0, read 1/,
  );
});

test('other output is refused', () => {
  assert.throws(() => parseWrk('unable to connect'), /something unexpected/);
});
