import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { MAX_TRACED_CALLS } from '../../runtime/core/host-call-trace.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import { openTestRuntime, runIn } from '../support/run-guest.ts';
import { guest, wat } from '../support/wat.ts';

let runtime: Runtime;
before(async () => {
  runtime = await openTestRuntime();
});
after(() => runtime.close());

describe('the trace of an execution', () => {
  test('tells every host call with its result and bytes', async () => {
    const { trace = [] } = await runIn(runtime, await guest('echo'), { stdin: 'hello', trace: true });
    const calls = trace.map(({ call, detail, result }) => [call, detail, result]);
    assert.deepEqual(calls.slice(0, 2), [
      ['wasi_snapshot_preview1.fd_read', '0', 0],
      ['wasi_snapshot_preview1.fd_write', '1', 0],
    ]);
    for (const { ms, atMs } of trace) assert.ok(ms >= 0 && atMs >= 0);
    assert.ok((trace[0]?.bytes ?? 0) >= 5);
  });

  test('is not there unless it was asked for, and changes neither fuel nor outcome', async () => {
    const plain = await runIn(runtime, await guest('echo'), { stdin: 'hello' });
    const traced = await runIn(runtime, await guest('echo'), { stdin: 'hello', trace: true });
    assert.equal(plain.trace, undefined);
    assert.deepEqual([plain.stdout, plain.usage.fuel], [traced.stdout, traced.usage.fuel]);
  });

  test('names the URL of a request, without what would draw on a terminal', async () => {
    const source = `(module
      (import "blockless_http" "http_req" (func $req (param i32 i32 i32 i32 i32 i32) (result i32)))
      (memory (export "memory") 1)
      (data (i32.const 0) "http://evil\\1b[2J/")
      (func (export "_start")
        (drop (call $req (i32.const 0) (i32.const 16) (i32.const 0) (i32.const 0) (i32.const 64) (i32.const 68)))
        (drop (call $req (i32.const -1) (i32.const -1) (i32.const 0) (i32.const 0) (i32.const 64) (i32.const 68)))))`;
    const { trace = [] } = await runIn(runtime, await wat(source), { trace: true });
    assert.deepEqual(
      trace.map(({ detail }) => detail),
      ['http://evil�[2J/', ''],
    );
    assert.ok(trace.every(({ result }) => result !== null && result !== 0));
  });

  test('a call that ends the guest has no result, and a guest that calls for ever is traced so far only', async () => {
    const { trace = [] } = await runIn(runtime, await guest('exit-three'), { trace: true });
    assert.deepEqual([trace.at(-1)?.call, trace.at(-1)?.result], ['wasi_snapshot_preview1.proc_exit', null]);
    const endless = await runIn(runtime, await guest('call-for-ever'), { trace: true, limits: { hostCalls: 50_000 } });
    assert.equal(endless.cause, 'calls');
    assert.equal(endless.trace?.length, MAX_TRACED_CALLS);
  });
});
