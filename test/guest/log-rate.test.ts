import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LogRate } from '../../runtime/guest/log-rate.ts';

test('guests that have much to tell do not fill the log; what is left out is counted', () => {
  const lines: string[] = [];
  let now = 5;
  const rate = new LogRate(
    (line) => lines.push(line),
    () => now,
  );
  for (let index = 0; index < 10_000; index++) rate.add(`line ${index}`);
  assert.equal(lines.length, 200);
  now += 1_000;
  rate.add('later');
  assert.deepEqual(lines.slice(200), ['9800 lines about guests were left out: over 200 in a second', 'later']);
});
