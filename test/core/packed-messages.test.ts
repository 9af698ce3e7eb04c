import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NO_USAGE, type Outcome } from '../../runtime/core/execution.ts';
import {
  packFromSandbox,
  packOutcomes,
  packRuns,
  unpackFromSandbox,
  unpackOutcomes,
  unpackRuns,
} from '../../runtime/core/packed-messages.ts';
import type { RunMessage, ToSandbox } from '../../runtime/core/sandbox-messages.ts';

const NOTHING: Omit<ToSandbox, 'runs'> = {
  ...{ functions: [], grants: [], files: [], cancels: [] },
  ...{ droppedFunctions: [], droppedGrants: [], droppedFiles: [] },
};
const TEXTS = ['a.wasm', '', 'ü\u0000"\\', '\ud800 alone', '__proto__'];

function outcome(stdout: Uint8Array, stderr: Uint8Array): Outcome {
  const usage = { ...NO_USAGE, wallMs: 0.1 + 0.2, fuel: Number.MAX_SAFE_INTEGER, bytesOut: stdout.length };
  const ending = { cause: 'trapped', exitCode: 11, message: 'unreachable "x"' } as const;
  return { ...ending, stdout, stderr, stdoutTruncated: true, stderrTruncated: false, usage };
}

/** Across a thread boundary. */
const sent = <T>(value: T): T => structuredClone(value);

test('executions to start arrive as they were sent, alone and beside other news', () => {
  const run: RunMessage = [7, 1, 2, TEXTS, TEXTS, null, 0, 3];
  for (const message of [
    { ...NOTHING, runs: [run] },
    { ...NOTHING, runs: [] },
    { ...NOTHING, runs: [run], cancels: [4] },
    { ...NOTHING, runs: [run], droppedGrants: [9] },
    { ...NOTHING, runs: [run], traced: [7] },
    { ...NOTHING, runs: [[8, 1, 2, [], [], Uint8Array.of(1, 255), -1, 4] as const, run] },
  ]) {
    assert.deepEqual(unpackRuns(sent(packRuns(message))), message);
  }
});

test('outcomes arrive with every byte of their output, small and large', () => {
  const every = Uint8Array.from({ length: 256 }, (_, at) => at);
  const large = Uint8Array.from({ length: 100_000 }, (_, at) => at * 7);
  const none = new Uint8Array(0);
  const outcomes = [
    [1, outcome(every, none)],
    [2, outcome(none, every)],
    [3, outcome(large, every)],
    [4, outcome(every, large)],
    [0x7fff_ffff, outcome(none, none)],
  ] as const;
  const message = sent(packFromSandbox({ ...packOutcomes(outcomes), logs: [] }));
  assert.deepEqual(unpackOutcomes(unpackFromSandbox(message)), outcomes);
  const small = sent(packFromSandbox({ ...packOutcomes(outcomes.slice(0, 2)), logs: [] }));
  assert.equal(typeof small, 'string');
  assert.deepEqual(unpackOutcomes(unpackFromSandbox(small)), outcomes.slice(0, 2));
  assert.deepEqual(unpackOutcomes(unpackFromSandbox(sent(packFromSandbox({ ...packOutcomes([]), logs: [] })))), []);
});

test('lines and questions arrive with the outcomes', () => {
  const message = { ...packOutcomes([]), logs: ['a line'], requests: [[1, 2, 'cgi.list', null] as const] };
  assert.deepEqual(unpackFromSandbox(sent(packFromSandbox(message))), message);
});
