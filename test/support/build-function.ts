import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { compileFunction } from '../../runtime/cli/compile-function.ts';

const FUNCTIONS = join(import.meta.dirname, '..', '..', 'functions');

/**
 * The module of `functions/NAME`, as its own asconfig.json says; the runner has built it before the tests, and it is
 * compiled anew where something has changed since.
 * @param force compiled in any case; for what is alone in using the function
 * @throws Error with the compiler's output
 */
export async function buildFunction(name: string, { force = false } = {}): Promise<Uint8Array<ArrayBuffer>> {
  const { path } = await compileFunction(join(FUNCTIONS, name), { force });
  return Uint8Array.from(await readFile(path));
}
