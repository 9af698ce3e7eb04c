import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { HOST_CALLS, type HostCall } from '../../runtime/core/host-calls.ts';
import { assemble, type Code, call, constant, i32, unreachable } from '../support/assemble.ts';
import { type Hostile, openHostile } from './sandbox.ts';

let hostile: Hostile;
before(async () => {
  hostile = await openHostile();
});
after(() => hostile.close());

const WILD = [0, 1, 3, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 65_535, 65_532];
/** Traps unless the errno on the stack is one: less than 80, or −1 where that is all there is. */
const CHECK: Code = [...i32(1), 0x6a, ...i32(80), 0x4b, 0x04, 0x40, ...unreachable, 0x0b];

/** Makes a call with every wild number in every place, and in all places. */
function guestOf(row: HostCall): Uint8Array {
  const calls: number[] = [];
  for (const wild of WILD) {
    for (let place = 0; place <= row.params.length; place++) {
      const all = place === row.params.length;
      row.params.forEach((type, at) => {
        const value = all || at === place ? wild : 1;
        calls.push(...constant(type, type === 'f64' ? value % 128 : value));
      });
      calls.push(...call(0));
      if (row.results[0] === 'i32') calls.push(...CHECK);
      else if (row.results.length > 0) calls.push(0x1a);
    }
  }
  return assemble({ imports: [row], functions: [calls] });
}

describe('in a live execution, with wild numbers everywhere, the thread and its neighbour go on after', () => {
  // WASI's are called like this on every descriptor in test/guest/wasi/hostile.test.ts.
  for (const row of HOST_CALLS.filter(({ module }) => !module.startsWith('wasi_'))) {
    test(`${row.module}.${row.name}`, async () => {
      const outcome = await hostile.run(guestOf(row));
      const exits = row.name === 'abort' ? 255 : 0;
      assert.deepEqual([outcome.cause, outcome.exitCode], ['exited', exits], outcome.message);
      assert.equal(outcome.usage.hostCalls, exits === 0 ? WILD.length * (row.params.length + 1) : 1);
    });
  }

  test('none of them was a mistake of ours', () => {
    assert.deepEqual(
      hostile.lines.filter((line) => line.includes('failed')),
      [],
    );
  });
});
