import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fuzzModule } from './binaryen.ts';
import { sameBehaviour } from './differential.ts';
import { generateModule } from './generate.ts';

test('hundreds of random programs do the same before and after rewriting', async (t) => {
  // Half of them the same each time, half new.
  const first = Number(process.env.DIFFERENTIAL_SEED ?? Math.floor(Math.random() * 1_000_000_000));
  t.diagnostic(`DIFFERENTIAL_SEED=${first}`);
  let compared = 0;
  for (let index = 1; index <= 400; index++) {
    const seed = index <= 200 ? index : (first + index) >>> 0;
    const bytes = generateModule(seed);
    assert.ok(WebAssembly.validate(bytes), `seed ${seed} is not valid`);
    if ((await sameBehaviour(bytes, `seed ${seed}`)) !== null) compared++;
  }
  assert.ok(compared > 300, String(compared));
});

test('modules of a fuzzer do the same before and after rewriting', async () => {
  const seeds = Array.from({ length: 10 }, (_, index) => index + 1);
  let compared = 0;
  for (const seed of seeds) if ((await sameBehaviour(await fuzzModule(seed), `seed ${seed}`)) !== null) compared++;
  assert.ok(compared > 4, String(compared));
});
