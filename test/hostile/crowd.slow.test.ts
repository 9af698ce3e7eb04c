import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InferbaseError } from '../../runtime/core/errors.ts';
import { openTestRuntime, runPrepared } from '../support/run-guest.ts';
import { guest } from '../support/wat.ts';

test('2 000 executions at once, half of which spin: those end at their deadline, the others at their own end', async (t) => {
  const runtime = await openTestRuntime({ 'sandbox.threads': 2, 'limits.queue': 2_000 });
  t.after(() => runtime.close());
  const prepare = async (name: string) => runtime.store.prepareFile(await guest(name), `${name}.wasm`);
  const [spin, quick] = await Promise.all([prepare('spin-and-catch'), prepare('exit-three')]);
  const ends = await Promise.all(
    Array.from({ length: 2_000 }, (_, index) =>
      runPrepared(runtime, index % 2 === 0 ? spin : quick, { limits: index % 2 === 0 ? { deadlineMs: 3_000 } : {} }),
    ),
  );
  const counts = new Map<string, number>();
  for (const { cause, exitCode } of ends) {
    const key = `${cause} ${exitCode}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  assert.deepEqual([...counts].toSorted(), [
    ['deadline 15', 1_000],
    ['exited 3', 1_000],
  ]);
});

test('15 000 executions that park at once: as many as there is room for, the rest are told to come back', async (t) => {
  const runtime = await openTestRuntime({ 'sandbox.threads': 2, 'limits.concurrency': 12_000, 'limits.queue': 1_000 });
  t.after(() => runtime.close());
  const sleep = await runtime.store.prepareFile(await guest('sleep'), 'sleep.wasm');
  const ends = await Promise.all(
    Array.from({ length: 15_000 }, () =>
      runPrepared(runtime, sleep, { limits: { deadlineMs: 8_000 } }).then(
        ({ cause }) => cause,
        (error: unknown) => (error instanceof InferbaseError ? error.code : String(error)),
      ),
    ),
  );
  assert.deepEqual([...new Set(ends)].toSorted(), ['ERR_BUSY', 'deadline']);
  assert.ok(ends.filter((end) => end === 'deadline').length >= 1_000);
  assert.equal(
    (await runPrepared(runtime, await runtime.store.prepareFile(await guest('exit-three'), 'x.wasm'))).exitCode,
    3,
  );
});
