import type { CID } from 'multiformats/cid';
import { identityBlock } from '../../core/cid.ts';
import { InferbaseError } from '../../core/errors.ts';
import type { BlockFolder } from '../block-folder.ts';
import { findMissing } from '../dag-mark.ts';
import { type CarCaps, readCar } from './read-car.ts';

/** Blocks that are written to disk at the same time. */
const WRITES = 8;

export interface CarImport {
  readonly roots: readonly CID[];
  readonly version: 1 | 2;
  /** Blocks in the archive, repeated ones included, and their bytes. */
  readonly blocks: number;
  readonly bytes: number;
}

export interface ImportOptions {
  readonly caps: CarCaps;
  readonly signal: AbortSignal;
  /** Called after each block with the bytes of blocks so far. */
  readonly onProgress?: (bytes: number) => void;
}

/**
 * Stores the blocks of a CAR, in whatever order they come, then checks that everything below its roots is here. Blocks of
 * an archive that turns out to be bad stay, each of them true; they are collected as anything nobody wants.
 * @throws InferbaseError as {@link readCar}; `ERR_INVALID_ARCHIVE` as well when blocks below a root are missing
 */
export async function importCar(
  components: { folder: BlockFolder },
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  options: ImportOptions,
): Promise<CarImport> {
  const { folder } = components;
  const car = await readCar(source, options.caps);
  const writing = new Set<Promise<void>>();
  let blocks = 0;
  let bytes = 0;
  try {
    for await (const block of car.blocks) {
      options.signal.throwIfAborted();
      blocks++;
      bytes += block.bytes.length;
      options.onProgress?.(bytes);
      if (identityBlock(block.cid) !== undefined) continue;
      const write = folder.put(block.cid, block.bytes).finally(() => writing.delete(write));
      writing.add(write);
      // Its error is thrown by the race or at the end.
      write.catch(() => {});
      if (writing.size >= WRITES) await Promise.race(writing);
    }
  } finally {
    await Promise.all(writing);
  }
  for (const root of car.roots) await requireWhole(folder, root);
  return { roots: car.roots, version: car.version, blocks, bytes };
}

async function requireWhole(folder: BlockFolder, root: CID): Promise<void> {
  const { count, some } = await findMissing(root, folder);
  if (count === 0) return;
  throw new InferbaseError(
    'ERR_INVALID_ARCHIVE',
    `The CAR is not complete: ${count} block${count === 1 ? '' : 's'} below its root ${root} ${count === 1 ? 'is' : 'are'} missing; export it again.`,
    { details: some.map((cid) => `missing: ${cid}`) },
  );
}
