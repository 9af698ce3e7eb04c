import { randomUUID } from 'node:crypto';
import { link, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isThere, makeFolder } from '../core/folder.ts';

/**
 * Writes a file that is not there yet, whole and on disk before it has its name, with the folders on the way readable by
 * their owner only. One that is there, or that another process makes meanwhile, stays as it is.
 * @throws the system's error
 */
export async function createFile(path: string, bytes: Uint8Array, mode: number): Promise<void> {
  await makeFolder(dirname(path), 0o700);
  await throughTemporary(path, bytes, mode, async (temporary) => {
    try {
      // `link` is the rename that never replaces; the few file systems without hard links get the plain one.
      await link(temporary, path);
    } catch (error) {
      const code = codeOf(error);
      if (code === 'EEXIST') return;
      if (code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'EOPNOTSUPP' && code !== 'ENOSYS') throw error;
      if (!(await isThere(path))) await rename(temporary, path);
    }
  });
}

/**
 * Writes a file, in place of one of that name; a reader sees all of the old one or all of the new one.
 * @throws the system's error
 */
export async function replaceFile(path: string, bytes: Uint8Array, mode: number): Promise<void> {
  await throughTemporary(path, bytes, mode, (temporary) => rename(temporary, path));
}

async function throughTemporary(
  path: string,
  bytes: Uint8Array,
  mode: number,
  publish: (temporary: string) => Promise<void>,
): Promise<void> {
  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    const file = await open(temporary, 'wx', mode);
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await publish(temporary);
  } finally {
    await rm(temporary, { force: true });
  }
  await syncFolder(dirname(path));
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r').catch(() => null);
  // Some systems cannot open or sync a folder; the file itself is on disk by now.
  await folder?.sync().catch(() => {});
  await folder?.close();
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
