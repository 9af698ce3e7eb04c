import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { InferbaseError } from '../../runtime/core/errors.ts';
import type { StoredFunction } from '../../runtime/store/store.ts';
import { openTestRuntime, runPrepared } from '../support/run-guest.ts';
import { guest } from '../support/wat.ts';

type TestRuntime = Awaited<ReturnType<typeof openTestRuntime>>;

async function open(t: TestContext, flags: Record<string, unknown> = {}): Promise<TestRuntime> {
  const runtime = await openTestRuntime(flags);
  t.after(() => runtime.close());
  return runtime;
}

const prepare = async (runtime: TestRuntime, name: string): Promise<StoredFunction> =>
  runtime.store.prepareFile(await guest(name), `${name}.wasm`);

describe('a guest that spins', () => {
  test('ends with deadline by itself, its neighbours go on, and requests are served meanwhile', async (t) => {
    const runtime = await open(t);
    const [spin, sleep, nap, quick] = await Promise.all([
      prepare(runtime, 'spin'),
      prepare(runtime, 'sleep'),
      prepare(runtime, 'nap'),
      prepare(runtime, 'exit-three'),
    ]);
    const caller = new AbortController();
    const neighbour = runPrepared(runtime, sleep, { signal: caller.signal });
    await runPrepared(runtime, nap);
    let spinning = true;
    const spinner = runPrepared(runtime, spin, { signal: caller.signal }).finally(() => {
      spinning = false;
    });
    for (let round = 0; round < 5; round++) assert.equal((await runPrepared(runtime, quick)).exitCode, 3);
    assert.equal((await runPrepared(runtime, nap)).cause, 'exited');
    const spun = await runPrepared(runtime, spin, { limits: { deadlineMs: 200 } });
    assert.ok(spinning);
    assert.deepEqual([spun.cause, spun.exitCode], ['deadline', 15]);
    assert.ok(spun.usage.fuel > 100_000 && spun.usage.cpuMs > 1);
    assert.equal((await runPrepared(runtime, quick)).exitCode, 3);
    caller.abort();
    for (const ended of [neighbour, spinner]) assert.equal((await ended).cause, 'cancelled');
  });

  test('does not take along executions that had not started', async (t) => {
    const runtime = await open(t);
    const [spin, quick] = await Promise.all([prepare(runtime, 'spin'), prepare(runtime, 'exit-three')]);
    await runPrepared(runtime, quick);
    const spinning = runPrepared(runtime, spin, { limits: { deadlineMs: 100 } });
    // Sent behind the spinner, so they start only after it.
    const waiting = await Promise.all(Array.from({ length: 5 }, () => runPrepared(runtime, quick)));
    assert.equal((await spinning).cause, 'deadline');
    for (const result of waiting) assert.deepEqual([result.cause, result.exitCode], ['exited', 3]);
  });

  test('does not keep others from being cancelled', async (t) => {
    const runtime = await open(t);
    const [spin, sleep] = await Promise.all([prepare(runtime, 'spin'), prepare(runtime, 'sleep')]);
    const caller = new AbortController();
    const spinning = runPrepared(runtime, spin, { limits: { deadlineMs: 300 } });
    const waiting = runPrepared(runtime, sleep, { signal: caller.signal, limits: { deadlineMs: 2_000 } });
    setTimeout(() => caller.abort(), 50);
    assert.equal((await waiting).cause, 'cancelled');
    assert.equal((await spinning).cause, 'deadline');
  });
});

describe('the queue', () => {
  test('holds what finds no place, refuses what finds no place in it, and drops what its caller gave up', async (t) => {
    const runtime = await open(t, { 'limits.concurrency': 1, 'limits.queue': 1 });
    const [sleep, quick] = await Promise.all([prepare(runtime, 'sleep'), prepare(runtime, 'exit-three')]);
    const caller = new AbortController();
    const running = runPrepared(runtime, sleep, { signal: caller.signal });
    const impatient = new AbortController();
    const queued = runPrepared(runtime, quick, { signal: impatient.signal });
    await assert.rejects(runPrepared(runtime, quick), (error: unknown) => {
      assert.ok(error instanceof InferbaseError);
      assert.equal(error.code, 'ERR_BUSY');
      assert.match(error.message, /limits\.queue/);
      return true;
    });
    impatient.abort();
    await assert.rejects(queued, { code: 'ERR_CANCELLED' });
    const patient = runPrepared(runtime, quick);
    caller.abort();
    assert.equal((await running).cause, 'cancelled');
    assert.equal((await patient).exitCode, 3);
  });
});

test('closing ends what runs and refuses what comes', async (t) => {
  const runtime = await open(t);
  const [sleep, nap] = await Promise.all([prepare(runtime, 'sleep'), prepare(runtime, 'nap')]);
  const running = runPrepared(runtime, sleep);
  await runPrepared(runtime, nap);
  await runtime.close();
  assert.equal((await running).cause, 'interrupted');
  await assert.rejects(runPrepared(runtime, nap), { code: 'ERR_CLOSED' });
});

test('hundreds of sleeping guests share one thread', async (t) => {
  const runtime = await open(t);
  const nap = await prepare(runtime, 'nap');
  const results = await Promise.all(Array.from({ length: 500 }, () => runPrepared(runtime, nap)));
  assert.ok(results.every(({ cause, exitCode }) => cause === 'exited' && exitCode === 0));
});
