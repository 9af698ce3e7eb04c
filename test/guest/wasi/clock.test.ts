import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runGuest } from '../../support/run-guest.ts';
import { wat } from '../../support/wat.ts';

/** Counts for a while, sleeps 300 ms, and prints both CPU clocks and, before and after, the monotonic one: u64 each. */
const GUEST = `(module
  (import "wasi_snapshot_preview1" "clock_time_get" (func $now (param i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start") (local $left i32)
    (drop (call $now (i32.const 1) (i64.const 0) (i32.const 128)))
    (local.set $left (i32.const 5000000))
    (loop $again (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
    (i32.store (i32.const 16) (i32.const 1))
    (i64.store (i32.const 24) (i64.const 300000000))
    (drop (call $poll (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 112)))
    (drop (call $now (i32.const 1) (i64.const 0) (i32.const 136)))
    (drop (call $now (i32.const 2) (i64.const 0) (i32.const 144)))
    (drop (call $now (i32.const 3) (i64.const 0) (i32.const 152)))
    (i32.store (i32.const 200) (i32.const 128))
    (i32.store (i32.const 204) (i32.const 32))
    (drop (call $write (i32.const 1) (i32.const 200) (i32.const 1) (i32.const 208)))))`;

test('the CPU clocks tell what the execution itself took, without the time it slept', async () => {
  const { cause, stdoutBytes, usage } = await runGuest(await wat(GUEST));
  assert.equal(cause, 'exited');
  const [before = 0n, after = 0n, process = 0n, thread = 0n] = new BigUint64Array(stdoutBytes.slice().buffer);
  assert.ok(after - before >= 300_000_000n, 'it slept');
  assert.ok(process > 0n && thread >= process, `${process} ${thread}`);
  assert.ok(Number(thread) / 1e6 <= usage.cpuMs + 1, `${thread} ns of ${usage.cpuMs} ms`);
  assert.ok(usage.wallMs - usage.cpuMs > 200, `${usage.cpuMs} of ${usage.wallMs} ms`);
});
