import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { InferbaseError } from '../../runtime/core/errors.ts';
import { HOST_CALLS } from '../../runtime/core/host-calls.ts';
import { checkMemory } from '../../runtime/wasm/check-memory.ts';
import { prepareModule } from '../../runtime/wasm/prepare.ts';
import { wat } from '../support/wat.ts';
import { join, oneFunction, rawModule } from './raw-module.ts';

function refused(bytes: Uint8Array, message: RegExp): void {
  assert.throws(
    () => prepareModule(bytes),
    (error) => {
      assert.ok(error instanceof InferbaseError, String(error));
      assert.equal(error.code, 'ERR_INVALID_MODULE');
      assert.match(error.message, message);
      return true;
    },
  );
}

describe('imports', () => {
  for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
    for (const [module, field] of [
      [name, name],
      [name, 'fd_write'],
      ['wasi_snapshot_preview1', name],
    ] as const) {
      test(`${module} ${field} is refused by name`, async () => {
        const bytes = await wat(`(module (import "${module}" "${field}" (func)))`);
        refused(bytes, new RegExp(`imports "${module}"\\."${field}", which no host call has`));
      });
    }
  }

  test('every host call of the table is accepted, with its own signature only', async () => {
    for (const call of HOST_CALLS) {
      const params = call.params.length > 0 ? `(param ${call.params.join(' ')})` : '';
      const results = call.results.length > 0 ? `(result ${call.results.join(' ')})` : '';
      const declare = (more: string) =>
        wat(`(module (import "${call.module}" "${call.name}" (func ${more} ${results})))`);
      assert.equal(prepareModule(await declare(params)).facts.imports.length, 1);
      refused(await declare(`${params} (param f32)`), /f32\) -> \(.*\), but it is \(.*; correct its declaration/);
    }
  });

  test('another result names both signatures', async () => {
    const bytes = await wat('(module (import "wasi_snapshot_preview1" "proc_exit" (func (param i32) (result i64))))');
    refused(bytes, /"wasi_snapshot_preview1"\."proc_exit" as \(i32\) -> \(i64\), but it is \(i32\) -> \(\)/);
  });

  const kinds: readonly (readonly [what: string, text: string])[] = [
    ['global', '(global i32)'],
    ['tag', '(tag)'],
  ];
  for (const [what, text] of kinds) {
    test(`a ${what} is refused by name`, async () => {
      refused(await wat(`(module (import "env" "it" ${text}))`), new RegExp(`imports the ${what} "env"\\."it"`));
    });
  }

  const provided: readonly (readonly [what: string, text: string, message: RegExp])[] = [
    [
      'a memory in place of a host call',
      '(import "env" "abort" (memory 1))',
      /the memory "env"\."abort", which is a host/,
    ],
    ['a table and a memory of one name', '(import "m" "x" (memory 1)) (import "m" "x" (table 1 funcref))', /twice/],
    ['two memories', '(import "m" "x" (memory 1)) (import "m" "y" (memory 1))', /imports a second memory/],
    ['a memory beside its own', '(import "m" "x" (memory 1)) (memory 1)', /second memory/],
    ['a shared memory', '(import "m" "x" (memory 1 2 shared))', /imports a shared memory/],
    ['a table past all bounds', '(import "m" "x" (table 10000000 funcref))', /elements of all tables past/],
    ['a table of exceptions', '(import "m" "x" (table 1 exnref))', /imports a table of exnref/],
  ];
  for (const [what, text, message] of provided) {
    test(`${what} is not provided`, async () => refused(await wat(`(module ${text})`), message));
  }

  test('the name of our own memory import is no way in', async () => {
    refused(
      await wat('(module (import "\\00inferbase" "memory" (memory 1)))'),
      /imports the memory "\\u0000inferbase"/,
    );
    refused(await wat('(module (import "\\00inferbase" "memory" (func)))'), /reserved here/);
    refused(await wat('(module (import "\\00inferbase" "g" (global i32)))'), /reserved here/);
  });

  test('a long or wild name is shown short and quoted', async () => {
    const bytes = await wat(`(module (import "\\0a\\1b[31m${'x'.repeat(5_000)}" "f" (func)))`);
    assert.throws(
      () => prepareModule(bytes),
      (error: Error) => error.message.length < 400 && !/\p{Cc}/u.test(error.message),
    );
  });
});

