import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLineBudget } from '../../runtime/telemetry/line-budget.ts';

test('of each subject a few lines in a while are written, and the next tells how many were not', () => {
  const written: string[] = [];
  let now = 0;
  const tell = createLineBudget((line, fields) => written.push(`${line} ${JSON.stringify(fields)}`), {
    ...{ lines: 2, windowMs: 1_000, now: () => now },
  });
  for (let i = 0; i < 5; i++) tell('a', `a${i}`, {});
  tell('b', 'b0', {});
  now = 1_000;
  tell('a', 'a5', { of: 'a' });
  tell('a', 'a6', {});
  assert.deepEqual(written, ['a0 {}', 'a1 {}', 'b0 {}', 'a5 {"of":"a","leftOut":3}', 'a6 {}']);
});

test('subjects are forgotten, or strangers would fill the memory', () => {
  const written: string[] = [];
  const tell = createLineBudget((line) => written.push(line), { lines: 1, windowMs: 1_000, subjects: 2, now: () => 0 });
  for (const subject of ['a', 'b', 'a', 'c', 'a', 'b']) tell(subject, subject, {});
  assert.deepEqual(written, ['a', 'b', 'c', 'b'], 'b was quiet for longest when c came');
});
