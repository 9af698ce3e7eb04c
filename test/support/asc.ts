import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const asc = createRequire(import.meta.url).resolve('assemblyscript/bin/asc.js');

/**
 * Compiles `index.ts` of a folder with the `release` target of the asconfig.json beside it.
 * @param folder file URL of the folder, with a trailing slash
 */
export async function compile(folder: URL): Promise<Uint8Array> {
  const out = await mkdtemp(join(tmpdir(), 'inferbase-asc-'));
  try {
    const wasm = join(out, 'out.wasm');
    // The flag keeps the compiler's launcher from starting a second process.
    await run(process.execPath, ['--enable-source-maps', asc, 'index.ts', '--target', 'release', '--outFile', wasm], {
      cwd: fileURLToPath(folder),
    });
    return await readFile(wasm);
  } finally {
    await rm(out, { recursive: true, force: true });
  }
}
