import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { randomFrom } from './random.ts';
import { TARGETS } from './targets.ts';

const RUN = fileURLToPath(new URL('run.ts', import.meta.url));

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function fuzz(...args: readonly string[]): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(process.execPath, [RUN, ...args], (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
    );
  });
}

describe('the fuzzer', () => {
  test('prints its seed, counts its cases and finds nothing', async () => {
    const { code, stdout, stderr } = await fuzz('--seed', '7', '--target', 'json', '--target', 'tar', '--cases', '50');
    assert.equal(code, 0, stderr);
    assert.match(stdout, /seed 7,/);
    assert.match(stdout, /json +50 cases\ntar +50 cases\nin all +100 cases, nothing found, \d+ MiB/);
  });

  test('says what it can be told', async () => {
    const { code, stderr } = await fuzz('--target', 'nothing');
    assert.equal(code, 2);
    assert.match(stderr, /no target nothing; there are rewriter.*usage: npm run fuzz/s);
    assert.equal((await fuzz('--seed', 'x')).code, 2);
  });

  test('makes the same case of the same seed', () => {
    const draw = (seed: number) => {
      const random = randomFrom(seed);
      return [random.below(1_000), [...random.bytes(5)], random.pick(['a', 'b', 'c'])];
    };
    assert.deepEqual(draw(5), draw(5));
    assert.notDeepEqual(draw(5), draw(6));
  });

  for (const { name, open } of TARGETS) {
    test(`target ${name}: the first cases`, async () => {
      const target = await open();
      try {
        for (let seed = 0; seed < 5; seed++) await target.try(randomFrom(seed));
      } finally {
        await target.close?.();
      }
    });
  }
});
