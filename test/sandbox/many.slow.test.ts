import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Outcome } from '../../runtime/core/execution.ts';
import { openSandbox } from '../support/open-sandbox.ts';

/** How often each way of ending is among them. */
function count(outcomes: readonly Outcome[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { cause, exitCode } of outcomes) {
    const key = `${cause} ${exitCode}`;
    counts[key] = (counts[key] ?? 0) + 1;
  }
  return counts;
}

const times = <T>(count: number, make: () => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, make));

test('15 000 guests that wait at once do not end the process: some of them wait for a place', async (t) => {
  const { run } = await openSandbox(t, ['half-second', 'exit-three'], {
    threads: 2,
    concurrency: 12_000,
    queue: 20_000,
  });
  const limits = { concurrency: 12_000, functionConcurrency: 12_000, queue: 20_000 };
  assert.deepEqual(count(await times(15_000, () => run('half-second', { limits }))), { 'exited 0': 15_000 });
  assert.equal((await run('exit-three')).exitCode, 3);
});

test('a thousand guests that wait some 900 KB deep come back up', async (t) => {
  const { run } = await openSandbox(t, ['nap-deep', 'exit-three'], { concurrency: 2_000 });
  const stdin = Uint8Array.of(20);
  for (let round = 0; round < 2; round++) {
    assert.deepEqual(count(await times(1_000, () => run('nap-deep', { input: { stdin } }))), { 'exited 9': 1_000 });
  }
  assert.equal((await run('exit-three')).exitCode, 3);
});

test('of 2 000 executions at once half spin: those end with deadline, the others as they like', async (t) => {
  const { run } = await openSandbox(t, ['spin', 'nap'], { threads: 2, concurrency: 2_000 });
  const limits = { deadlineMs: 5_000 };
  const [spun, napped] = await Promise.all([
    times(1_000, () => run('spin', { limits })),
    times(1_000, () => run('nap', { limits: { deadlineMs: 60_000 } })),
  ]);
  assert.deepEqual(count(spun), { 'deadline 15': 1_000 });
  assert.deepEqual(count(napped), { 'exited 0': 1_000 });
});

test('thousands of executions that are killed while they wait leave room for as many again', async (t) => {
  const { run } = await openSandbox(t, ['sleep', 'exit-three'], { concurrency: 3_000 });
  for (let round = 0; round < 5; round++) {
    const outcomes = await times(3_000, () => run('sleep', { limits: { deadlineMs: 300 } }));
    assert.deepEqual(count(outcomes), { 'deadline 15': 3_000 });
  }
  assert.equal((await run('exit-three')).exitCode, 3);
});
