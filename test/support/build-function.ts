import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const asc = createRequire(import.meta.url).resolve('assemblyscript/bin/asc.js');
const FUNCTIONS = join(import.meta.dirname, '..', '..', 'functions');

/**
 * Compiles `functions/NAME` as its own asconfig.json says, but into a temporary file, so that tests that run at the same
 * time do not write the same one.
 * @returns the module
 * @throws Error with the compiler's output
 */
export async function buildFunction(name: string): Promise<Uint8Array<ArrayBuffer>> {
  const folder = await mkdtemp(join(tmpdir(), 'inferbase-function-'));
  const file = join(folder, `${name}.wasm`);
  try {
    await promisify(execFile)(process.execPath, [asc, '--outFile', file], { cwd: join(FUNCTIONS, name) });
    return Uint8Array.from(await readFile(file));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
