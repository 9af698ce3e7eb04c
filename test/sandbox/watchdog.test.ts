import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Outcome } from '../../runtime/core/execution.ts';
import { DEFAULT_LIMITS } from '../../runtime/core/limits.ts';
import { NO_PERMISSIONS } from '../../runtime/core/permissions.ts';
import { createSandbox } from '../../runtime/sandbox/sandbox.ts';
import { prepareModule } from '../../runtime/wasm/prepare.ts';
import { guest } from '../support/wat.ts';

type RunGuest = (name: string, deadlineMs: number, signal?: AbortSignal) => Promise<Outcome>;

/** A sandbox of one thread whose slices last for seconds: a guest that spins in it holds the CPU. */
async function open(t: TestContext, names: readonly string[]): Promise<RunGuest> {
  const init = { threads: 1, concurrency: 100, queue: 100, upstreams: {}, memoryPages: 256, sliceFuel: 2_000_000_000 };
  const sandbox = createSandbox({
    processes: false,
    services: { ask: () => Promise.reject(new Error('none')), release: () => {} },
    ...init,
    log: () => {},
  });
  t.after(() => sandbox.close());
  await sandbox.ready;
  const entries = new Map(
    await Promise.all(
      names.map(async (name) => {
        const { facts, bytes } = prepareModule(await guest(name));
        return [name, { module: new WebAssembly.Module(bytes), facts: { ...facts, entry: '_start' } }] as const;
      }),
    ),
  );
  return (name, deadlineMs, signal) => {
    const entry = entries.get(name);
    assert.ok(entry);
    const grant = { limits: { ...DEFAULT_LIMITS, deadlineMs }, permissions: NO_PERMISSIONS };
    return sandbox.run(entry, grant, { args: [], env: [], stdin: new Uint8Array(0) }, signal);
  };
}

test('a guest that holds the CPU ends with deadline, its parked neighbours with interrupted', async (t) => {
  const run = await open(t, ['spin-slowly', 'sleep', 'nap', 'exit-three']);
  const neighbour = run('sleep', 20_000);
  await run('nap', 20_000);
  const [spun, interrupted] = await Promise.all([run('spin-slowly', 100), neighbour]);
  assert.deepEqual([spun.cause, spun.exitCode], ['deadline', 15]);
  assert.deepEqual([interrupted.cause, interrupted.exitCode], ['interrupted', 12]);
  assert.match(interrupted.message, /again/);
  assert.equal((await run('exit-three', 20_000)).exitCode, 3);
});

test('it does not take along executions that had not started', async (t) => {
  const run = await open(t, ['spin-slowly', 'exit-three']);
  await run('exit-three', 20_000);
  const spinning = run('spin-slowly', 100);
  const waiting = await Promise.all(Array.from({ length: 5 }, () => run('exit-three', 20_000)));
  assert.equal((await spinning).cause, 'deadline');
  for (const result of waiting) assert.deepEqual([result.cause, result.exitCode], ['exited', 3]);
});

test('nor does it let an execution start that its caller gave up meanwhile', async (t) => {
  const run = await open(t, ['spin-slowly', 'sleep']);
  const caller = new AbortController();
  const spinning = run('spin-slowly', 200);
  const waiting = run('sleep', 2_000, caller.signal);
  setTimeout(() => caller.abort(), 50);
  assert.equal((await spinning).cause, 'deadline');
  const { cause, usage } = await waiting;
  assert.deepEqual([cause, usage.hostCalls], ['cancelled', 0]);
});
