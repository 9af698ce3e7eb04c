import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { InferbaseError } from '../../runtime/core/errors.ts';
import { prepareModule } from '../../runtime/wasm/prepare.ts';
import { wat } from '../support/wat.ts';
import { oneFunction, rawModule } from './raw-module.ts';

/** Every section and most kinds of immediate. */
const VARIED = `(module
  (type $t (func (param i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (table 4 10 funcref) (memory (export "memory") 1 3) (tag $e (param i32))
  (global $g (mut i32) (i32.const 5)) (global f64 (f64.const 1.5))
  (export "run" (func $run)) (start $start)
  (elem (i32.const 0) $run $start) (elem func $run) (elem declare func $start)
  (func $start (global.set $g (memory.grow (i32.const 1))))
  (func $run (type $t) (local i64 f32 v128)
    (block (result i32) (loop (br_if 1 (local.get 0) (i32.const 1)) (drop) (br_table 0 0 0 (i32.const 0))) unreachable)
    (if (then (nop)) (else (call_indirect (type $t) (i32.const 1) (i32.const 0)) (drop)))
    (try (do (throw $e (i32.const 1))) (catch $e (drop)) (catch_all))
    (local.set 3 (v128.const i64x2 1 2)) (local.set 2 (f32.const 2.5)) (local.set 1 (i64.const -7))
    (memory.copy (i32.const 0) (i32.const 8) (i32.const 8)) (memory.init 1 (i32.const 0) (i32.const 0) (i32.const 2))
    (drop (ref.func $run)) (drop (ref.null extern)) (drop (select (result i32) (i32.const 1) (i32.const 2) (i32.const 3)))
    (i32.store8 offset=300 (i32.const 0) (i32.trunc_sat_f32_s (local.get 2)))
    (return_call $start2 (memory.size)))
  (func $start2 (param i32) (result i32) (memory.grow (local.get 0)))
  (data (i32.const 16) "data") (data "passive"))`;

/** Prepares bytes that may be anything. @returns whether they were a module */
function survives(bytes: Uint8Array): boolean {
  try {
    const prepared = prepareModule(bytes);
    assert.ok(WebAssembly.validate(prepared.bytes));
    return true;
  } catch (error) {
    assert.ok(error instanceof InferbaseError, `${error instanceof Error ? error.stack : error}`);
    assert.equal(error.code, 'ERR_INVALID_MODULE', error.message);
    assert.ok(error.message.length < 1_000);
    return false;
  }
}

/** Numbers below `bound`, the same for the same seed (mulberry32). */
function createRandom(seed: number): (bound: number) => number {
  let state = seed;
  return (bound) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % bound;
  };
}

describe('damaged modules', () => {
  test('a module cut anywhere is refused, or whole up to a section', async () => {
    const bytes = await wat(VARIED);
    assert.ok(survives(bytes));
    let accepted = 0;
    for (let length = 0; length < bytes.length; length += 1) {
      if (survives(bytes.subarray(0, length))) accepted += 1;
    }
    assert.ok(accepted < 12, `${accepted} of ${bytes.length}`);
  });

  test('2 000 random changes of bytes end in a clear error or a valid module', async () => {
    const bytes = await wat(VARIED);
    const random = createRandom(20_260);
    for (let round = 0; round < 2_000; round += 1) {
      const changed = bytes.slice();
      for (let change = random(4); change >= 0; change -= 1) changed[random(changed.length)] = random(256);
      survives(changed);
    }
  });

  test('500 random insertions and deletions do too', async () => {
    const bytes = await wat(VARIED);
    const random = createRandom(7);
    for (let round = 0; round < 500; round += 1) {
      const at = 8 + random(bytes.length - 8);
      const gone = random(3);
      const added = Array.from({ length: random(3) }, () => random(256));
      survives(Uint8Array.from([...bytes.subarray(0, at), ...added, ...bytes.subarray(at + gone)]));
    }
  });
});

describe('malformed sections', () => {
  const rows: readonly (readonly [what: string, bytes: Uint8Array, message: RegExp])[] = [
    ['twice', rawModule(['type', [0]], ['type', [0]]), /type section, at byte 11, is there twice or out of order/],
    ['out of order', rawModule(['memory', [0]], ['type', [0]]), /twice or out of order/],
    ['bytes left over', rawModule(['type', [0, 0]]), /bytes left over/],
    ['longer than the file', Uint8Array.from([...rawModule(), 1, 100, 0]), /is 100 bytes long but 1 are left/],
    [
      'no code for a function',
      rawModule(['type', [1, 0x60, 0, 0]], ['function', [1, 0]]),
      /declares 1 functions but has no code/,
    ],
    ['no function for its code', rawModule(['code', [1, 2, 0, 0x0b]]), /has 1 bodies for 0 functions/],
    ['a type that is not there', rawModule(['type', [1, 0x60, 0, 0]], ['function', [1, 1]]), /names type 1 of 1/],
    ['a name that is not UTF-8', rawModule(['export', [1, 1, 0xff, 0, 0]]), /not UTF-8/],
    ['an export of nothing', rawModule(['export', [1, 1, 0x61, 9, 0]]), /exports "a" as something unknown/],
    ['code after the last end', oneFunction([0, 0x0b, 0x01]), /goes on after its last end/],
    ['code without an end', oneFunction([0, 0x01]), /code of function 0, at byte \d+, ends too early/],
    ['code that ends in an immediate', oneFunction([0, 0x0b, 0x41]), /goes on/],
    ['an immediate cut short', oneFunction([0, 0x44, 0, 0]), /ends too early/],
    ['a custom section without a name', rawModule(['custom', [5, 0x61]]), /custom section.*ends too early/],
  ];
  for (const [what, bytes, message] of rows) {
    test(what, () => assert.throws(() => prepareModule(bytes), message));
  }
});
