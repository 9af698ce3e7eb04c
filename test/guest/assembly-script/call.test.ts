import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import type { Runtime } from '../../../runtime/runtime.ts';
import { type GuestOptions, type GuestResult, openTestRuntime, runPrepared } from '../../support/run-guest.ts';
import { wat } from '../../support/wat.ts';

let runtime: Runtime;
before(async () => {
  runtime = await openTestRuntime({ 'limits.deadlineMs': 60_000 });
});
after(() => runtime.close());

async function call(bytes: Uint8Array, options: GuestOptions & { readonly entry?: string } = {}): Promise<GuestResult> {
  const found = { ...(await runtime.store.prepareFile(bytes, 'guest.wasm')), entry: options.entry ?? '' };
  return runPrepared(runtime, found, options);
}

/** Compiles AssemblyScript as `inferbase build` does a function that exports `handle`. */
async function compile(source: string, ...flags: string[]): Promise<Uint8Array> {
  const folder = await mkdtemp(join(tmpdir(), 'inferbase-call-'));
  try {
    await writeFile(join(folder, 'index.ts'), source);
    const asc = createRequire(import.meta.url).resolve('assemblyscript/bin/asc.js');
    await promisify(execFile)(process.execPath, [asc, 'index.ts', '-o', 'out.wasm', ...flags], { cwd: folder });
    return await readFile(join(folder, 'out.wasm'));
  } finally {
    await rm(folder, { recursive: true });
  }
}

const TYPES = ['--exportRuntime', '--transform', join(import.meta.dirname, '..', '..', '..', 'sdk', 'record-types.js')];

const SOURCE = `
let started = "";
started += "started ";
export function handle(input: string): string { return started + input.toUpperCase(); }
export function two(a: string, b: string): string { return a + "|" + b; }
export function sum(a: i32, b: f64): f64 { return a + b; }
export function positive(a: f64): bool { return a > 0; }
export function either(a: bool): bool { return a; }
export function wide(a: u64): u64 { return a; }
export function unsigned(a: u32): u32 { return a - 1; }
export function single(): f32 { return 0.1; }
export function none(): string | null { return null; }
export function lone(): string { return String.fromCharCode(0xd800) + "x"; }
export function optional(a: string, b: string = "b"): string { return a + b; }
export function quiet(a: string): void { assert(a.length >= 0); }
export function long(a: i32): string { return "x".repeat(a); }
export function garbage(a: string): string {
  let text = a;
  for (let i = 0; i < 20000; i++) text = a + i.toString();
  return text;
}
export function list(a: i32[]): i32 { return a.length; }`;

