import assert from 'node:assert/strict';
import { memoryUsage } from 'node:process';
import { suite, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createPieces } from '../../runtime/core/pieces.ts';

function held(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  const { heapUsed, arrayBuffers } = memoryUsage();
  return heapUsed + arrayBuffers;
}

suite('bytes that come in pieces', () => {
  test('are those that came, whatever the sizes of the pieces', () => {
    const pieces = createPieces();
    for (const sizes of [[], [0], [1], [5, 1, 0, 7], [20_000], [1, 20_000, 3, 70_000, 2], Array(5_000).fill(3)]) {
      const parts = sizes.map((size: number, i) => Buffer.alloc(size, `${i}`));
      for (const part of parts) pieces.add(part);
      const all = Buffer.concat(parts);
      assert.equal(pieces.length, all.length);
      assert.ok(pieces.take().equals(all));
      assert.equal(pieces.length, 0);
    }
  });

  test('take about as much memory as they are bytes, one by one, and hold nothing that they were cut from', () => {
    const before = held();
    const pieces = createPieces();
    for (let i = 0; i < 500_000; i++) pieces.add(Buffer.from([i & 255]));
    const others = Array.from({ length: 200 }, () => {
      const cut = createPieces();
      cut.add(Buffer.alloc(1_000_000).subarray(0, 20_000));
      return cut;
    });
    const taken = held() - before;
    assert.ok(taken < 20e6, `${taken} bytes`);
    assert.equal(pieces.take().length, 500_000);
    assert.equal(others.length, 200);
  });
});
