import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { glob } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { type TestContext, test } from 'node:test';
import { ROOT } from '../source-files.ts';
import { fuzzModule } from './binaryen.ts';
import { sameBehaviour } from './differential.ts';
import { generateModule } from './generate.ts';

/** Modules made at a time; each takes a process half a second. */
const AT_ONCE = 4;
const PROGRAMS = 10_000;
const FUZZED = 1_000;
/** A busy machine does fewer; what was done is printed. */
const MINUTES_FOR = { programs: 8, fuzzed: 8 };
const ENOUGH = { programs: 1_000, fuzzed: 50 };

/** Where to begin; `DIFFERENTIAL_SEED` repeats a run. */
function firstSeed(t: TestContext): number {
  const seed = Number(process.env.DIFFERENTIAL_SEED ?? Math.floor(Math.random() * 1_000_000_000));
  t.diagnostic(`DIFFERENTIAL_SEED=${seed}`);
  return seed;
}

test('ten thousand random programs do the same before and after rewriting', async (t) => {
  const first = firstSeed(t);
  const until = performance.now() + MINUTES_FOR.programs * 60_000;
  let done = 0;
  for (; done < PROGRAMS && performance.now() < until; done++) {
    const seed = (first + done) >>> 0;
    await sameBehaviour(generateModule(seed), `seed ${seed}`);
  }
  t.diagnostic(`${done} programs`);
  assert.ok(done >= ENOUGH.programs, String(done));
});

test('a thousand modules of a fuzzer do the same before and after rewriting', async (t) => {
  const first = firstSeed(t);
  const until = performance.now() + MINUTES_FOR.fuzzed * 60_000;
  let done = 0;
  let compared = 0;
  for (; done < FUZZED && performance.now() < until; done += AT_ONCE) {
    const seeds = Array.from({ length: AT_ONCE }, (_, offset) => (first + done + offset) >>> 0);
    for (const [index, bytes] of (await Promise.all(seeds.map(fuzzModule))).entries()) {
      if ((await sameBehaviour(bytes, `seed ${seeds[index]}`)) !== null) compared++;
    }
  }
  t.diagnostic(`${done} modules, ${compared} of them without a trap at the start or an overflow`);
  assert.ok(done >= ENOUGH.fuzzed && compared > done / 2, `${compared} of ${done}`);
});

/** Modules that compilers made: our functions, and the official WASI suite where its folder is named. */
async function builtModules(t: TestContext): Promise<string[]> {
  const folders = [join(ROOT, 'functions')];
  const suite = process.env.WASI_TESTSUITE;
  if (suite !== undefined && suite !== '') folders.push(suite);
  else t.diagnostic('without the official suite: WASI_TESTSUITE does not name its folder');
  const found: string[] = [];
  for (const folder of folders) {
    for await (const file of glob('**/*.wasm', { cwd: folder, exclude: (name) => name.includes('node_modules') })) {
      found.push(join(folder, file));
    }
  }
  return found.toSorted();
}

test('modules that compilers made do the same before and after rewriting', async (t) => {
  const files = await builtModules(t);
  assert.ok(files.length > 0);
  let compared = 0;
  for (const file of files) {
    const used = await sameBehaviour(Uint8Array.from(readFileSync(file)), relative(ROOT, file));
    if (used !== null) compared++;
  }
  t.diagnostic(`${compared} of ${files.length} modules`);
  assert.ok(compared > files.length / 2, `${compared} of ${files.length}`);
});
