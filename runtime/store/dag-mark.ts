import type { CID } from 'multiformats/cid';
import { identityBlock, RAW } from '../core/cid.ts';
import type { BlockFolder } from './block-folder.ts';
import { linksOf } from './dag-links.ts';
import { blockKey } from './dag-walk.ts';

export interface Mark {
  readonly cid: CID;
  readonly isHere: boolean;
}

/**
 * Every block below a CID, itself included, each once, and whether it is in the folder. Raw blocks are not read, only
 * looked for; below a block that is missing nothing is known.
 * @throws InferbaseError `ERR_INVALID_ARCHIVE` for a block that is neither raw nor dag-pb
 */
export async function* markDag(
  root: CID,
  folder: Pick<BlockFolder, 'get' | 'has'>,
  seen: Set<string> = new Set(),
): AsyncGenerator<Mark, void, void> {
  const left: CID[] = [root];
  for (let cid = left.pop(); cid !== undefined; cid = left.pop()) {
    const key = blockKey(cid);
    if (seen.has(key)) continue;
    seen.add(key);
    const carried = identityBlock(cid) !== undefined;
    if (cid.code === RAW) {
      if (!carried) yield { cid, isHere: await folder.has(cid) };
      continue;
    }
    const bytes = await folder.get(cid);
    if (!carried) yield { cid, isHere: bytes !== undefined };
    if (bytes !== undefined) for (const link of await linksOf(cid, bytes)) left.push(link);
  }
}

/** The blocks below a CID that are not in the folder: how many, and the first few. */
export async function findMissing(
  root: CID,
  folder: Pick<BlockFolder, 'get' | 'has'>,
): Promise<{ readonly count: number; readonly some: readonly CID[] }> {
  const some: CID[] = [];
  let count = 0;
  for await (const { cid, isHere } of markDag(root, folder)) {
    if (isHere) continue;
    count++;
    if (some.length < 5) some.push(cid);
  }
  return { count, some };
}
