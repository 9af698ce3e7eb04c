import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { openSandbox } from '../support/open-sandbox.ts';

test('a thread that has run a guest of its own for practice says nothing of it, and counts nothing', async (t) => {
  const { run, log } = await openSandbox(t, ['exit-three'], { concurrency: 1, queue: 0 });
  await setTimeout(100);
  const { cause, exitCode, usage } = await run('exit-three');
  assert.deepEqual([cause, exitCode, usage.hostCalls], ['exited', 3, 3]);
  assert.deepEqual(log, []);
});
