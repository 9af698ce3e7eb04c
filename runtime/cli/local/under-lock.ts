import { join } from 'node:path';
import { InferbaseError } from '../../core/errors.ts';
import { makeFolder } from '../../core/folder.ts';
import { withLock } from '../../store/lock.ts';
import { createOwner, releaseOwner } from '../../store/owner.ts';
import { nodesFolder } from './role.ts';

/**
 * Lets one command at a time start or end processes of a project.
 * @throws InferbaseError `ERR_BUSY` when another one takes long
 */
export async function underLock<T>(root: string, work: () => Promise<T>): Promise<T> {
  await makeFolder(nodesFolder(root));
  const owner = createOwner();
  let has = false;
  try {
    return await withLock(join(nodesFolder(root), '.lock'), owner, () => {
      has = true;
      return work();
    });
  } catch (cause) {
    if (has || !(cause instanceof InferbaseError)) throw cause;
    const message = 'another run or terminate is at work in this project; wait until it is done, or end it with Ctrl-C';
    throw new InferbaseError('ERR_BUSY', message, { cause });
  } finally {
    releaseOwner(owner);
  }
}
