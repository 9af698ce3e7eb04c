import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Outcome } from '../../runtime/core/execution.ts';
import { placesOf, THREAD_PLACES } from '../../runtime/sandbox/sandbox-thread.ts';
import { loadGuest, openSandbox } from '../support/open-sandbox.ts';
import { openTestRuntime, runPrepared } from '../support/run-guest.ts';
import { guest } from '../support/wat.ts';

const MIB = 1_048_576;
const NO_INPUT = { args: [], env: [], stdin: new Uint8Array(0) };

/** A sandbox of one thread in which one guest can be run again and again. */
async function open(t: TestContext, name: string, memoryBytes: number): Promise<() => Promise<Outcome>> {
  const sandbox = await openSandbox(t, [name], { memoryBytes });
  return () => sandbox.run(name);
}

test('guests that sleep on all the memory they can get leave the machine some, and what they had comes back', async (t) => {
  const sandbox = await openSandbox(t, ['fill-and-sleep'], { memoryBytes: 64 * MIB });
  for (let round = 0; round < 2; round++) {
    const caller = new AbortController();
    let refused = 0;
    const { promise: most, resolve } = Promise.withResolvers<void>();
    const running = Array.from({ length: 20 }, async () => {
      const { cause } = await sandbox.run('fill-and-sleep', { signal: caller.signal });
      if (cause === 'memory' && ++refused === 16) resolve();
      return cause;
    });
    // Those that got it sleep on.
    await most;
    caller.abort();
    const causes = await Promise.all(running);
    const asleep = causes.filter((cause) => cause === 'cancelled').length;
    assert.ok(asleep >= 1 && asleep <= 4, String(asleep));
    assert.equal(causes.filter((cause) => cause === 'memory').length, 20 - asleep);
  }
});

test('memories that grew and ended do not pile up until the heap happens to need a collection', async (t) => {
  const run = await open(t, 'fill-and-leave', 1_024 * MIB);
  await run();
  const before = process.memoryUsage().rss;
  let most = 0;
  for (let round = 0; round < 130; round++) {
    assert.equal((await run()).cause, 'exited');
    most = Math.max(most, process.memoryUsage().rss - before);
  }
  assert.ok(most < 700 * MIB, `${Math.round(most / MIB)} MiB`);
});

test('an execution with a large input takes more of its thread', async () => {
  const entry = await loadGuest('exit-three');
  const places = (env: readonly (readonly [string, string])[]) =>
    placesOf({ function: entry, context: { ...NO_INPUT, env } });
  assert.equal(places([['A', 'x'.repeat(1_000)]]), 1);
  assert.ok(places([['A', 'x'.repeat(8 * MIB)]]) > 200);
  assert.equal(places([['A', 'x'.repeat(400 * MIB)]]), THREAD_PLACES);
});

test('nothing of the input of an execution stays behind when it is over', async (t) => {
  const runtime = await openTestRuntime();
  t.after(() => runtime.close());
  const found = await runtime.store.prepareFile(await guest('exit-three'), 'exit-three.wasm');
  // Together past the heap of a thread.
  for (let round = 0; round < 80; round++) {
    const { cause } = await runPrepared(runtime, found, { env: [['ROUND', `${round}`.repeat(4 * MIB)]] });
    assert.equal(cause, 'exited');
  }
  assert.deepEqual(
    runtime.logLines.filter((line) => line.includes('failed')),
    [],
  );
});
