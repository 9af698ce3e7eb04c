import { lstat, readlink, rm, symlink } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { codeOf, storeUnavailable } from './atomic-file.ts';
import { isGone, type Owner, ownerTag } from './owner.ts';

/** Far longer than anything that is done under a lock. */
const PATIENCE_MS = 10_000;
const RETRY_MS = 20;
/** Processes that died one after the other while breaking the lock of the one before. */
const MAX_DEAD = 8;

/**
 * Runs work while holding a lock file that several processes respect. One that a dead process left is broken.
 * @throws InferbaseError `ERR_STORE_UNAVAILABLE` when a live process holds it for too long
 */
export async function withLock<T>(path: string, owner: Owner, work: () => Promise<T>): Promise<T> {
  await acquire(path, owner);
  try {
    return await work();
  } finally {
    await rm(path, { force: true });
  }
}

async function acquire(path: string, owner: Owner): Promise<void> {
  for (const start = Date.now(); ; ) {
    if (await create(path, owner)) return;
    await breakStale(path, owner, 0);
    if (Date.now() - start > PATIENCE_MS) throw storeUnavailable(path, new Error('another process holds this lock'));
    await sleep(RETRY_MS);
  }
}

/** A symbolic link comes into being with its holder's name in it, which a file does not. */
async function create(path: string, owner: Owner): Promise<boolean> {
  try {
    await symlink(ownerTag(owner), path);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw storeUnavailable(path, error);
  }
}

/**
 * Removes a dead process's lock. Of all that find it dead, one gets to: the one that makes the marker named after the dead
 * holder. It looks again while it has the marker, since another may have broken the lock, and a third taken it, meanwhile.
 */
async function breakStale(path: string, owner: Owner, depth: number): Promise<void> {
  const holder = await deadHolder(path, owner);
  if (holder === undefined || depth > MAX_DEAD) return;
  // What a link names is anybody's word: of a tag of ours nothing is lost.
  const marker = `${path}.${holder.replace(/[^0-9a-f-]/g, '').slice(0, 32)}`;
  if (!(await create(marker, owner))) {
    // Whoever was at it may have died over it.
    await breakStale(marker, owner, depth + 1);
    return;
  }
  try {
    if ((await deadHolder(path, owner)) === holder) await rm(path, { force: true });
  } finally {
    await rm(marker, { force: true });
  }
}

/** Who left the lock, or `undefined` where there is none or its holder lives. */
async function deadHolder(path: string, owner: Owner): Promise<string | undefined> {
  try {
    const holder = await readlink(path);
    const { mtimeMs } = await lstat(path);
    return isGone(holder, Date.now() - mtimeMs, owner) ? holder : undefined;
  } catch (error) {
    // Given back meanwhile.
    if (codeOf(error) === 'ENOENT') return undefined;
    throw storeUnavailable(path, error);
  }
}
