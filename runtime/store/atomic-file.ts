import { randomBytes } from 'node:crypto';
import { open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { InferbaseError } from '../core/errors.ts';
import { makeFolder } from '../core/folder.ts';
import { isGone, type Owner, ownerTag } from './owner.ts';

/** Called at named moments of a write; a test may end the process there. */
export type OnStep = (step: string) => void;

export interface AtomicFiles {
  /**
   * Writes a file so that readers, other processes and a restart see all of it or nothing: temporary file, fsync,
   * rename, fsync of the folder.
   * @param kind names the steps `<kind>-temp-written` and `<kind>-renamed`
   * @throws InferbaseError `ERR_STORE_UNAVAILABLE` naming the path
   */
  write(path: string, bytes: Uint8Array, kind: string): Promise<void>;
}

/** @param tmpDir on the same file system as everything written */
export function createAtomicFiles(init: { tmpDir: string; owner: Owner; onStep: OnStep }): AtomicFiles {
  const { tmpDir, owner, onStep } = init;

  async function writeOnce(path: string, bytes: Uint8Array, kind: string): Promise<void> {
    const temp = join(tmpDir, `${ownerTag(owner)}-${randomBytes(6).toString('hex')}.tmp`);
    try {
      await makeFolder(dirname(path));
      await writeSynced(temp, bytes);
      onStep(`${kind}-temp-written`);
      await rename(temp, path);
    } catch (error) {
      await rm(temp, { force: true }).catch(() => {});
      throw error;
    }
    onStep(`${kind}-renamed`);
    await syncFolder(dirname(path));
  }

  return {
    async write(path, bytes, kind) {
      try {
        await writeOnce(path, bytes, kind).catch((error: unknown) => {
          // Another process, blind to our process id, may have swept the temporary file away: once more.
          if (codeOf(error) !== 'ENOENT') throw error;
          return makeFolder(tmpDir).then(() => writeOnce(path, bytes, kind));
        });
      } catch (error) {
        throw storeUnavailable(path, error);
      }
    },
  };
}

async function writeSynced(path: string, bytes: Uint8Array): Promise<void> {
  await using file = await open(path, 'wx');
  await file.writeFile(bytes);
  await file.sync();
}

/** A rename is on disk only once its folder is; some file systems cannot sync one, and then it is as good as it gets. */
async function syncFolder(path: string): Promise<void> {
  try {
    await using folder = await open(path, 'r');
    await folder.sync();
  } catch (error) {
    if (!['EINVAL', 'EISDIR', 'EPERM', 'EACCES', 'ENOTSUP'].includes(codeOf(error))) throw error;
  }
}

/** Removes temporary files of processes that are gone, never one that a live process may be writing. */
export async function sweepLeftovers(tmpDir: string, owner: Owner): Promise<void> {
  for (const name of await readdir(tmpDir)) {
    if (!name.endsWith('.tmp')) continue;
    const path = join(tmpDir, name);
    const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Date.now() }));
    if (isGone(name, Date.now() - mtimeMs, owner)) await rm(path, { force: true });
  }
}

/** What a failed read or write of the data folder becomes. */
export function storeUnavailable(path: string, error: unknown): InferbaseError {
  if (error instanceof InferbaseError) return error;
  const why = codeOf(error) || (error instanceof Error ? error.message : String(error));
  return new InferbaseError(
    'ERR_STORE_UNAVAILABLE',
    `The data folder cannot be used: ${path} (${why}); make it writable or set another one with --data-dir.`,
    { cause: error },
  );
}

/** The `code` of a system error, or an empty string. */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}
