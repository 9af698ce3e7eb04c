import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type GuestOptions, type GuestResult, openTestRuntime, runIn } from '../support/run-guest.ts';
import { guest, wat } from '../support/wat.ts';

type TestRuntime = Awaited<ReturnType<typeof openTestRuntime>>;
let runtime: TestRuntime;

before(async () => {
  runtime = await openTestRuntime();
});
after(() => runtime.close());

/** The three ways the host calls into a guest, in the order they run, and the letter each prints here. */
const PARTS = ['start', '_initialize', '_start'] as const;
type Part = (typeof PARTS)[number];

/** A module with all three parts; each prints its letter, and `code` runs in one of them first. */
async function run(part: Part, code: string, options: GuestOptions = {}): Promise<GuestResult> {
  const body = (name: Part, letter: number): string =>
    `${name === part ? code : ''} (call $print (i32.const ${letter}))`;
  const bytes = await wat(`(module
    (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (memory (export "memory") 1)
    (func $print (param $letter i32)
      (i32.store (i32.const 200) (local.get $letter))
      (i32.store (i32.const 204) (i32.const 200))
      (i32.store (i32.const 208) (i32.const 1))
      (drop (call $fd_write (i32.const 1) (i32.const 204) (i32.const 1) (i32.const 212))))
    (func $nap
      (i32.store (i32.const 16) (i32.const 1))
      (i64.store (i32.const 24) (i64.const 5000000))
      (drop (call $poll (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 128))))
    (func $deeper (call $deeper) (call $deeper))
    (func $begin ${body('start', 115)})
    (start $begin)
    (func (export "_initialize") ${body('_initialize', 105)})
    (func (export "_start") ${body('_start', 101)}))`);
  return runIn(runtime, bytes, options);
}

describe('the start section, _initialize and _start of a guest', () => {
  test('run in this order, once each', async () => {
    assert.equal((await run('start', '')).stdout, 'sie');
  });

  for (const [index, part] of PARTS.entries()) {
    const before = 'sie'.slice(0, index);

    test(`${part} may wait, and the rest goes on from there`, async () => {
      const result = await run(part, '(call $nap) (call $nap)');
      assert.deepEqual([result.cause, result.exitCode, result.stdout], ['exited', 0, 'sie']);
    });

    test(`${part} may exit, and nothing runs after it`, async () => {
      const result = await run(part, '(call $exit (i32.const 4))');
      assert.deepEqual([result.cause, result.exitCode, result.stdout], ['exited', 4, before]);
    });

    test(`${part} may trap, and nothing runs after it`, async () => {
      const result = await run(part, '(unreachable)');
      assert.deepEqual([result.cause, result.exitCode, result.stdout], ['trapped', 11, before]);
    });

    test(`${part} that never ends is ended`, async () => {
      const result = await run(part, '(loop $again (br $again))', { limits: { deadlineMs: 50 } });
      assert.deepEqual([result.cause, result.stdout], ['deadline', before]);
    });

    test(`${part} that calls itself for ever is ended by its stack`, async () => {
      const result = await run(part, '(call $deeper)');
      assert.deepEqual([result.cause, result.exitCode, result.stdout], ['trapped', 2, before]);
    });

    test(`${part} that calls itself for ever after a wait is ended by its stack`, async () => {
      const result = await run(part, '(call $nap) (call $deeper)');
      assert.deepEqual([result.cause, result.exitCode, result.stdout], ['trapped', 2, before]);
    });
  }
});

describe('a guest that waits deep down', () => {
  const deep = async (hundreds: number, options: GuestOptions = {}): Promise<GuestResult> =>
    runIn(runtime, await guest('nap-deep'), { stdin: Uint8Array.of(hundreds), ...options });

  test('comes back up all the way', async () => {
    assert.deepEqual(
      (await Promise.all([1, 10, 17].map((hundreds) => deep(hundreds)))).map(({ exitCode }) => exitCode),
      [9, 9, 9],
    );
  });

  test('is ended down there', async () => {
    const result = await deep(17, { limits: { deadlineMs: 60 } });
    assert.deepEqual([result.cause, result.usage.hostCalls], ['deadline', 2]);
  });
});

describe('exit codes of what a guest does wrong', () => {
  const rows: readonly (readonly [name: string, code: string, exitCode: number])[] = [
    ['a load outside memory', '(drop (i32.load (i32.const -8)))', 3],
    ['a call through a place outside the table', '(call_indirect (type $none) (i32.const 9))', 5],
    ['a call through an empty place', '(call_indirect (type $none) (i32.const 1))', 7],
    ['a call of another type', '(call_indirect (type $other) (i32.const 0) (i32.const 0))', 7],
    ['a quotient that is too large', '(drop (i32.div_s (i32.const -2147483648) (i32.const -1)))', 8],
    ['a division by zero', '(drop (i32.div_u (i32.const 1) (i32.const 0)))', 9],
    ['a remainder by zero', '(drop (i64.rem_u (i64.const 1) (i64.const 0)))', 9],
    ['a number that is no integer', '(drop (i32.trunc_f64_s (f64.const nan)))', 10],
    ['unreachable', '(unreachable)', 11],
    ['an exception that nobody catches', '(throw $tag)', 255],
  ];
  for (const [name, code, exitCode] of rows) {
    test(`${name}: ${exitCode}`, async () => {
      const bytes = await wat(`(module
        (type $none (func)) (type $other (func (param i32)))
        (tag $tag)
        (memory 1) (table 2 funcref) (elem (i32.const 0) $f) (func $f)
        (func (export "_start") ${code}))`);
      const result = await runIn(runtime, bytes);
      assert.deepEqual([result.cause, result.exitCode], ['trapped', exitCode], result.message);
    });
  }
});
