import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { prepareModule } from '../../runtime/wasm/prepare.ts';
import { wat } from '../support/wat.ts';
import { type Guest, instantiateOriginal, instantiateRewritten, seenAlike } from './instantiate.ts';
import { join, rawModule, u32 } from './raw-module.ts';

function outcome(run: () => unknown): unknown {
  try {
    return run();
  } catch (error) {
    return String(error);
  }
}

describe('encodings that have no text here', () => {
  /** `go: () -> i32` in a module with one page, a tag of one i32 and a `(ref null 0)` local. */
  const withCode = (code: readonly number[]): Uint8Array => {
    const body = join([1, 1, 0x63, 0], code, [0x0b]);
    return rawModule(
      ['type', [2, 0x60, 0, 1, 0x7f, 0x60, 1, 0x7f, 0]],
      ['function', [2, 0, 0]],
      ['memory', [1, 0, 1]],
      ['tag', [1, 0, 1]],
      ['export', [2, 2, 0x67, 0x6f, 0, 0, 1, 0x66, 0, 1]],
      ['code', join([2], u32(body.length), body, [6, 0, 0x41, 1, 0x40, 0, 0x0b])],
    );
  };
  const rows: readonly (readonly [what: string, code: readonly number[], result: number])[] = [
    [
      'exceptions in the newer encoding',
      [0x02, 0x7f, 0x1f, 0x40, 1, 0, 0, 0, 0x41, 1, 0x40, 0, 0x08, 0, 0x0b, 0, 0x0b],
      1,
    ],
    ['references to typed functions', [0xd2, 1, 0x22, 0, 0xd4, 0x14, 0], 1],
    ['br_on_null', [0x02, 0x40, 0x20, 0, 0xd5, 0, 0x14, 0, 0x0f, 0x0b, 0x41, 0, 0x40, 0], 1],
    ['a memory index of several bytes', [0x41, 2, 0x40, 0x80, 0x80, 0], 1],
  ];
  for (const [what, code, result] of rows) {
    test(what, async () => {
      const bytes = withCode(code);
      assert.equal(instantiateOriginal(bytes).call('go'), result);
      const guest = await instantiateRewritten(prepareModule(bytes));
      assert.equal(guest.call('go'), result);
      assert.equal(guest.growCalls.length, 1);
    });
  }
});

describe('everything else runs as before', () => {
  const rows: readonly (readonly [what: string, text: string, look: (guest: Guest) => unknown])[] = [
    [
      'tables and call_indirect',
      `(module (memory 1) (type $t (func (param i32) (result i32))) (table 3 funcref) (elem (i32.const 0) $a $b)
        (func $a (type $t) (memory.grow (local.get 0))) (func $b (type $t) (i32.mul (local.get 0) (i32.const 3)))
        (func (export "go") (param i32 i32) (result i32) (call_indirect (type $t) (local.get 1) (local.get 0))))`,
      (guest) => [0, 1, 2, 3].map((index) => outcome(() => guest.call('go', index, 5))),
    ],
    [
      'several results',
      `(module (memory 1) (func $two (result i32 i32) (memory.grow (i32.const 1)) (i32.const 9))
        (func (export "go") (result i32) (call $two) (if (param i32) (result i32 i32) (then (i32.const 4)) (else (i32.const 5))) i32.sub))`,
      (guest) => guest.call('go'),
    ],
    [
      'exceptions in the older encoding',
      `(module (memory 1) (tag $e (param i32)) (func $f (throw $e (memory.grow (i32.const 1))))
        (func (export "go") (result i32) (try (result i32) (do (try (result i32) (do (call $f) (i32.const 1)) (delegate 0)))
          (catch $e (i32.add (i32.const 100))) (catch_all (i32.const 2)))))`,
      (guest) => guest.call('go'),
    ],
    [
      'tail calls',
      `(module (memory 1) (func $f (param i32 i32) (result i32)
        (if (result i32) (local.get 0)
          (then (return_call $f (i32.sub (local.get 0) (i32.const 1)) (i32.add (local.get 1) (memory.grow (i32.const 0)))))
          (else (local.get 1))))
        (func (export "go") (result i32) (call $f (i32.const 100000) (i32.const 0))))`,
      (guest) => guest.call('go'),
    ],
    [
      'SIMD',
      `(module (memory (export "mem") 1) (func (export "go") (result i32)
        (v128.store (i32.const 0) (i8x16.shuffle 0 1 2 3 4 5 6 7 16 17 18 19 20 21 22 23 (v128.const i32x4 1 2 3 4) (i32x4.splat (memory.grow (i32.const 1)))))
        (i32x4.extract_lane 2 (v128.load (i32.const 0)))))`,
      (guest) => [guest.call('go'), Buffer.from(guest.memory?.buffer ?? new ArrayBuffer(0), 0, 16).toString('hex')],
    ],
    [
      'br_table',
      `(module (memory 1) (func (export "go") (param i32) (result i32)
        (block (block (block (br_table 0 1 2 (local.get 0))) (return (memory.grow (i32.const 1)))) (return (i32.const 20))) (i32.const 30)))`,
      (guest) => [0, 1, 2, 99].map((index) => guest.call('go', index)),
    ],
  ];
  for (const [what, text, look] of rows) test(what, () => seenAlike(text, look));

  test('function names stay, offsets into the code go', async () => {
    const bytes = await wat(
      '(module (memory 1) (func $faulty (export "f") (drop (memory.grow (i32.const 1))) unreachable))',
    );
    const custom = (name: string): number[] => [0, name.length + 2, name.length, ...Buffer.from(name), 1];
    const extra = ['metadata.code.branch_hint', '.debug_line', 'sourceMappingURL'].flatMap(custom);
    const prepared = prepareModule(Uint8Array.from([...bytes, ...extra]));
    const module = new WebAssembly.Module(prepared.bytes);
    assert.equal(WebAssembly.Module.customSections(module, 'name').length, 1);
    const hints = WebAssembly.Module.customSections(module, 'metadata.code.branch_hint');
    assert.deepEqual(
      hints.map(({ byteLength }) => byteLength > 1),
      [true],
    );
    for (const name of ['.debug_line', 'sourceMappingURL']) {
      assert.equal(WebAssembly.Module.customSections(module, name).length, 0, name);
    }
    const guest = await instantiateRewritten(prepared);
    assert.throws(
      () => guest.call('f'),
      (error: Error) => /faulty/.test(error.stack ?? ''),
    );
  });
});
