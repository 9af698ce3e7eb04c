import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { InferbaseError } from '../../runtime/core/errors.ts';
import { type GuestOptions, openTestRuntime, runIn } from '../support/run-guest.ts';
import { guest } from '../support/wat.ts';

let runtime: Awaited<ReturnType<typeof openTestRuntime>>;
before(async () => {
  runtime = await openTestRuntime();
});
after(() => runtime.close());

type Row = readonly [name: string, cause: string, exitCode: number, options?: GuestOptions];

/** Guests of a kind, each with the end it must come to. Others are in the tests of what they attack. */
const ROWS: Readonly<Record<string, readonly Row[]>> = {
  spins: [
    ['spin-in-a-callback', 'deadline', 15, { limits: { deadlineMs: 50 } }],
    ['spin-in-a-callback', 'fuel', 1, { limits: { fuel: 1_000_000 } }],
  ],
  parks: [
    ['park-15000-times', 'exited', 0],
    ['park-15000-times', 'calls', 255, { limits: { hostCalls: 14_000 } }],
    ['park-deep', 'exited', 0],
    ['park-deep', 'deadline', 15, { limits: { deadlineMs: 20 } }],
  ],
  grows: [['grow-tables-for-ever', 'exited', 0]],
  prints: [
    ['print-for-ever-on-stderr', 'output', 255],
    ['trace-for-ever', 'output', 255],
    ['write-files-for-ever', 'fuel', 1, { limits: { fuel: 30_000_000 } }],
  ],
  'uses what it should not': [
    ['use-closed-streams', 'exited', 0],
    ['use-every-descriptor-as-socket', 'exited', 0],
    ['raise-every-signal', 'exited', 0],
    ['swap-links-for-ever', 'exited', 0],
    ['open-wild-paths', 'exited', 0],
    ['open-ten-thousand', 'exited', 0],
    ['open-ten-thousand', 'exited', 0, { limits: { handles: 1_000_000 } }],
  ],
};

for (const [what, rows] of Object.entries(ROWS)) {
  describe(`a guest that ${what}`, () => {
    for (const [name, cause, exitCode, options] of rows) {
      test(`${name}: ${cause}, exit code ${exitCode}`, async () => {
        const result = await runIn(runtime, await guest(name), options);
        assert.deepEqual([result.cause, result.exitCode], [cause, exitCode], result.message);
        assert.equal((await runIn(runtime, await guest('exit-three'))).exitCode, 3, 'the next one runs');
      });
    }
  });
}

for (const [name, message] of [
  ['import-externref', /proc_exit/],
  ['import-valueof', /valueOf/],
] as const) {
  test(`${name} is refused by name`, async () => {
    await assert.rejects(runIn(runtime, await guest(name)), (error: unknown) => {
      return error instanceof InferbaseError && error.code === 'ERR_INVALID_MODULE' && message.test(error.message);
    });
  });
}

test('forty guests parked 5 000 calls deep at once come back', async () => {
  const deep = await guest('park-deep');
  const outcomes = await Promise.all(Array.from({ length: 40 }, () => runIn(runtime, deep)));
  for (const { cause, exitCode } of outcomes) assert.deepEqual([cause, exitCode], ['exited', 0]);
});

test('names of variables with separators in them stay one variable, or none', async () => {
  const env = [
    ['A;B', '1'],
    ['C\nD', '2'],
    ['E=F', '3'],
    ['', '4'],
    ['G', 'x\nH=5;I="6"'],
  ] as const;
  const json = (await runIn(runtime, await guest('show-environment'), { env })).stdout;
  assert.deepEqual(JSON.parse(json), Object.fromEntries(env));
  const entries = (await runIn(runtime, await guest('show-all'), { env })).stdout.split('\0');
  assert.deepEqual(entries.slice(1, -1), ['A;B=1', 'C\nD=2', 'G=x\nH=5;I="6"']);
});