describe('an exported function is called with its input and its result is printed', () => {
  let recorded: Uint8Array;
  before(async () => {
    recorded = await compile(SOURCE, '-O', ...TYPES);
  });

  const ROWS: readonly (readonly [entry: string, options: GuestOptions, stdout: string])[] = [
    ['', { stdin: 'grüße 🦀' }, 'started GRÜSSE 🦀'],
    ['handle', { args: ['an argument'] }, 'started AN ARGUMENT'],
    ['handle', { args: ['not this'], stdin: 'this' }, 'started THIS'],
    ['handle', {}, 'started '],
    ['two', { args: ['a', 'b'] }, 'a|b'],
    ['two', { args: ['a'] }, 'a|'],
    ['two', { stdin: '["a", {"b": 1}]' }, 'a|{"b":1}'],
    ['sum', { args: ['-3', '0.5'] }, '-2.5'],
    ['positive', { args: ['1'] }, 'true'],
    ['positive', { stdin: '-1\n' }, 'false'],
    ['wide', { args: ['18446744073709551615'] }, '18446744073709551615'],
    ['unsigned', { args: ['0'] }, '4294967295'],
    ['single', {}, '0.1'],
    ['none', {}, ''],
    ['lone', {}, '�x'],
    ['optional', { args: ['a', 'c'] }, 'ac'],
    ['quiet', { stdin: 'x' }, ''],
    ['garbage', { stdin: 'x'.repeat(5_000) }, `${'x'.repeat(5_000)}19999`],
  ];
  test('by the types that the build recorded', async () => {
    for (const [entry, options, stdout] of ROWS) {
      const result = await call(recorded, { ...options, entry });
      assert.deepEqual([result.cause, result.exitCode, result.stdout, result.stderr], ['exited', 0, stdout, ''], entry);
    }
  });

  test('by a rule where none were recorded: an i32 that points at a string is one', async () => {
    const plain = await compile(SOURCE.replace(/export function list.*/, ''), '-O', '--exportRuntime');
    assert.equal((await call(plain, { stdin: 'a' })).stdout, 'started A');
    assert.equal((await call(plain, { entry: 'two', args: ['a', 'b'] })).stdout, 'a|b');
    assert.equal((await call(plain, { entry: 'positive', args: ['2'] })).stdout, '1');
    assert.equal((await call(plain, { entry: 'wide', args: ['-1'] })).stdout, '-1');
  });

  test('what does not fit is said on stderr, with exit code 2', async () => {
    const rows: [entry: string, args: string[], message: RegExp][] = [
      ['sum', ['1'], /^sum: argument 2 is missing; give a number\n$/],
      ['sum', ['1.5', '1'], /argument 1 is "1\.5"; give a whole number/],
      ['sum', ['1', '2', '3'], /takes 2 arguments, and 3 were given/],
      ['wide', ['-1'], /not negative/],
      ['unsigned', ['4294967296'], /from 0 to 4294967295/],
      ['positive', [''], /give a number/],
      ['either', ['constructor'], /give true or false/],
    ];
    for (const [entry, args, message] of rows) {
      const result = await call(recorded, { entry, args });
      assert.deepEqual([result.cause, result.exitCode, result.stdout], ['exited', 2, ''], entry);
      assert.match(result.stderr, message);
    }
  });

  test('a list that would hold the thread while it is read is refused, however deep, and harms nobody', async () => {
    const deep = 4_000_000;
    const lists = [
      `${'['.repeat(deep)}${']'.repeat(deep)}`,
      `[${'[],'.repeat(2_500_000)}[]]`,
      `[${'{"a":1},'.repeat(900_000)}"b"]`,
    ];
    for (const stdin of lists) {
      const result = await call(recorded, { entry: 'two', stdin });
      assert.deepEqual([result.cause, result.exitCode], ['exited', 2], result.message);
      assert.match(result.stderr, /^two: takes a list of at most 100000 values in standard input/);
    }
    const long = JSON.stringify(['x'.repeat(200_000), 'y,[{'.repeat(50_000)]);
    assert.equal((await call(recorded, { entry: 'two', stdin: long })).stdout.length, 400_001);
  });

  test('a result past the cap of stdout is cut and marked', async () => {
    const result = await call(recorded, { entry: 'long', args: ['3000'], limits: { stdoutBytes: 1_000 } });
    assert.deepEqual([result.cause, result.stdout.length, result.stdoutTruncated], ['exited', 1_000, true]);
  });

  test('a function that takes what cannot be handed over is refused by name', async () => {
    await assert.rejects(
      call(await compile('export function handle(a: string): string { return a; }')),
      /handle" takes a string.*--exportRuntime/,
    );
    await assert.rejects(
      call(await wat('(module (func (export "handle") (param v128)))')),
      /handle" takes or returns v128/,
    );
    await assert.rejects(
      call(await wat('(module (func (export "handle") (result i32 i32) (i32.const 1) (i32.const 2)))')),
      /returns 2 values/,
    );
    await assert.rejects(
      call(recorded, { entry: 'list' }),
      /list" takes or returns ~lib\/array\/Array<i32>; use strings/,
    );
    await assert.rejects(call(recorded, { entry: 'nowhere' }), /export asked for is "nowhere".*it exports: .*handle/s);
  });

  test('_start comes before handle', async () => {
    const both = await wat(`(module (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
      (func (export "_start") (call $exit (i32.const 7))) (func (export "handle") (result i32) (i32.const 5)))`);
    assert.equal((await call(both)).exitCode, 7);
    assert.equal((await call(both, { entry: 'handle' })).stdout, '5');
  });
});

