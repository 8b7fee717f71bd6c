import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import {
  type CpuReading,
  cpuBetween,
  peakMemory,
  processTree,
  readCpu,
  resetPeak,
  residentMemory,
} from '../../../bench/process-usage.ts';

const LINUX = { skip: process.platform !== 'linux' && 'procfs is needed' };

function reading(threads: Record<string, number>, user: number, system: number): CpuReading {
  return { threads: new Map(Object.entries(threads)), user: user * 1e6, system: system * 1e6 };
}

test('run time is the sum over the threads, a new thread counts from zero', () => {
  const used = cpuBetween(reading({ 1: 5e8 }, 400, 100), reading({ 1: 6.04e8, 2: 2e6 }, 480, 120));
  assert.equal(used.total, 1.06e8);
  assert.equal(used.user, 1.06e8 * 0.8);
  assert.ok(Math.abs(used.system - 1.06e8 * 0.2) < 1);
});

test('what a thread used that has ended is taken from the clock of the process', () => {
  const used = cpuBetween(reading({ 1: 0, 2: 9e8 }, 900, 0), reading({ 1: 1e8 }, 2000, 0));
  assert.equal(used.total, 1.08e9, '1,100 ms less two ticks');
});

test('nothing used is nothing', () => {
  assert.deepEqual(cpuBetween(reading({ 1: 7 }, 10, 10), reading({ 1: 7 }, 10, 10)), { total: 0, user: 0, system: 0 });
});

test('agrees with what a process says of itself', LINUX, async () => {
  const program = `
    process.stdin.once('data', () => {
      const before = process.cpuUsage();
      for (let i = 0, used = 0; used < 3e5; i++) { const { user, system } = process.cpuUsage(before); used = user + system; }
      const { user, system } = process.cpuUsage(before);
      process.stdout.write(String(user + system));
      setInterval(() => {}, 1e6);
    });
    process.stdout.write('ready');`;
  const child = spawn(process.execPath, ['-e', program], { stdio: ['pipe', 'pipe', 'inherit'] });
  try {
    await once(child.stdout, 'data');
    const pid = child.pid as number;
    const before = readCpu(pid);
    child.stdin.write('go');
    const [text] = (await once(child.stdout, 'data')) as [Buffer];
    const measured = cpuBetween(before, readCpu(pid)).total / 1e3;
    assert.ok(measured > Number(text) * 0.9, `${measured} µs against ${text} µs`);
    assert.ok(measured < Number(text) * 1.5, `${measured} µs against ${text} µs`);
  } finally {
    child.kill('SIGKILL');
  }
});

test('a process tree holds the children of children', LINUX, async () => {
  const shell = spawn('sh', ['-c', 'sh -c "echo \\$\\$; read line; true"; true'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  try {
    const [text] = (await once(shell.stdout, 'data')) as [Buffer];
    assert.deepEqual(processTree(shell.pid as number), [shell.pid, Number(text)]);
  } finally {
    shell.stdin.end();
  }
});

test('the peak remembers memory that was given back, until it is started anew', LINUX, async () => {
  const size = 64 * 2 ** 20;
  const program = `Buffer.alloc(${size}, 1); gc(); setInterval(() => {}, 1e6); process.stdout.write('released');`;
  const child = spawn(process.execPath, ['--expose-gc', '-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    await once(child.stdout, 'data');
    const pids = [child.pid as number];
    const resident = residentMemory(pids);
    assert.ok(peakMemory(pids) >= resident + size / 2, `${peakMemory(pids)} against ${resident}`);
    resetPeak(pids);
    assert.ok(peakMemory(pids) < resident + size / 4, `${peakMemory(pids)} against ${resident}`);
  } finally {
    child.kill('SIGKILL');
  }
});
