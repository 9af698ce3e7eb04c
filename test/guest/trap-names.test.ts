import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { openTestRuntime, runIn } from '../support/run-guest.ts';
import { wat } from '../support/wat.ts';
import { join, rawModule, u32 } from '../wasm/raw-module.ts';

let runtime: Awaited<ReturnType<typeof openTestRuntime>>;
before(async () => {
  runtime = await openTestRuntime();
});
after(() => runtime.close());

/** A module that traps in a function of this name, or with this for a name section. */
function trapsIn(name: string | Uint8Array): Uint8Array {
  const text = (bytes: Uint8Array): Uint8Array => join(u32(bytes.length), bytes);
  const names = typeof name === 'string' ? join([1, 0], text(Buffer.from(name))) : name;
  const content = typeof name === 'string' ? join([1], text(names)) : names;
  return rawModule(
    ['type', [1, 0x60, 0, 0]],
    ['function', [1, 0]],
    ['memory', [1, 0, 1]],
    ['export', join([2], text(Buffer.from('_start')), [0, 0], text(Buffer.from('memory')), [2, 0])],
    ['code', [1, 3, 0, 0, 0x0b]],
    ['custom', join(text(Buffer.from('name')), content)],
  );
}

const messageOf = async (wasm: Uint8Array): Promise<string> => (await runIn(runtime, wasm)).message;

describe('what is told of a trap', () => {
  test('the functions it was in, by the names of the build', async () => {
    const wasm = await wat(`(module (memory (export "memory") 1)
      (func $divide (drop (i32.div_u (i32.const 1) (i32.const 0))))
      (func $average (call $divide))
      (func $main (export "_start") (call $average)))`);
    assert.equal(await messageOf(wasm), 'divide by zero in divide, called by average, main');
  });

  test('no more than a few of them', async () => {
    const wasm = await wat('(module (memory (export "memory") 1) (func $again (export "_start") (call $again)))');
    assert.match(
      await messageOf(wasm),
      /^Maximum call stack size exceeded in again(?:, called by again, again, again)?$/,
    );
  });

  test('names that could steer a terminal, or that are long, are shown as text and cut', async () => {
    assert.equal(await messageOf(trapsIn('a\nb\u001b[2J\u202e')), 'unreachable in a\ufffdb\ufffd[2J\ufffd');
    assert.equal(await messageOf(trapsIn('x'.repeat(1_000))), `unreachable in ${'x'.repeat(100)}…`);
  });

  test('names that would hold the thread at each trap, and broken ones, are left out', async () => {
    const broken = [[], [1], [1, 200], [1, 3, 1, 0, 9], [0, 2, 200, 200], [1, 2, 0xff, 0xff]];
    for (const wasm of [trapsIn('x'.repeat(5_000_000)), trapsIn('x'.repeat(2_000))]) {
      assert.equal(await messageOf(wasm), 'unreachable in function 0');
    }
    for (const bytes of broken)
      assert.equal(await messageOf(trapsIn(Uint8Array.from(bytes))), 'unreachable in function 0');
  });
});
