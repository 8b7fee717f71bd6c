import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { test } from 'node:test';
import { Peers } from '../../../bench/peer.ts';
import { sink } from '../../../bench/peers/programs.ts';

const LINUX = { skip: process.platform !== 'linux' && 'procfs is needed' };

test('a peer answers when it is handed out, is watched, and is gone afterwards', LINUX, async () => {
  let url = '';
  let pid = 0;
  {
    await using peers = new Peers();
    const peer = await peers.start(sink);
    url = peer.url('/');
    [pid = 0] = peer.pids;
    const [status, cpu] = await peer.cpuDuring(async () => (await fetch(url, { method: 'PUT', body: 'abc' })).status);
    assert.equal(status, 200);
    assert.ok(cpu.total > 0);
    process.kill(pid, 0);
  }
  assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' });
  await assert.rejects(fetch(url));
});

test(
  'a program that ends or does not exist is refused with what it printed, and its files are removed',
  LINUX,
  async () => {
    let directory = '';
    {
      await using peers = new Peers();
      const failing = {
        name: 'failing',
        prepare: async (setting: { directory: string }) => {
          directory = dirname(setting.directory);
          return [process.execPath, '-e', 'console.error("no such cluster"); process.exit(3)'];
        },
      };
      await assert.rejects(peers.start(failing), /failing ended with 3: no such cluster/);
      const absent = { name: 'absent', prepare: async () => ['/nonexistent/program'] };
      await assert.rejects(peers.start(absent), /absent cannot be started \(.*ENOENT/);
      assert.ok(existsSync(directory));
    }
    assert.ok(!existsSync(directory));
  },
);
