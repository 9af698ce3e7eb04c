import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { createRandom } from './generate.ts';

// Comes with assemblyscript.
const binaryen = createRequire(createRequire(import.meta.url).resolve('assemblyscript/bin/asc.js')).resolve('binaryen');
const FEATURES = [
  ...['simd', 'bulk-memory', 'tail-call', 'multivalue', 'nontrapping-float-to-int', 'sign-ext', 'mutable-globals'],
].map((feature) => `--enable-${feature}`);
const INPUT_BYTES = 8_000;

/**
 * The module that binaryen makes of random bytes: SIMD, bulk operations, tail calls, several results, with a bound on how
 * often anything runs. Bits of a NaN, which are not the same everywhere, are taken out of it.
 */
export async function fuzzModule(seed: number): Promise<Uint8Array> {
  const folder = await mkdtemp(join(tmpdir(), 'inferbase-fuzz-'));
  try {
    const random = createRandom(seed);
    const input = join(folder, 'input');
    await writeFile(
      input,
      Uint8Array.from({ length: INPUT_BYTES }, () => random(256)),
    );
    const output = join(folder, 'module.wasm');
    const args = [join(dirname(binaryen), 'bin/wasm-opt'), '-ttf', input, '-o', output, '--denan', ...FEATURES];
    await promisify(execFile)(process.execPath, args);
    return await readFile(output);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