describe('exports', () => {
  for (const name of ['grow', 'start']) {
    test(`the reserved name of ${name} is refused`, async () => {
      refused(await wat(`(module (func (export "\\00inferbase.${name}")))`), /reserved here/);
    });
  }
});

describe('features that are not run here', () => {
  const texts: readonly (readonly [what: string, text: string, message: RegExp])[] = [
    ['shared memory', '(module (memory 1 2 shared))', /declares a shared memory/],
    ['64-bit memory', '(module (memory i64 1))', /memory with 64-bit addresses/],
    ['atomics', '(module (memory 1 1) (func (drop (i32.atomic.load (i32.const 0)))))', /atomic operations.*0xfe/],
    ['struct types', '(module (type (struct (field i32))))', /a struct type \(WasmGC\)/],
    ['array types', '(module (type (array i32)))', /an array type \(WasmGC\)/],
  ];
  for (const [what, text, message] of texts) test(what, async () => refused(await wat(text), message));

  const rows: readonly (readonly [what: string, bytes: Uint8Array, message: RegExp])[] = [
    ['two memories', rawModule(['memory', [2, 0, 1, 0, 1]]), /declares 2 memories/],
    ['a recursive group', rawModule(['type', [1, 0x4e, 1, 0x60, 0, 0]]), /recursive group.*WasmGC/],
    ['a subtype', rawModule(['type', [1, 0x50, 0, 0x60, 0, 0]]), /a subtype \(WasmGC\)/],
    ['a GC value type', rawModule(['type', [1, 0x60, 1, 0x6c, 0]]), /WasmGC type i31ref/],
    ['a GC heap type', rawModule(['type', [1, 0x60, 1, 0x63, 0x6e, 0]]), /WasmGC type any/],
    [
      'a GC instruction',
      oneFunction([0, 0x41, 0, 0xfb, 0x1c, 0x1a, 0x0b]),
      /code of function 0, at byte \d+, uses WasmGC \(ref\.i31\), opcode 0xfb 0x1c/,
    ],
    [
      'a GC instruction in a global',
      rawModule(['global', [1, 0x6f, 0, 0x41, 0, 0xfb, 0x1c, 0x0b]]),
      /global section.*WasmGC/,
    ],
    ['ref.eq', oneFunction([0, 0xd3, 0x0b]), /WasmGC \(ref\.eq\)/],
    ['stack switching', oneFunction([0, 0xe0, 0, 0x0b]), /stack switching/],
    ['an unknown opcode', oneFunction([0, 0xff, 0x0b]), /unknown opcode 0xff/],
    ['an unknown bulk opcode', oneFunction([0, 0xfc, 19, 0x0b]), /unknown opcode 0xfc 0x13/],
    ['an unknown SIMD opcode', oneFunction([0, 0xfd, 0x9a, 0x01, 0x0b]), /unknown opcode 0xfd 0x9a/],
    ['an unknown section', join(rawModule(), [14, 0]), /section of the unknown id 14/],
    ['an unknown block type', oneFunction([0, 0x02, 0x41, 0x0b, 0x0b]), /unknown value type 0x41/],
    ['a table of another type', rawModule(['table', [1, 0x69, 0, 1]]), /a table of exnref/],
    [
      'a table of typed functions',
      rawModule(['type', [1, 0x60, 0, 0]], ['table', [1, 0x63, 0, 0, 1]]),
      /a table of \(ref null 0\)/,
    ],
    ['a 64-bit table', rawModule(['table', [1, 0x70, 4, 1]]), /table with 64-bit addresses/],
    ['memory.size of memory 1', oneFunction([0, 0x3f, 1, 0x1a, 0x0b]), /uses memory 1/],
    ['a load from memory 1', oneFunction([0, 0x41, 0, 0x28, 0x42, 1, 0, 0x1a, 0x0b]), /build it with one memory/],
  ];
  for (const [what, bytes, message] of rows) test(what, () => refused(bytes, message));
});

