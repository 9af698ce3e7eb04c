import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { birthOf } from '../../../runtime/cli/local/birth.ts';
import { endProcess } from '../../../runtime/cli/local/end-process.ts';
import type { ProcessRecord } from '../../../runtime/cli/local/record.ts';

function recordOf({ pid = 0 }: ChildProcess): ProcessRecord {
  const birth = birthOf(pid) ?? '';
  return { version: 1, pid, birth, since: '', url: null, p2p: null, peerId: null, topics: [], options: {} };
}

/** A shell that leads its group, once it has printed. */
async function shell(script: string): Promise<ChildProcess> {
  const child = spawn('sh', ['-c', `${script}; echo ready; while :; do sleep 0.05; done`], {
    detached: true,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  process.once('exit', () => child.kill('SIGKILL'));
  await once(child.stdout ?? child, 'data');
  return child;
}

test('a process is told to end, and killed where it goes on', async () => {
  const willing = await shell('trap "exit 3" TERM');
  assert.equal(await endProcess(recordOf(willing)), 'ended');
  assert.equal(willing.exitCode ?? (await once(willing, 'exit'))[0], 3);

  const deaf = await shell('trap "" TERM');
  const record = recordOf(deaf);
  const ended = once(deaf, 'exit');
  assert.equal(await endProcess(record, 50), 'killed');
  assert.deepEqual(await ended, [null, 'SIGKILL']);
  assert.equal(await endProcess(record), 'gone');
});

test('what it started in its group ends with it', async () => {
  const leader = spawn('sh', ['-c', 'sleep 600 & p=$!; trap "exit 0" TERM; echo $p; while :; do sleep 0.05; done'], {
    detached: true,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const [printed] = await once(leader.stdout, 'data');
  const pid = Number(String(printed));
  assert.notEqual(birthOf(pid), undefined);
  assert.equal(await endProcess(recordOf(leader)), 'ended');
  for (const until = Date.now() + 30_000; birthOf(pid) !== undefined; await sleep(5)) {
    assert.ok(Date.now() < until, 'it goes on');
  }
});

test('somebody else who has its number by now is never signalled', async () => {
  const stranger = await shell('trap "exit 3" TERM');
  const stale = { ...recordOf(stranger), birth: 'another time' };
  assert.equal(await endProcess(stale, 50), 'gone');
  assert.equal(stranger.exitCode, null);
  assert.equal(await endProcess(recordOf(stranger)), 'ended');
});
