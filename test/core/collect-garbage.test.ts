import assert from 'node:assert/strict';
import { test } from 'node:test';
import { getHeapSpaceStatistics } from 'node:v8';
import { collectGarbage, returnMemory } from '../../runtime/core/collect-garbage.ts';

function youngBytes(): number {
  const young = getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space');
  assert.ok(young);
  return young.space_size;
}

/** Has the young generation grow as a burst of work does: much of what is made survives for a while. */
function makeGarbage(): void {
  let kept: object[] = [];
  for (let at = 0; at < 1_000_000; at++) {
    if (at % 100_000 === 0) kept = [];
    kept.push({ at, text: [at] });
  }
}

test('what the heap has no use for after a burst goes back to the system', () => {
  makeGarbage();
  const grown = youngBytes();
  collectGarbage();
  returnMemory();
  assert.ok(youngBytes() < grown, `${youngBytes()} of ${grown} bytes are left`);
});