describe('files that are no module', () => {
  const rows: readonly (readonly [what: string, bytes: Uint8Array, message: RegExp])[] = [
    ['nothing', new Uint8Array(0), /file is empty/],
    ['a component', Uint8Array.of(0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0), /a component; only core modules run here/],
    ['another version', Uint8Array.of(0, 0x61, 0x73, 0x6d, 2, 0, 0, 0), /version 2, layer 0/],
    ['half a header', Uint8Array.of(0, 0x61, 0x73, 0x6d, 1), /ends within its header/],
    ['text', Buffer.from('  (module (func))'), /WebAssembly text/],
    ['text after a remark', Buffer.from(';; my module\n(module)'), /WebAssembly text/],
    ['gzip', gzipSync('x'), /gzip file; unpack it/],
    ['a web page', Buffer.from('<!DOCTYPE html><html>'), /web page/],
    ['JSON', Buffer.from('{"error":"not found"}'), /JSON/],
    ['a native program', Buffer.from('\x7fELF\x02\x01'), /native program/],
    ['anything else', Buffer.from('hello, world'), /begins with the bytes 68656c6c6f2c2077/],
  ];
  for (const [what, bytes, message] of rows) test(what, () => refused(bytes, message));
});

describe('modules that are not valid', () => {
  test("V8's reason is passed on", async () => {
    refused(oneFunction([0, 0x6a, 0x0b]), /V8 finds the module invalid: .*i32\.add/);
  });

  test('names in it cannot write to a log', () => {
    const named = rawModule(
      ['type', [1, 0x60, 0, 0]],
      ['function', [1, 0]],
      ['export', [1, 3, 0x61, 0x0a, 0x1b, 0, 0]],
      ['code', [1, 3, 0, 0x6a, 0x0b]],
      ['custom', join([4], Buffer.from('name'), [1, 6, 1, 0, 3, 0x61, 0x0a, 0x1b])],
    );
    assert.throws(
      () => prepareModule(named),
      (error: Error) => !/\p{Cc}/u.test(error.message),
    );
  });

  test('a module that names what only the rewriter adds is refused', () => {
    const growing = [0, 0x41, 1, 0x40, 0, 0x1a];
    const memory = ['memory', [1, 0, 1]] as const;
    const sections = (code: readonly number[]) =>
      rawModule(['type', [1, 0x60, 0, 0]], ['function', [1, 0]], memory, ['code', join([1, code.length], code)]);
    prepareModule(sections([...growing, 0x0b]));
    refused(sections([...growing, 0x41, 1, 0x10, 1, 0x1a, 0x0b]), /V8 finds the module invalid/);
    refused(sections([...growing, 0x23, 0, 0x1a, 0x0b]), /V8 finds the module invalid/);
    refused(sections([...growing, 0xd0, 1, 0x1a, 0x0b]), /V8 finds the module invalid/);
    // Fuel, set to 2³⁰ − 1 before each round; and a call of what refills it.
    const refill = [0, 0x03, 0x40, 0x41, 0xff, 0xff, 0xff, 0xff, 0x03, 0x24, 0, 0x0c, 0, 0x0b, 0x0b];
    refused(sections(refill), /V8 finds the module invalid/);
    for (const index of [1, 2, 3]) {
      refused(sections([0, 0x41, 0, 0x10, index, 0x1a, 0x0b]), /V8 finds the module invalid/);
      refused(sections([0, 0x23, index, 0x1a, 0x0b]), /V8 finds the module invalid/);
    }
  });
});

test('memory past what the operator allows is refused with both numbers', async () => {
  const { facts } = prepareModule(await wat('(module (memory 300))'));
  checkMemory(facts, 300);
  assert.throws(() => checkMemory(facts, 256), /declares 300 pages of memory, the operator allows 256/);
  checkMemory({ memory: null }, 0);
});

test('a module with both encodings of exceptions is refused every time, though V8 lets some pass', () => {
  const [legacyTry, tryTable, end] = [[0x06, 0x40], [0x1f, 0x40, 0x00], [0x0b]];
  const code = [0, ...legacyTry, ...end, ...tryTable, ...end, ...end];
  refused(oneFunction(code), /mixes try and try_table.*; build all of it with one encoding/);
});
