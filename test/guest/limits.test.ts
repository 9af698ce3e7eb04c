import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { LIMIT_NAMES, type Limits } from '../../runtime/core/limits.ts';
import { type GuestResult, openTestRuntime, runIn } from '../support/run-guest.ts';
import { guest } from '../support/wat.ts';

type TestRuntime = Awaited<ReturnType<typeof openTestRuntime>>;
let runtime: TestRuntime;

before(async () => {
  runtime = await openTestRuntime();
});
after(() => runtime.close());

/** A guest that goes past the limit if it can, a value for it, and how it is to end: cause, exit code, bytes it printed. */
type Row = readonly [limit: keyof Limits, guest: string, value: number, end: readonly [string, number, number]];

const HOSTILE: readonly Row[] = [
  ['fuel', 'spin', 1_000_000, ['fuel', 1, 0]],
  ['deadlineMs', 'spin', 50, ['deadline', 15, 0]],
  ['memoryPages', 'allocate-for-ever', 3, ['memory', 11, 0]],
  ['stdoutBytes', 'print-past-cap', 1_000_000, ['exited', 0, 1_000_000]],
  ['stdoutBytes', 'print-for-ever', 1_000, ['output', 255, 1_000]],
  ['stderrBytes', 'print-byte-by-byte', 20_000, ['exited', 0, 1_048_576 + 20_000]],
  ['hostCalls', 'call-for-ever', 1_000, ['calls', 255, 0]],
  ['handles', 'open-for-ever', 7, ['exited', 7, 0]],
  ['handles', 'open-for-ever', 0, ['exited', 0, 0]],
  ['fileBytes', 'fill-a-file', 10 * 4096, ['exited', 10, 0]],
];

describe('a hostile guest stays within', () => {
  for (const [limit, name, value, end] of HOSTILE) {
    test(`${limit} of ${value}: ${name}`, async () => {
      const result: GuestResult = await runIn(runtime, await guest(name), { limits: { [limit]: value } });
      const printed = result.stdoutBytes.length + result.stderr.length;
      assert.deepEqual([result.cause, result.exitCode, printed], end, result.message);
    });
  }

  test('every limit is tested somewhere', () => {
    // Elsewhere: execute.test.ts (stdinBytes), http.test.ts (bodyBytes), sandbox/limits.test.ts (the rest).
    const elsewhere = ['stdinBytes', 'bodyBytes', 'functionConcurrency', 'concurrency', 'queue', 'poolBytes'];
    const here = HOSTILE.map(([limit]) => limit);
    assert.deepEqual([...new Set([...here, ...elsewhere])].sort(), [...LIMIT_NAMES].sort());
  });
});

describe('usage', () => {
  test('tells bytes in and out: standard input that was read, standard output that was written', async () => {
    const stdin = 'x'.repeat(10_000);
    const { usage } = await runIn(runtime, await guest('echo'), { stdin });
    assert.deepEqual([usage.bytesIn, usage.bytesOut], [10_000, 10_000]);
  });

  test('counts output that was dropped', async () => {
    const { usage, stdoutBytes } = await runIn(runtime, await guest('print-past-cap'));
    assert.deepEqual([usage.bytesOut, stdoutBytes.length], [2_097_152, 1_048_576]);
  });
});
