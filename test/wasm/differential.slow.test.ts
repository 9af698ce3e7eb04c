import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fuzzModule } from './binaryen.ts';
import { sameBehaviour } from './differential.ts';
import { generateModule } from './generate.ts';

/** Modules made at a time; each takes a process half a second. */
const AT_ONCE = 4;

test('ten thousand random programs do the same before and after rewriting', async () => {
  for (let seed = 100_001; seed <= 110_000; seed++) await sameBehaviour(generateModule(seed), `seed ${seed}`);
});

test('a thousand modules of a fuzzer do the same before and after rewriting', async () => {
  let compared = 0;
  for (let first = 1; first <= 1_000; first += AT_ONCE) {
    const seeds = Array.from({ length: AT_ONCE }, (_, offset) => 1_000_000 + first + offset);
    for (const [index, bytes] of (await Promise.all(seeds.map(fuzzModule))).entries()) {
      if ((await sameBehaviour(bytes, `seed ${seeds[index]}`)) !== null) compared++;
    }
  }
  assert.ok(compared > 500, String(compared));
});