/** A guest whose `__new`, `__pin` and `handle` are these. */
function hostile(parts: {
  make?: string;
  pin?: string;
  handle?: string;
  more?: string;
  imports?: string;
}): Promise<Uint8Array> {
  const { make = '(i32.const 1024)', pin = '(local.get 0)', handle = '(local.get 0)', more = '', imports = '' } = parts;
  return wat(`(module ${imports} (memory (export "memory") 1) ${more}
    (func (export "__new") (param i32 i32) (result i32) ${make})
    (func (export "__pin") (param i32) (result i32) ${pin})
    (func (export "handle") (param i32) (result i32) ${handle}))`);
}

/** Puts an object's header of a class and a size before 2048 and returns 2048. */
const object = (id: number, size: number): string =>
  `(i32.store (i32.const 2040) (i32.const ${id})) (i32.store (i32.const 2044) (i32.const ${size})) (i32.const 2048)`;

describe('a guest that breaks the conventions', () => {
  const LIES: readonly (readonly [name: string, guest: Parameters<typeof hostile>[0], message: RegExp])[] = [
    ['__new returns a pointer past memory', { make: '(i32.const 65530)' }, /__new\(20\) returned 65530/],
    ['__new returns the last pointer there is', { make: '(i32.const -1)' }, /__new\(20\) returned 4294967295/],
    ['__new traps', { make: '(unreachable)' }, /unreachable/],
    ['__pin traps', { pin: '(i32.div_u (i32.const 1) (i32.const 0))' }, /divide by zero/],
    ['__new recurses for ever', { make: '(call 0 (local.get 0) (local.get 1))' }, /call stack/],
  ];
  test('in __new or __pin is trapped', async () => {
    for (const [name, guest, message] of LIES) {
      const result = await call(await hostile(guest), { stdin: '0123456789' });
      assert.deepEqual([result.cause, result.stdout], ['trapped', ''], name);
      assert.match(result.message, message, name);
    }
  });

  test('with a result that is no string gets a number printed, and nothing else of its memory', async () => {
    const rows: [handle: string, stdout: string][] = [
      [object(2, 4), '\0\0'],
      [object(2, 3), '2048'],
      [object(1, 4), '2048'],
      [object(2, 0x7fffffff), '2048'],
      [object(2, -1), '2048'],
      ['(i32.const -4)', '-4'],
      ['(i32.const 65536)', '65536'],
      ['(i32.const 4)', '4'],
      ['(i32.const 0)', '0'],
    ];
    for (const [handle, stdout] of rows) {
      const result = await call(await hostile({ handle }), { stdin: 'x' });
      assert.deepEqual([result.cause, result.stdout], ['exited', stdout], handle);
    }
  });

  test('and was recorded to return strings is trapped where it returns none', async () => {
    const rows: [handle: string, message: RegExp][] = [
      [object(2, -1), /outside of its memory/],
      [object(3, 4), /is no string/],
      ['(i32.const -4)', /outside of its memory/],
      ['(i32.const 8)', /is no string/],
    ];
    for (const [handle, message] of rows) {
      const result = await call(withTypes(await hostile({ handle }), '{"handle":["string","string"]}'), { stdin: 'x' });
      assert.equal(result.cause, 'trapped', handle);
      assert.match(result.message, message);
    }
  });

  test('types that do not fit, or are no types, are as good as none', async () => {
    const guest = await hostile({ handle: '(i32.const 7)' });
    for (const types of [
      '{"handle":["f64","string"]}',
      '{"handle":["string"]}',
      '{"handle":"string"}',
      '[',
      'null',
      '7',
      '{"__proto__":[]}',
    ]) {
      assert.equal((await call(withTypes(guest, types), { stdin: 'x' })).stdout, '7', types);
    }
    assert.equal(
      (await call(withTypes(guest, `{"handle":["string","u8"],"x":"${'y'.repeat(70_000)}"}`), { stdin: 'x' })).stdout,
      '7',
    );
  });

  test('that spins anywhere ends by its deadline or its fuel, and holds up nobody', async () => {
    const spin = '(loop $l (br $l)) (unreachable)';
    for (const parts of [{ make: spin }, { pin: spin }, { handle: spin }]) {
      const guest = await hostile(parts);
      const fuel = await call(guest, { stdin: 'x', limits: { fuel: 5_000_000 } });
      assert.equal(fuel.cause, 'fuel');
      const [late, neighbour] = await Promise.all([
        call(guest, { stdin: 'x', limits: { deadlineMs: 300 } }),
        call(await hostile({ handle: '(i32.const 7)' }), { stdin: 'x' }),
      ]);
      assert.deepEqual([late.cause, neighbour.stdout], ['deadline', '7']);
    }
  });

  test('that cannot pay for its input ends by its fuel', async () => {
    const result = await call(await hostile({ make: '(i32.const 16)' }), {
      stdin: 'x'.repeat(20_000),
      limits: { fuel: 10_000 },
    });
    assert.equal(result.cause, 'fuel');
  });

  test('may wait, exit and print in each of its exports', async () => {
    const imports = `(import "wasi_snapshot_preview1" "sched_yield" (func $yield (result i32)))
      (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))`;
    const waits = await hostile({
      imports,
      make: '(drop (call $yield)) (i32.const 64)',
      pin: '(drop (call $yield)) (i32.const 0)',
    });
    assert.equal((await call(waits, { stdin: 'x' })).stdout, '64');
    for (const part of ['make', 'pin', 'handle']) {
      const exits = await hostile({ imports, [part]: '(call $exit (i32.const 9)) (unreachable)' });
      const result = await call(exits, { stdin: 'x' });
      assert.deepEqual([result.cause, result.exitCode, result.stdout], ['exited', 9, ''], part);
    }
  });

  test('whose memory grows while it is called is read where it is then', async () => {
    const grown = `(drop (memory.grow (i32.const 1)))
      (i32.store (i32.const 69992) (i32.const 2)) (i32.store (i32.const 69996) (i32.const 4))
      (i32.store (i32.const 70000) (i32.const 0x00690068)) (i32.const 70000)`;
    assert.equal((await call(await hostile({ handle: grown }), { stdin: 'x' })).stdout, 'hi');
    const late = await hostile({ make: '(drop (memory.grow (i32.const 1))) (i32.const 70000)' });
    assert.equal((await call(late, { stdin: 'x' })).stdout, '70000');
  });

  test('that exports a host call, or what is no function, under these names gains nothing by it', async () => {
    const reexported = await wat(`(module (import "wasi_snapshot_preview1" "sched_yield" (func $yield (result i32)))
      (import "wasi_snapshot_preview1" "fd_close" (func $close (param i32) (result i32)))
      (memory (export "memory") 1) (global (export "__pin") i32 (i32.const 0))
      (func (export "__new") (param i32 i32) (result i32) (i32.const 64))
      (export "handle" (func $yield)) (export "other" (func $close)))`);
    assert.equal((await call(reexported)).stdout, '0');
    const closed = await call(reexported, { entry: 'other', stdin: 'x' });
    assert.deepEqual([closed.cause, closed.stdout], ['exited', '8']);
    const noFunction = await wat('(module (memory (export "handle") 1))');
    await assert.rejects(call(noFunction), /nothing to run/);
  });
});

/** The module with a custom section of types at its end. */
function withTypes(module: Uint8Array, types: string): Uint8Array {
  const name = Buffer.from('inferbase.types');
  const content = Buffer.concat([Buffer.from([name.length]), name, Buffer.from(types)]);
  const size: number[] = [];
  for (let rest = content.length; ; rest >>>= 7) {
    size.push(rest > 127 ? (rest & 127) | 128 : rest);
    if (rest <= 127) break;
  }
  return Buffer.concat([module, Buffer.from([0, ...size]), content]);
}
