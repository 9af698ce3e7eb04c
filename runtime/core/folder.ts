import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * As `mkdir -p`. Node's own recursive form never returns where the kernel says ENOENT for ever, as in `/proc`.
 * @param mode of the folders that are made
 * @throws the system's error; `EEXIST` when a file has that name, `ENOTDIR` when one lies on the way
 */
export async function makeFolder(path: string, mode = 0o777): Promise<void> {
  try {
    await mkdirOnce(path, mode);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT' || dirname(path) === path) throw error;
    await makeFolder(dirname(path), mode);
    await mkdirOnce(path, mode);
  }
}

/** Whether a file or folder is there, as far as this user may see. */
export async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

async function mkdirOnce(path: string, mode: number): Promise<void> {
  try {
    await mkdir(path, mode);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST' || !(await stat(path)).isDirectory()) throw error;
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
