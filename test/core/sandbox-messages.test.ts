import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cellDifference, toCell } from '../../runtime/core/sandbox-messages.ts';

test('numbers in cells compare rightly past 31 and 32 bits, as after weeks of running', () => {
  for (const base of [0, 2 ** 31 - 50, 2 ** 31, 2 ** 32 - 50, 2 ** 32, 5 * 2 ** 32 + 7]) {
    const cells = new Int32Array([toCell(base)]);
    assert.equal(cellDifference(base + 100.7, cells[0] ?? 0), 100);
    assert.equal(cellDifference(base, cells[0] ?? 0), 0);
    assert.equal(cellDifference(base, toCell(base + 100)), -100);
  }
});
