import { join } from 'node:path';
import { InferbaseError } from '../../core/errors.ts';
import { makeFolder } from '../../core/folder.ts';
import { withLock } from '../../store/lock.ts';
import { createOwner, releaseOwner } from '../../store/owner.ts';
import { throwIfInterrupted } from '../interrupt.ts';
import { nodesFolder } from './role.ts';

/** As long as starting everything may take; one attempt to get the lock takes ten seconds. */
const PATIENCE_MS = 120_000;

/**
 * Lets one command at a time start or end processes of a project; others wait.
 * @throws InferbaseError `ERR_BUSY` when another one takes too long, `ERR_CANCELLED` when `signal` aborts meanwhile
 */
export async function underLock<T>(root: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  await makeFolder(nodesFolder(root));
  const owner = createOwner();
  let has = false;
  try {
    for (const until = Date.now() + PATIENCE_MS; ; ) {
      try {
        return await withLock(join(nodesFolder(root), '.lock'), owner, () => {
          has = true;
          return work();
        });
      } catch (cause) {
        if (has || !(cause instanceof InferbaseError)) throw cause;
        throwIfInterrupted(signal);
        if (Date.now() < until) continue;
        const message =
          'another run or terminate is at work in this project; wait until it is done, or end it with Ctrl-C';
        throw new InferbaseError('ERR_BUSY', message, { cause });
      }
    }
  } finally {
    releaseOwner(owner);
  }
}
