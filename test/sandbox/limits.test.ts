import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import type { Outcome } from '../../runtime/core/execution.ts';
import { MemoryPool } from '../../runtime/guest/memory-pool.ts';
import { openSandbox, type TestSandbox } from '../support/open-sandbox.ts';

const PAGE = 65_536;

/** Starts executions that sleep until they are woken; sleeping, they hold their places. */
function sleepers({ run }: TestSandbox, count: number, limits: Parameters<TestSandbox['run']>[1] = {}) {
  const caller = new AbortController();
  const running = Array.from({ length: count }, () => run('sleep', { ...limits, signal: caller.signal }));
  const wake = async (): Promise<string[]> => {
    caller.abort();
    return (await Promise.allSettled(running)).map((result) =>
      result.status === 'fulfilled' ? result.value.cause : (result.reason as { code: string }).code,
    );
  };
  return { wake };
}

/** Whether it has come to an end yet. */
function watch(running: Promise<Outcome>): { done: boolean } {
  const state = { done: false };
  running.then(
    () => (state.done = true),
    () => (state.done = true),
  );
  return state;
}

describe('executions of one function alive at once', () => {
  const limits = { functionConcurrency: 2 };

  test('are as many as it may have; further ones wait, and others pass them', async (t) => {
    const sandbox = await openSandbox(t, ['sleep', 'exit-three'], { queue: 10 });
    const stuck = sleepers(sandbox, 2, { limits });
    const third = sandbox.run('sleep', { limits: { ...limits, deadlineMs: 50 } });
    const state = watch(third);
    for (let round = 0; round < 20; round++) assert.equal((await sandbox.run('exit-three')).exitCode, 3);
    await setTimeout(150);
    assert.equal(state.done, false);
    assert.deepEqual(await stuck.wake(), ['cancelled', 'cancelled']);
    assert.equal((await third).cause, 'deadline');
  });

  test('those that wait for others of their function leave half of the queue to the rest', async (t) => {
    const sandbox = await openSandbox(t, ['sleep', 'nap'], { queue: 4, concurrency: 3 });
    const stuck = sleepers(sandbox, 4, { limits });
    await assert.rejects(sandbox.run('sleep', { limits }), { code: 'ERR_BUSY', message: /functionConcurrency/ });
    const others = Array.from({ length: 3 }, () => sandbox.run('nap'));
    await assert.rejects(sandbox.run('nap'), { code: 'ERR_BUSY', message: /limits\.queue/ });
    for (const { cause } of await Promise.all(others)) assert.equal(cause, 'exited');
    assert.deepEqual(await stuck.wake(), ['cancelled', 'cancelled', 'ERR_CANCELLED', 'ERR_CANCELLED']);
  });

  test('a request that asks for fewer holds up no other of the same function', async (t) => {
    const sandbox = await openSandbox(t, ['sleep', 'nap']);
    const alive = sleepers(sandbox, 1);
    const modest = sandbox.run('sleep', { limits: { functionConcurrency: 1, deadlineMs: 50 } });
    const state = watch(modest);
    assert.equal(
      (await sandbox.run('sleep', { limits: { functionConcurrency: 2, deadlineMs: 50 } })).cause,
      'deadline',
    );
    assert.equal(state.done, false);
    await alive.wake();
    assert.equal((await modest).cause, 'deadline');
  });

  test('one may always be, whatever was asked', async (t) => {
    const sandbox = await openSandbox(t, ['exit-three']);
    assert.equal((await sandbox.run('exit-three', { limits: { functionConcurrency: 0 } })).exitCode, 3);
  });
});

describe('the queue', () => {
  test('what needs more room than there is holds up nobody behind it, and has its turn', async (t) => {
    // Room for three pages to begin with; `large` has two.
    const sandbox = await openSandbox(t, ['sleep', 'echo', 'nap'], { memoryBytes: 6 * PAGE });
    const alive = sleepers(sandbox, 2);
    const large = sandbox.run('echo');
    const state = watch(large);
    const small = sandbox.run('nap');
    const more = sleepers(sandbox, 1);
    await setTimeout(50);
    await alive.wake();
    assert.equal((await small).cause, 'exited');
    await more.wake();
    assert.equal((await large).cause, 'exited');
    assert.equal(state.done, true);
  });

  test('what has been overtaken for long enough is next, whoever else would fit', async (t) => {
    for (const patienceMs of [Number.POSITIVE_INFINITY, 0]) {
      const sandbox = await openSandbox(t, ['sleep', 'echo', 'exit-three'], { memoryBytes: 6 * PAGE, patienceMs });
      const alive = sleepers(sandbox, 2);
      const large = sandbox.run('echo');
      const small = sandbox.run('exit-three');
      const [largeState, smallState] = [watch(large), watch(small)];
      if (patienceMs > 0) {
        assert.equal((await small).exitCode, 3);
        assert.equal(largeState.done, false);
        await alive.wake();
        assert.equal((await large).cause, 'exited');
        continue;
      }
      await setTimeout(100);
      assert.equal(smallState.done, false);
      await alive.wake();
      assert.equal((await large).cause, 'exited');
      assert.equal((await small).exitCode, 3);
    }
  });

  test('a request may ask not to wait at all', async (t) => {
    const sandbox = await openSandbox(t, ['sleep', 'exit-three'], { concurrency: 1 });
    const alive = sleepers(sandbox, 1);
    await assert.rejects(sandbox.run('exit-three', { limits: { queue: 0 } }), { code: 'ERR_BUSY' });
    const patient = sandbox.run('exit-three', { limits: { queue: 1 } });
    await alive.wake();
    assert.equal((await patient).exitCode, 3);
  });

  test('a request that asks for few neighbours waits until there are so few, and holds up nobody', async (t) => {
    const sandbox = await openSandbox(t, ['sleep', 'exit-three', 'nap']);
    const alive = sleepers(sandbox, 2);
    const shy = sandbox.run('exit-three', { limits: { concurrency: 2 } });
    const state = watch(shy);
    assert.equal((await sandbox.run('nap')).cause, 'exited');
    assert.equal(state.done, false);
    await alive.wake();
    assert.equal((await shy).exitCode, 3);
  });
});

describe('unused memories', () => {
  test('are kept up to the bytes the node allows, and up to those the execution allows', () => {
    const pool = new MemoryPool(2 * PAGE, 100 * PAGE);
    const [first, second, third] = [pool.take(1, 10), pool.take(1, 10), pool.take(1, 10)];
    pool.give(first, 0);
    assert.notEqual(pool.take(1, 10).memory, first.memory);
    pool.give(second, PAGE);
    pool.give(third, PAGE);
    assert.equal(pool.take(1, 10).memory, second.memory);
    assert.notEqual(pool.take(1, 10).memory, third.memory);
  });
});
