import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { InferbaseError } from '../../runtime/core/errors.ts';
import { BOUNDS } from '../../runtime/wasm/bounds.ts';
import { prepareModule } from '../../runtime/wasm/prepare.ts';
import { openTestRuntime, runIn } from '../support/run-guest.ts';
import { wat } from '../support/wat.ts';
import { instantiateRewritten } from './instantiate.ts';
import { join, list, oneFunction, rawModule, repeat, u32 } from './raw-module.ts';

const LOCAL = [0x20, 0];
const END = [0x0b];

/** One function of so many locals, and this code. */
const withLocals = (locals: number, ...code: readonly (Uint8Array | readonly number[])[]): Uint8Array =>
  oneFunction(join([1], u32(locals), [0x7f], ...code, END));

function refused(bytes: Uint8Array, message: RegExp): void {
  const began = performance.now();
  assert.ok(bytes.length < 150_000, `${bytes.length} bytes`);
  assert.throws(
    () => prepareModule(bytes),
    (error) => error instanceof InferbaseError && error.code === 'ERR_INVALID_MODULE' && message.test(error.message),
  );
  assert.ok(performance.now() - began < 5_000);
}

describe('small modules that would take gigabytes, or minutes, to compile are refused by what makes them dear', () => {
  const tooMuch = /would take V8 too much memory to compile: its branches and calls times its locals come to \d+/;
  const shapes: readonly (readonly [what: string, code: readonly (Uint8Array | readonly number[])[]])[] = [
    ['conditions', [repeat(2_000, [...LOCAL, 0x04, 0x40, 0x0b])]],
    ['conditions with another way', [repeat(2_000, [...LOCAL, 0x04, 0x40, 0x05, 0x0b])]],
    ['blocks', [repeat(2_000, [0x02, 0x40, 0x0b])]],
    ['loops', [repeat(2_000, [0x03, 0x40, 0x0b])]],
    ['branches', [[0x02, 0x40], repeat(2_000, [...LOCAL, 0x0d, 0]), END]],
    ['a branch to many labels', [[0x02, 0x40, ...LOCAL, 0x0e], u32(2_000), repeat(2_001, [0]), END]],
    ['calls', [repeat(20_000, [0x10, 0])]],
    ['calls within a try', [[0x06, 0x40], repeat(2_000, [0x10, 0]), [0x19], END]],
    ['tries', [repeat(2_000, [0x06, 0x40, 0x19, 0x0b])]],
  ];
  for (const [what, code] of shapes) {
    test(`many locals and ${what}`, () => refused(withLocals(10_000, ...code), tooMuch));
  }

  test('a deep stack and conditions', () => {
    const push = repeat(10_000, LOCAL);
    const code = [push, repeat(2_000, [...LOCAL, 0x04, 0x40, 0x0b]), repeat(10_000, [0x1a])];
    refused(withLocals(1, ...code), tooMuch);
  });

  test('a deep stack within blocks', () => {
    const blocks = repeat(60, [...LOCAL, 0x02, 0x40]);
    const code = [repeat(9_000, LOCAL), blocks, repeat(2_000, [...LOCAL, 0x0d, 0]), repeat(60, [0x0b, 0x1a])];
    refused(withLocals(1, ...code, repeat(9_000, [0x1a])), tooMuch);
  });

  test('loops within loops', () => {
    const nest = (depth: number): Uint8Array => withLocals(1, repeat(depth, [0x03, 0x40]), repeat(depth, END));
    assert.ok(prepareModule(nest(BOUNDS.nestedLoops)).bytes.length > 0);
    refused(nest(BOUNDS.nestedLoops + 1), /more than 250 loops within loops/);
  });

  test('many functions, each of which would do', () => {
    const body = join([1], u32(10_000), [0x7f], repeat(300, [...LOCAL, 0x04, 0x40, 0x0b]), END);
    const one = join(u32(body.length), body);
    const module = (count: number): Uint8Array =>
      rawModule(
        ['type', [1, 0x60, 0, 0]],
        ['function', list(count, [0])],
        ['code', join(u32(count), ...new Array(count).fill(one))],
      );
    assert.ok(prepareModule(module(1)).bytes.length > 0);
    refused(module(40), /of all functions times their locals past 1000000000, which would take V8 too long/);
  });
});

describe('what is allowed compiles, runs, and is what programs look like', () => {
  test('the dearest function allowed runs within seconds', async () => {
    const locals = 10_000;
    const conditions = Math.floor(BOUNDS.compileCost / (locals + 1) / 16) - 10;
    const bytes = withLocals(locals, repeat(conditions, [...LOCAL, 0x04, 0x40, 0x0b]));
    const began = performance.now();
    (await instantiateRewritten(prepareModule(bytes))).call('run');
    assert.ok(performance.now() - began < 20_000);
  });

  test('values that are taken from the stack again do not add up', () => {
    // 100 000 of them, each gone before the next condition; dead code after a branch, too.
    const code = repeat(20_000, [...LOCAL, ...LOCAL, 0x6a, 0x21, 0, ...LOCAL, 0x04, 0x40, 0x0b]);
    assert.ok(prepareModule(withLocals(20, code)).bytes.length > 0);
    const dead = repeat(5_000, [0x02, 0x40, 0x0c, 0, ...LOCAL, ...LOCAL, ...LOCAL, 0x1a, 0x1a, 0x1a, 0x0b]);
    assert.ok(prepareModule(withLocals(20, dead)).bytes.length > 0);
  });
});

test('what V8 does to make an instance is paid for, before it is done', async (t) => {
  const runtime = await openTestRuntime();
  t.after(() => runtime.close());
  const module = (elements: number): Uint8Array =>
    rawModule(
      ['type', [1, 0x60, 0, 0]],
      ['function', [1, 0]],
      ['table', join([1, 0x70, 0], u32(elements))],
      ['export', [1, 6, ...Buffer.from('_start'), 0, 0]],
      ['element', join([1, 0, 0x41, 0, 0x0b], list(elements, [0]))],
      ['code', [1, 2, 0, 0x0b]],
    );
  const fuel = async (bytes: Uint8Array): Promise<number> => (await runIn(runtime, bytes)).usage.fuel;
  assert.ok((await fuel(module(100_000))) > 1_000 * (await fuel(module(1))));
  const poor = await runIn(runtime, module(100_000), { limits: { fuel: 1_000_000 } });
  assert.deepEqual([poor.cause, poor.exitCode], ['fuel', 1]);
  const data = async (bytes: number) =>
    fuel(await wat(`(module (memory 1) (data (i32.const 0) "${'x'.repeat(bytes)}") (func (export "_start")))`));
  assert.equal((await data(1_100)) - (await data(100)), 1_000);
});
