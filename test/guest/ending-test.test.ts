import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findCatching } from '../../runtime/guest/ending-test.ts';
import { TRAP } from '../../runtime/guest/trap.ts';

test('the trap that ends executions cannot be caught in either encoding of exceptions', async () => {
  assert.deepEqual(await findCatching(TRAP), []);
});

for (const [name, error] of [
  ['an error', new Error('unreachable')],
  ["a RuntimeError of JavaScript's making", new WebAssembly.RuntimeError('unreachable')],
  ['a plain value', 1],
] as const) {
  test(`${name} would be caught in both, and is found out`, async () => {
    assert.deepEqual(await findCatching(error), ['try', 'try_table']);
  });
}
