import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { InferbaseError } from '../../runtime/core/errors.ts';
import { type GuestOptions, type GuestResult, openTestRuntime, runIn } from '../support/run-guest.ts';
import { guest, wat } from '../support/wat.ts';

type TestRuntime = Awaited<ReturnType<typeof openTestRuntime>>;
let runtime: TestRuntime;

before(async () => {
  runtime = await openTestRuntime();
});
after(() => runtime.close());

const run = async (name: string, options: GuestOptions = {}): Promise<GuestResult> =>
  runIn(runtime, await guest(name), options);

describe('how an execution ends', () => {
  const rows: readonly (readonly [name: string, cause: string, exitCode: number, message: RegExp])[] = [
    ['exit-three', 'exited', 3, /^$/],
    ['trap-unreachable', 'trapped', 11, /unreachable/],
    ['trap-out-of-bounds', 'trapped', 3, /out of bounds/],
    ['trap-divide-by-zero', 'trapped', 9, /divide by zero/],
    ['recurse-for-ever', 'trapped', 2, /call stack/],
    ['print-for-ever', 'output', 255, /output limit/],
    ['allocate-for-ever', 'memory', 11, /256 pages/],
    ['wild-pointers', 'exited', 21, /^$/],
    ['no-memory', 'exited', 21, /^$/],
    ['start-section', 'exited', 2, /^$/],
    ['grow-past-declared', 'exited', 3, /^$/],
    ['unserved-calls', 'exited', 22, /^$/],
  ];
  for (const [name, cause, exitCode, message] of rows) {
    test(`${name}: ${cause}, exit code ${exitCode}`, async () => {
      const result = await run(name);
      assert.deepEqual([result.cause, result.exitCode], [cause, exitCode], result.message);
      assert.match(result.message, message);
    });
  }

  test('output before the end is kept on both streams', async () => {
    const result = await run('exit-three');
    assert.deepEqual([result.stdout, result.stderr], ['out', 'err']);
  });

  test('a guest cannot swallow its own exit', async () => {
    const result = await run('swallow-everything');
    assert.deepEqual([result.cause, result.exitCode, result.stdout], ['exited', 7, '']);
  });

  test('a guest cannot swallow its deadline', async () => {
    const result = await run('swallow-the-deadline', { limits: { deadlineMs: 50 } });
    assert.deepEqual([result.cause, result.exitCode], ['deadline', 15]);
  });

  test('a sleeping guest wakes up by itself', async () => {
    assert.equal((await run('nap')).cause, 'exited');
  });

  test('a sleeping guest ends at its deadline', async () => {
    const result = await run('sleep', { limits: { deadlineMs: 50 } });
    assert.deepEqual([result.cause, result.exitCode], ['deadline', 15]);
    assert.match(result.message, /50 ms/);
  });

  test('a sleeping guest ends when its caller goes away', async () => {
    const caller = new AbortController();
    const running = run('sleep', { signal: caller.signal });
    setTimeout(() => caller.abort(), 100);
    assert.equal((await running).cause, 'cancelled');
  });

  test('too many host calls end the execution', async () => {
    const result = await run('call-for-ever', { limits: { hostCalls: 1000 } });
    assert.deepEqual([result.cause, result.exitCode], ['calls', 255]);
  });

  test('a module that declares more memory than the limit ends with cause memory', async () => {
    const result = await run('too-much-memory');
    assert.deepEqual([result.cause, result.exitCode], ['memory', 16]);
  });
});

describe('what a guest is given', () => {
  test('standard input comes back byte for byte', async () => {
    const stdin = Uint8Array.from({ length: 300_000 }, (_, index) => index % 251);
    const result = await run('echo', { stdin });
    assert.deepEqual(Buffer.from(result.stdoutBytes), Buffer.from(stdin));
  });

  test('arguments and environment are those of the request and nothing else', async () => {
    const result = await run('show-all', {
      args: ['a', 'ü'],
      env: [
        ['N', '1'],
        ['N', '2'],
        ['A=B', 'x'],
        ['', 'y'],
      ],
    });
    assert.equal(result.stdout, 'guest.wasm\0a\0ü\0N=2\0');
  });

  test('without arguments and variables there are none', async () => {
    assert.equal((await run('show-all')).stdout, 'guest.wasm\0');
  });

  test('output past its cap is dropped and marked', async () => {
    const result = await run('print-past-cap');
    assert.deepEqual(
      [result.cause, result.stdoutBytes.length, result.stdoutTruncated, result.stderrTruncated],
      ['exited', 1_048_576, true, false],
    );
  });

  test('usage tells host calls and peak memory', async () => {
    const { usage } = await run('start-section');
    assert.deepEqual([usage.hostCalls, usage.peakMemoryBytes], [1, 131_072]);
  });

  test('no byte of an earlier execution is left in its memory', async () => {
    for (let round = 0; round < 20; round++) {
      assert.equal((await run('find-a-secret')).exitCode, 0);
      assert.equal((await run('leave-a-secret')).exitCode, 0);
      assert.equal((await run('find-a-secret-one-page')).exitCode, 0);
      assert.equal((await run('exit-three')).exitCode, 3);
    }
  });
});

describe('modules that are refused', () => {
  const rows: readonly (readonly [name: string, message: RegExp])[] = [
    ['import-proto', /__proto__/],
    ['import-constructor', /constructor/],
    ['import-tostring', /toString/],
    ['import-hasownproperty', /hasOwnProperty/],
    ['import-wasi-proto', /__proto__/],
    ['import-wasi-constructor', /constructor/],
    ['import-wasi-tostring', /toString/],
    ['import-wasi-hasownproperty', /hasOwnProperty/],
    ['import-wrong-signature', /proc_exit/],
    ['huge-tables', /table/],
  ];
  for (const [name, message] of rows) {
    test(`${name} is refused by name`, async () => {
      await assert.rejects(run(name), (error: unknown) => {
        assert.ok(error instanceof InferbaseError);
        assert.equal(error.code, 'ERR_INVALID_MODULE');
        assert.match(error.message, message);
        return true;
      });
    });
  }

  test('a module with nothing to run says what it exports', async () => {
    await assert.rejects(runIn(runtime, await wat('(module (func (export "add")))')), /no _start.*add/s);
  });
});
