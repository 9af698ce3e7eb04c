import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { compile } from '../../support/asc.ts';
import { openTestRuntime, runIn } from '../../support/run-guest.ts';
import { guest, wat } from '../../support/wat.ts';

let runtime: Awaited<ReturnType<typeof openTestRuntime>>;
before(async () => {
  runtime = await openTestRuntime();
});
after(() => runtime.close());

describe('a program built by asc alone', () => {
  test('runs in its start section, traces, draws numbers, and aborts with message, file, line and column', async () => {
    const wasm = await compile(new URL('../../e2e/assembly/plain/', import.meta.url));
    const { cause, exitCode, stdout, stderr } = await runIn(runtime, wasm);
    assert.deepEqual([cause, exitCode, stdout], ['exited', 255, '']);
    assert.deepEqual(stderr.split('\n'), [
      'trace: hello wörld 1, 2.5, -1',
      'trace: no numbers',
      'trace: random 1',
      'abort: the sum is as expected 😀 in index.ts(8:1)',
      '',
    ]);
  });
});

describe('env', () => {
  test('strings outside memory are no fault', async () => {
    const { cause, exitCode, stderr } = await runIn(runtime, await guest('abort-wild'));
    assert.deepEqual([cause, exitCode], ['exited', 255]);
    assert.equal(stderr, 'abort: (a string outside memory) in (a string outside memory)(7:4294967295)\n');
  });

  test('null strings are empty, and a trace of any count shows at most five numbers', async () => {
    const wasm = await wat(`(module
      (import "env" "trace" (func $trace (param i32 i32 f64 f64 f64 f64 f64)))
      (import "env" "abort" (func $abort (param i32 i32 i32 i32)))
      (memory (export "memory") 1)
      (func (export "_start")
        (call $trace (i32.const 0) (i32.const 2147483647)
          (f64.const 1) (f64.const nan) (f64.const inf) (f64.const -0.5) (f64.const 5))
        (call $trace (i32.const 0) (i32.const -1)
          (f64.const 1) (f64.const 2) (f64.const 3) (f64.const 4) (f64.const 5))
        (call $abort (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))))`);
    const { exitCode, stderr } = await runIn(runtime, wasm);
    assert.deepEqual([exitCode, stderr], [255, 'trace:  1, NaN, Infinity, -0.5, 5\ntrace: \nabort:  in (0:0)\n']);
  });

  test('two seeds differ', async () => {
    const wasm = await wat(`(module
      (import "env" "seed" (func $seed (result f64)))
      (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
      (memory (export "memory") 1)
      (func (export "_start") (call $exit (f64.ne (call $seed) (call $seed)))))`);
    assert.equal((await runIn(runtime, wasm)).exitCode, 1);
  });

  test('without a memory an abort still ends the execution', async () => {
    const wasm = await wat(`(module
      (import "env" "abort" (func $abort (param i32 i32 i32 i32)))
      (func (export "_start") (call $abort (i32.const 8) (i32.const 8) (i32.const 1) (i32.const 2))))`);
    assert.equal((await runIn(runtime, wasm)).exitCode, 255);
  });
});
